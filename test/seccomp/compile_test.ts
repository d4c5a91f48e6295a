import assert from "node:assert/strict";
import { test } from "node:test";
import { RETURN_ALLOW, RETURN_ENOSYS } from "../../src/seccomp/actions.ts";
import { architectureOf, knownArchitectures, multiplexed, numbersOf } from "../../src/seccomp/architectures.ts";
import { compileSeccomp, type Machine } from "../../src/seccomp/mod.ts";
import { seccompArchitectures } from "../../src/spec/enumerations.ts";
import type { Seccomp, SeccompRule } from "../../src/spec/types.ts";
import { callNames } from "../../syscalls/generated/call_numbers.ts";
import { checkFilter, runFilter } from "../support/bpf.ts";
import { dockerProfile, podmanProfile, randomProfile } from "./profiles.ts";

const X86_64 = 0xc000_003e;
const X86 = 0x4000_0003;
const AARCH64 = 0xc000_00b7;
const EPERM = 0x5_0001;

const names = callNames().split(" ");
const table = numbersOf(architectureOf("SCMP_ARCH_X86_64")!);
const numberOf = (name: string): number => table[names.indexOf(name)]!;

/** What a call gets under a profile. */
function verdict(seccomp: Seccomp, name: string | number, args: bigint[] = [], arch = X86_64): number {
  const { words } = compileSeccomp(seccomp, "x86_64");
  checkFilter(words);
  return runFilter(words, { nr: typeof name === "number" ? name : numberOf(name), arch, args }).value;
}

const profile = (...syscalls: SeccompRule[]): Seccomp => ({ defaultAction: "SCMP_ACT_ERRNO", syscalls });
const allow = (name: string, ...args: NonNullable<SeccompRule["args"]>): SeccompRule => ({
  names: [name],
  action: "SCMP_ACT_ALLOW",
  args,
});

test("compileSeccomp() returns what each action says", () => {
  const results = [
    ["SCMP_ACT_KILL", 0],
    ["SCMP_ACT_KILL_THREAD", 0],
    ["SCMP_ACT_KILL_PROCESS", 0x8000_0000],
    ["SCMP_ACT_TRAP", 0x3_0000],
    ["SCMP_ACT_ERRNO", EPERM],
    ["SCMP_ACT_TRACE", 0x7ff0_0001],
    ["SCMP_ACT_ALLOW", RETURN_ALLOW],
    ["SCMP_ACT_LOG", 0x7ffc_0000],
  ] as const;
  for (const [action, value] of results) {
    assert.equal(verdict({ defaultAction: action }, "read"), value, action);
    const other = action === "SCMP_ACT_ALLOW" ? "SCMP_ACT_LOG" : "SCMP_ACT_ALLOW";
    assert.equal(verdict({ defaultAction: other, syscalls: [{ names: ["read"], action }] }, "read"), value, action);
  }
  const notify: Seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
  };
  assert.equal(verdict(notify, "mkdir"), 0x7fc0_0000);
  assert.equal(compileSeccomp(notify, "x86_64").usesNotify, true);
});

test("compileSeccomp() gives numbers along with ERRNO and TRACE", () => {
  assert.equal(verdict({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38 }, "read"), RETURN_ENOSYS);
  const rule: SeccompRule = { names: ["read"], action: "SCMP_ACT_TRACE", errnoRet: 7 };
  assert.equal(verdict({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] }, "read"), 0x7ff0_0007);
});

test("compileSeccomp() kills calls of architectures that the profile does not name", () => {
  assert.equal(verdict({ defaultAction: "SCMP_ACT_ALLOW" }, 0, [], X86), 0);
  assert.equal(verdict({ defaultAction: "SCMP_ACT_ALLOW" }, 0x4000_0000), 0, "x32");
  const both: Seccomp = { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] };
  assert.equal(verdict(both, 0, [], X86), RETURN_ALLOW);
  assert.equal(verdict(both, 0x4000_0000), RETURN_ALLOW);
  assert.equal(verdict(both, 0), RETURN_ALLOW, "the machine's own is always there");
});

test("compileSeccomp() says ENOSYS to calls younger than the youngest one named", () => {
  const seccomp = profile(allow("read"), allow("openat2"));
  assert.equal(verdict(seccomp, numberOf("openat2")), RETURN_ALLOW);
  assert.equal(verdict(seccomp, numberOf("openat2") - 1), EPERM);
  assert.equal(verdict(seccomp, numberOf("openat2") + 1), RETURN_ENOSYS);
  assert.equal(verdict({ ...seccomp, defaultAction: "SCMP_ACT_LOG" }, 500), 0x7ffc_0000);
  assert.equal(verdict({ defaultAction: "SCMP_ACT_ERRNO" }, 500), EPERM, "nothing is named");
});

