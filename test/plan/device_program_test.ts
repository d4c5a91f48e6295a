import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceAccesses } from "../../src/plan/cgroup_devices.ts";
import { anyNumber, compileDeviceRules, type DeviceAccess } from "../../src/plan/device_program.ts";
import { deviceProgramText } from "../../src/plan/device_program_text.ts";
import { defaultDeviceProgram } from "../../src/plan/device_program_default.ts";
import type { DeviceRule } from "../../src/spec/types.ts";

interface Request {
  type: "b" | "c";
  major: number;
  minor: number;
  access: string;
}

const accessBits: Record<string, number> = { m: 1, r: 2, w: 4 };
const bitsOf = (access: string): number => [...access].reduce((bits, letter) => bits | accessBits[letter]!, 0);

/** Executes a program as the kernel would, instruction by instruction. */
function execute(insns: string, request: Request): boolean {
  const view = new DataView(Uint8Array.fromHex(insns).buffer);
  const context = [(bitsOf(request.access) << 16) | (request.type === "b" ? 1 : 2), request.major, request.minor];
  const r = Array.from({ length: 11 }, () => 0);
  for (let at = 0; ; at++) {
    const code = view.getUint8(at * 8);
    const destination = view.getUint8(at * 8 + 1) & 15;
    const source = view.getUint8(at * 8 + 1) >> 4;
    const offset = view.getInt16(at * 8 + 2, true);
    const immediate = view.getInt32(at * 8 + 4, true);
    if (code === 0x61) r[destination] = context[offset / 4]! >>> 0;
    else if (code === 0xb7) r[destination] = immediate;
    else if (code === 0xbf) r[destination] = r[source]!;
    else if (code === 0x57) r[destination] = (r[destination]! & immediate) >>> 0;
    else if (code === 0x77) r[destination] = r[destination]! >>> immediate;
    else if (code === 0x56) at += r[destination]! >>> 0 !== immediate >>> 0 ? offset : 0;
    else if (code === 0x16) at += r[destination]! >>> 0 === immediate >>> 0 ? offset : 0;
    else if (code === 0x95) return r[0] === 1;
    else assert.fail(`instruction ${at} has code ${code}`);
  }
}

/** What the rules mean: each bit of the request on its own, by the last rule that speaks of it. */
function isAllowed(rules: readonly DeviceAccess[], request: Request): boolean {
  return [...request.access].every((letter) => {
    const last = rules.findLast(
      (rule) =>
        (rule.type === "a" || rule.type === request.type) &&
        (rule.major === anyNumber || rule.major === request.major) &&
        (rule.minor === anyNumber || rule.minor === request.minor) &&
        rule.access.includes(letter),
    );
    return last?.allow === true;
  });
}

/** Numbers that repeat: the tests must not depend on luck. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

test("compileDeviceRules() means what the rules mean, for 300 random lists", () => {
  const source = numbers(42);
  const next = (below: number): number => source.next().value % below;
  const accesses = ["r", "w", "m", "rw", "rm", "wm", "rwm"];
  for (let round = 0; round < 300; round++) {
    const rules = Array.from({ length: next(7) }, (): DeviceAccess => ({
      allow: next(2) === 1,
      type: (["a", "b", "c"] as const)[next(3)]!,
      major: next(4) - 1,
      minor: next(4) - 1,
      access: accesses[next(7)]!,
    }));
    const { insns, count } = compileDeviceRules(rules);
    assert.equal(insns.length, count * 16);
    for (let i = 0; i < 30; i++) {
      const request: Request = {
        type: next(2) === 0 ? "b" : "c",
        major: next(3),
        minor: next(3),
        access: accesses[next(7)]!,
      };
      assert.equal(execute(insns, request), isAllowed(rules, request), JSON.stringify({ rules, request }));
    }
  }
});

test("compileDeviceRules() denies where no rule says anything", () => {
  assert.equal(execute(compileDeviceRules([]).insns, { type: "c", major: 1, minor: 3, access: "r" }), false);
});

test("compileDeviceRules() leaves out what nothing reaches, as the kernel's verifier wants it", () => {
  const all: DeviceAccess = { allow: true, type: "a", major: anyNumber, minor: anyNumber, access: "rwm" };
  assert.equal(compileDeviceRules([{ ...all, allow: false, major: 1 }, all]).count, 8);
});

test("compileDeviceRules() leaves out numbers that no device has", () => {
  const rule: DeviceAccess = { allow: true, type: "c", major: 2 ** 33 + 1, minor: -2, access: "rwm" };
  assert.equal(execute(compileDeviceRules([rule]).insns, { type: "c", major: 1, minor: 0, access: "r" }), false);
});

test("the default program is what its rules compile to", () => {
  assert.deepEqual(defaultDeviceProgram, compileDeviceRules(deviceAccesses([{ allow: false, access: "rwm" }])));
});

test("deviceProgramText() reads the program back, instruction by instruction", () => {
  const rules: DeviceAccess[] = [
    { allow: false, type: "a", major: anyNumber, minor: anyNumber, access: "rwm" },
    { allow: true, type: "c", major: 10, minor: 200, access: "rw" },
    { allow: false, type: "b", major: 8, minor: anyNumber, access: "m" },
  ];
  assert.deepEqual(
    deviceProgramText(compileDeviceRules(rules).insns).map((line) => line.trim()),
    [
      "0  type = request: access << 16 | type",
      "1  access = type",
      "2  access >>= 16",
      "3  type &= 0xffff",
      "4  major = request: major",
      "5  minor = request: minor",
      "6  if type != b goto 13",
      "7  if major != 8 goto 13",
      "8  left = access",
      "9  left &= m",
      "10  if left == 0 goto 13",
      "11  verdict = deny",
      "12  return verdict",
      "13  if type != c goto 20",
      "14  if major != 10 goto 20",
      "15  if minor != 200 goto 20",
      "16  access &= m",
      "17  if access != 0 goto 20",
      "18  verdict = allow",
      "19  return verdict",
      "20  verdict = deny",
      "21  return verdict",
    ],
  );
});

/** The devices of config-linux.md#default-devices, console, ptmx and every pts. */
const alwaysOpen = [
  [1, 3],
  [1, 5],
  [1, 7],
  [1, 8],
  [1, 9],
  [5, 0],
  [5, 1],
  [5, 2],
  [136, 0],
  [136, 77],
] as const;

