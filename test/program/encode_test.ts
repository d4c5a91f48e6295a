import { test } from "node:test";
import assert from "node:assert/strict";
import { PlanError } from "../../src/errors.ts";
import { PlanBuilder } from "../../src/plan/builder.ts";
import { decode, textAt } from "../../src/program/decode.ts";
import type { Placed } from "../../src/program/addresses.ts";
import { encode, type Image } from "../../src/program/encode.ts";
import type { Tables } from "../../src/program/tables.ts";
import * as aarch64 from "../../syscalls/generated/numbers_aarch64.ts";
import * as x86_64 from "../../syscalls/generated/numbers_x86_64.ts";

const tablesFor = (arch: "x86_64" | "aarch64"): Tables => (arch === "x86_64" ? x86_64 : aarch64);
const tables = tablesFor("x86_64");
const BASE = 0x600000;

function image(build: (b: PlanBuilder) => void, arch: "x86_64" | "aarch64" = "x86_64"): Image {
  const b = new PlanBuilder();
  build(b);
  const plan = b.build();
  const placed: Placed[] = plan.items.map((item, address) => ({ item, address }));
  return encode(placed, tablesFor(arch), plan.registers, -1, () => BASE);
}

/** The first instruction as its nine words. */
function words(encoded: Image): string[] {
  const view = new DataView(encoded.bytes.buffer);
  return Array.from({ length: 9 }, (_, i) => view.getBigUint64(40 + 8 * i, true).toString(16));
}

test("encode() lays out a call without arguments as number, no register and zeros", () => {
  assert.deepEqual(words(image((b) => b.call("getpid", []))), ["ffff0027", "0", "0", "0", "0", "0", "0", "0", "0"]);
});

test("encode() writes the result register into the upper half of the first word", () => {
  assert.equal(words(image((b) => b.open("getpid", [])))[0], "27");
});

test("encode() sign-extends AT_FDCWD and evaluates flags", () => {
  const w = words(image((b) => b.call("openat", ["AT_FDCWD", "/x", "O_PATH|O_CLOEXEC", 0])));
  assert.deepEqual([w[0], w[1], w[2], w[4]], ["ffff0101", "10", "ffffffffffffff9c", "280000"]);
});

test("encode() refuses what is no number", () => {
  assert.throws(() => image((b) => b.call("ioprio_set", ["IOPRIO_WHO_PROCESS", 0, NaN])), PlanError);
  assert.throws(() => image((b) => b.call("ioprio_set", ["IOPRIO_WHO_PROCESS", 0, Infinity])), PlanError);
  assert.throws(() => image((b) => b.call("openat2", ["AT_FDCWD", "a", { flags: "O_PATH", mode: NaN }])), PlanError);
});

test("encode() marks a register argument by its form", () => {
  const [, second] = decode(
    image((b) => b.call("close", [b.open("getpid", [])])),
    tables,
  );
  assert.deepEqual(second?.operands[0], { form: "register", value: 0 });
});

test("encode() adds the length of data and the size of structures", () => {
  const [first] = decode(
    image((b) => b.call("sethostname", ["höst"])),
    tables,
  );
  assert.equal(first?.operands[1]?.value, 5);
  const [open] = decode(
    image((b) => b.call("openat2", ["AT_FDCWD", "a", { flags: "O_PATH" }])),
    tables,
  );
  assert.equal(open?.operands[3]?.value, 24);
});

test("encode() stores a register into a structure before the call", () => {
  const code = decode(
    image((b) => b.call("mount_setattr", ["AT_FDCWD", "/", "0", { userns_fd: b.open("getpid", []) }])),
    tables,
  );
  assert.deepEqual(
    code.map(({ call }) => call),
    ["getpid", "store", "mount_setattr", "end"],
  );
});