test("compileSeccomp() leaves out names that no architecture knows, and tells them", () => {
  const seccomp = profile(allow("read"), allow("frobnicate"), allow("frobnicate"));
  assert.deepEqual(compileSeccomp(seccomp, "x86_64").unknown, ["frobnicate"]);
});

test("compileSeccomp() compares whole 64-bit arguments", () => {
  const big = 2 ** 32 + 5;
  const cases = [
    ["SCMP_CMP_EQ", [BigInt(big)], [5n, BigInt(big) + 1n]],
    ["SCMP_CMP_NE", [5n, 2n ** 33n + 5n], [BigInt(big)]],
    ["SCMP_CMP_LT", [4n, 2n ** 32n + 4n, 0xffff_ffffn], [BigInt(big), 2n ** 33n]],
    ["SCMP_CMP_LE", [BigInt(big), 0xffff_ffffn], [BigInt(big) + 1n, 2n ** 33n, 2n ** 63n]],
    ["SCMP_CMP_GE", [BigInt(big), 2n ** 33n], [2n ** 32n + 4n, 0xffff_ffffn]],
    ["SCMP_CMP_GT", [BigInt(big) + 1n, 2n ** 63n], [BigInt(big), 0xffff_ffffn]],
  ] as const;
  for (const [op, matching, others] of cases) {
    const seccomp = profile(allow("read", { index: 2, value: big, op }));
    for (const value of matching)
      assert.equal(verdict(seccomp, "read", [0n, 0n, value]), RETURN_ALLOW, `${op} ${value}`);
    for (const value of others) assert.equal(verdict(seccomp, "read", [0n, 0n, value]), EPERM, `${op} ${value}`);
  }
});

test("compileSeccomp() masks an argument by value and compares to valueTwo", () => {
  const rule = allow("read", {
    index: 0,
    value: 0xff00_0000_00f0n,
    valueTwo: 0x1200_0000_0030,
    op: "SCMP_CMP_MASKED_EQ",
  });
  assert.equal(
    verdict(profile(rule), "read", [(0xab_1234_5678_9a3fn & ~0xff00_0000_0000n) | 0x1200_0000_0000n]),
    RETURN_ALLOW,
  );
  assert.equal(verdict(profile(rule), "read", [0x1300_0000_0030n]), EPERM);
});

test("compileSeccomp() asks for all conditions of a rule, for one of those on the same argument", () => {
  const two = profile(
    allow("read", { index: 0, value: 1, op: "SCMP_CMP_EQ" }, { index: 1, value: 2, op: "SCMP_CMP_EQ" }),
  );
  assert.equal(verdict(two, "read", [1n, 2n]), RETURN_ALLOW);
  assert.equal(verdict(two, "read", [1n, 3n]), EPERM);
  const either = profile(
    allow("read", { index: 0, value: 1, op: "SCMP_CMP_EQ" }, { index: 0, value: 2, op: "SCMP_CMP_EQ" }),
  );
  assert.equal(verdict(either, "read", [1n]), RETURN_ALLOW);
  assert.equal(verdict(either, "read", [2n]), RETURN_ALLOW);
  assert.equal(verdict(either, "read", [3n]), EPERM);
});

test("compileSeccomp() lets the first rule without conditions decide, wherever it stands", () => {
  const on = allow("read", { index: 0, value: 1, op: "SCMP_CMP_EQ" });
  const trap: SeccompRule = { names: ["read"], action: "SCMP_ACT_TRAP" };
  assert.equal(verdict(profile(on, trap), "read", [1n]), 0x3_0000);
  assert.equal(verdict(profile(trap, allow("read")), "read"), 0x3_0000);
  const redundant: SeccompRule = { names: ["read"], action: "SCMP_ACT_ERRNO" };
  assert.equal(verdict(profile(redundant, allow("read")), "read"), RETURN_ALLOW, "the default's own action is no rule");
});

test("compileSeccomp() tests the more particular rule first", () => {
  const log = (value: number, op: "SCMP_CMP_GE" | "SCMP_CMP_LE" | "SCMP_CMP_EQ"): SeccompRule => ({
    names: ["read"],
    action: "SCMP_ACT_LOG",
    args: [{ index: 0, value, op }],
  });
  const wide = allow("read", { index: 0, value: 10, op: "SCMP_CMP_GE" });
  for (const rules of [
    [wide, log(20, "SCMP_CMP_GE")],
    [log(20, "SCMP_CMP_EQ"), wide],
  ]) {
    assert.equal(verdict(profile(...rules), "read", [20n]), 0x7ffc_0000);
    assert.equal(verdict(profile(...rules), "read", [11n]), RETURN_ALLOW);
  }
});