// MUST config-linux.md#allowed-device-list
test("device rules always leave the default devices open, and making any node; nothing else", () => {
  for (const rules of [
    [{ allow: false }],
    [
      { allow: false, access: "rwm" },
      { allow: false, type: "c", major: 1 },
    ],
  ] as const) {
    const { insns } = compileDeviceRules(deviceAccesses(rules));
    const isOpen = (type: "b" | "c", major: number, minor: number, access: string): boolean =>
      execute(insns, { type, major, minor, access });
    for (const [major, minor] of alwaysOpen) {
      assert.equal(isOpen("c", major, minor, "rwm"), true, `c ${major}:${minor}`);
      assert.equal(isOpen("b", major, minor, "r"), false, `b ${major}:${minor}`);
    }
    for (const [type, major, minor] of [
      ["c", 1, 1],
      ["c", 1, 2],
      ["c", 1, 11],
      ["c", 4, 0],
      ["c", 10, 200],
      ["c", 137, 0],
      ["b", 8, 0],
    ] as const) {
      assert.equal(isOpen(type, major, minor, "m"), true, `mknod ${type} ${major}:${minor}`);
      for (const access of ["r", "w", "rw", "rm"]) assert.equal(isOpen(type, major, minor, access), false);
    }
  }
});

test("device rules: a type, a number, an access that is absent means all; the later rule counts", () => {
  const isOpen = (
    rules: readonly DeviceRule[],
    type: "b" | "c",
    major: number,
    minor: number,
    access = "rw",
  ): boolean => execute(compileDeviceRules(deviceAccesses(rules)).insns, { type, major, minor, access });
  const all: DeviceRule[] = [{ allow: true }];
  assert.ok(isOpen(all, "b", 8, 0) && isOpen(all, "c", 200, 9));
  const ofMajor: DeviceRule[] = [{ allow: true, type: "c", major: 10 }];
  assert.ok(isOpen(ofMajor, "c", 10, 0) && isOpen(ofMajor, "c", 10, 255));
  assert.ok(!isOpen(ofMajor, "b", 10, 0) && !isOpen(ofMajor, "c", 11, 0));
  const ofMinor: DeviceRule[] = [{ allow: true, minor: 3 }];
  assert.ok(isOpen(ofMinor, "b", 7, 3) && isOpen(ofMinor, "c", 9, 3) && !isOpen(ofMinor, "c", 9, 4));
  const minusOne: DeviceRule[] = [{ allow: true, type: "c", major: -1, minor: -1, access: "r" }];
  assert.ok(isOpen(minusOne, "c", 10, 9, "r") && !isOpen(minusOne, "c", 10, 9, "w"));
  const rules: DeviceRule[] = [
    { allow: true },
    { allow: false, type: "b", major: 8 },
    { allow: true, major: 8, minor: 1 },
  ];
  assert.ok(isOpen(rules, "c", 8, 0) && !isOpen(rules, "b", 8, 0) && isOpen(rules, "b", 8, 1));
});

test("device rules: letters that are no access mean nothing", () => {
  const rule: DeviceRule = { allow: true, type: "c", major: 1, minor: 11, access: "rw" };
  assert.deepEqual(deviceAccesses([{ ...rule, access: "rxw?" }]), deviceAccesses([rule]));
  // None of them is not all of them.
  const nothing = deviceAccesses([{ ...rule, access: "x" }]);
  assert.deepEqual(
    nothing,
    deviceAccesses([rule]).filter(({ minor }) => minor !== 11),
  );
  assert.equal(nothing[0]!.allow, false);
});