test("encode() writes device numbers as the kernel takes them", () => {
  const [first] = decode(
    image((b) => b.call("mknodat", ["AT_FDCWD", "x", "S_IFBLK|0660", { major: 259, minor: 70000 }])),
    tables,
  );
  assert.equal(first?.operands[3]?.value, (70000 & 0xff) | (259 << 8) | ((70000 & ~0xff) << 12));
});

test("encode() writes an unlimited resource as all ones", () => {
  const encoded = image((b) => b.call("prlimit64", [0, "RLIMIT_CORE", { rlim_cur: "RLIM_INFINITY", rlim_max: 4096 }]));
  const [first] = decode(encoded, tables);
  const at = new DataView(encoded.bytes.buffer).getUint32(16, true) + first!.operands[2]!.value;
  const view = new DataView(encoded.bytes.buffer);
  assert.deepEqual([view.getBigUint64(at, true), view.getBigUint64(at + 8, true)], [0xffffffffffffffffn, 4096n]);
});

test("encode() writes a field of 64 bits to the last one", () => {
  for (const [given, written] of [
    [2n ** 53n + 1n, 0x20_0000_0000_0001n],
    [2n ** 63n, 0x8000_0000_0000_0000n],
    [2n ** 64n - 2n, 0xffff_ffff_ffff_fffen],
    [2 ** 53 - 1, 0x1f_ffff_ffff_ffffn],
  ] as const) {
    const encoded = image((b) => b.call("prlimit64", [0, "RLIMIT_CORE", { rlim_cur: given, rlim_max: given }]));
    const [first] = decode(encoded, tables);
    const at = new DataView(encoded.bytes.buffer).getUint32(16, true) + first!.operands[2]!.value;
    const view = new DataView(encoded.bytes.buffer);
    assert.deepEqual([view.getBigUint64(at, true), view.getBigUint64(at + 8, true)], [written, written]);
  }
});

test("encode() ends a vector with NULL and points it at its texts", () => {
  const encoded = image((b) => b.call("execve", ["/bin/a", ["a", "b"], []]));
  const [first] = decode(encoded, tables);
  const view = new DataView(encoded.bytes.buffer);
  const pool = view.getUint32(16, true);
  const at = pool + first!.operands[1]!.value;
  const texts = [0, 8].map((offset) => textAt(encoded, Number(view.getBigUint64(at + offset, true)) - BASE - pool));
  assert.deepEqual(texts, ["a", "b"]);
  assert.equal(view.getBigUint64(at + 16, true), 0n);
});

test("encode() leads the errnos of an alternative to its branches and past its end", () => {
  const code = decode(
    image((b) =>
      b.alternative({
        attempt: () => b.call("chdir", ["/a"]),
        then: () => b.call("chdir", ["/b"]),
        branches: [
          { on: ["ENOENT", "ENOTDIR"], why: "x", items: () => b.call("chdir", ["/c"]) },
          { on: ["EACCES"], why: "y" },
        ],
      }),
    ),
    tables,
  );
  assert.deepEqual(
    code.map(({ call }) => call),
    ["chdir", "chdir", "jump", "chdir", "end"],
  );
  assert.deepEqual(code[0]?.handlers, [
    { errno: 2, target: 3 },
    { errno: 20, target: 3 },
    { errno: 13, target: 4 },
  ]);
  assert.equal(code[2]?.operands[0]?.value, 4);
});

test("encode() takes the numbers of the other architecture", () => {
  const code = decode(
    image((b) => b.call("openat", ["AT_FDCWD", "/x", "O_DIRECTORY", 0]), "aarch64"),
    tablesFor("aarch64"),
  );
  assert.deepEqual([code[0]?.call, code[0]?.operands[2]?.value], ["openat", 0o40000]);
});

test("encode() grows beyond its first buffers", () => {
  const long = "x".repeat(5000);
  const encoded = image((b) => {
    for (let i = 0; i < 400; i++) b.call("chdir", [`${long}${i}`]);
  });
  const code = decode(encoded, tables);
  assert.equal(code.length, 401);
  assert.equal(textAt(encoded, code[399]!.operands[0]!.value), `${long}399`);
});