test("compileSeccomp() passes calls through socketcall and ipc on i386", () => {
  const seccomp: Seccomp = { ...profile(allow("connect"), allow("shmat")), architectures: ["SCMP_ARCH_X86"] };
  assert.equal(verdict(seccomp, 102, [3n], X86), RETURN_ALLOW);
  assert.equal(verdict(seccomp, 102, [1n], X86), EPERM);
  assert.equal(verdict(seccomp, 117, [21n], X86), RETURN_ALLOW);
  assert.equal(verdict(seccomp, 117, [22n], X86), EPERM);
});

test("multiplexed() numbers functions as linux/net.h and linux/ipc.h do", () => {
  const numbers = { socket: 1, accept: 5, recvmsg: 17, sendmmsg: 20, semop: 1, semtimedop: 4, msgsnd: 11, shmctl: 24 };
  for (const [name, call] of Object.entries(numbers)) assert.equal(multiplexed(name)?.call, call, name);
  assert.equal(multiplexed("read"), undefined);
});

test("compileSeccomp() decides allowed calls in a way that the kernel evaluates beforehand", () => {
  for (const seccomp of [podmanProfile(), dockerProfile()]) {
    const { words } = compileSeccomp(seccomp, "x86_64");
    let allowed = 0;
    const conditional = new Set(
      seccomp.syscalls!.filter(({ args }) => args !== undefined).flatMap((rule) => rule.names),
    );
    for (const rule of seccomp.syscalls!.filter(({ action }) => action === "SCMP_ACT_ALLOW")) {
      for (const name of rule.names) {
        if (conditional.has(name) || numberOf(name) < 0) continue;
        const { value, steps } = runFilter(words, { nr: numberOf(name), arch: X86_64, args: [] }, true);
        assert.equal(value, RETURN_ALLOW, name);
        assert.ok(steps <= 16, `${name} takes ${steps} instructions`);
        allowed++;
      }
    }
    assert.ok(allowed > 250);
  }
});

test("compileSeccomp() decides the most frequent calls within 8 instructions", () => {
  const { words } = compileSeccomp(podmanProfile(), "x86_64");
  for (const name of ["read", "write", "futex", "openat", "close", "getppid"]) {
    assert.ok(runFilter(words, { nr: numberOf(name), arch: X86_64, args: [] }).steps <= 8, name);
  }
});

test("compileSeccomp() makes the same filter of the same profile", () => {
  for (let seed = 1; seed < 20; seed++) {
    assert.deepEqual(compileSeccomp(randomProfile(seed), "x86_64"), compileSeccomp(randomProfile(seed), "x86_64"));
  }
});

test("compileSeccomp() compiles for every architecture it has a table of, and tells the others", () => {
  const without = seccompArchitectures.filter((name) => !knownArchitectures().includes(name));
  assert.deepEqual(without, ["SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB"]);
  const architectures = [...knownArchitectures(), "SCMP_ARCH_PARISC" as const];
  for (const machine of ["x86_64", "aarch64"] satisfies Machine[]) {
    const { words, left } = compileSeccomp({ ...podmanProfile(), architectures }, machine);
    checkFilter(words);
    assert.deepEqual(left, ["SCMP_ARCH_PARISC"]);
    for (const name of knownArchitectures()) {
      const architecture = architectureOf(name)!;
      const { token } = architecture;
      const read = numbersOf(architecture)[names.indexOf("read")]!;
      assert.equal(runFilter(words, { nr: read, arch: token, args: [] }).value, RETURN_ALLOW, name);
    }
  }
  assert.equal(
    runFilter(compileSeccomp(podmanProfile(), "aarch64").words, { nr: 63, arch: AARCH64, args: [] }).value,
    RETURN_ALLOW,
  );
});

test("compileSeccomp() jumps as far as it takes, and refuses what the kernel would", () => {
  const rules = (count: number): Seccomp =>
    profile(
      ...Array.from({ length: count }, (_, i): SeccompRule =>
        allow("read", { index: i % 6, value: 2 ** 33 * (i + 1), op: "SCMP_CMP_EQ" }),
      ),
      allow("write"),
    );
  assert.equal(verdict(rules(900), "read", [0n, 2n ** 33n * 2n]), RETURN_ALLOW);
  assert.equal(verdict(rules(900), "read", [1n]), EPERM);
  assert.equal(verdict(rules(900), "write"), RETURN_ALLOW);
  assert.throws(() => compileSeccomp(rules(1100), "x86_64"), {
    name: "SpecError",
    message: /fit 4096 BPF instructions but received \d+/,
  });
});
