/**
 * The compiler beside libseccomp: what a call gets under both filters, for every number of an architecture and for
 * arguments around the values that the profile compares with.
 *
 * Where they differ on purpose:
 * - calls younger than the profile answer ENOSYS (as under runc, which puts that in front of libseccomp's filter);
 *   on arm also those below the calls private to arm, whose numbers hide the rest from runc
 * - names and numbers younger than the libseccomp at hand are left out of the comparison
 * - rules that libseccomp refuses (EEXIST), with which runc and crun fail, have a meaning here
 * - where one call has several rules, one of which has several conditions or compares by size, libseccomp (2.5) may
 *   forget, once the first half of a rule holds and its second does not, that another rule matches: there we do what
 *   the rules say
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RETURN_ENOSYS, returnValue } from "../../src/seccomp/actions.ts";
import {
  architectureOf,
  type ArchitectureName,
  armPrivate,
  x32Bit,
  numbersOf,
} from "../../src/seccomp/architectures.ts";
import { compileSeccomp } from "../../src/seccomp/mod.ts";
import type { Seccomp, SeccompRule } from "../../src/spec/types.ts";
import { callNames } from "../../syscalls/generated/call_numbers.ts";
import { checkFilter, runFilter } from "../support/bpf.ts";
import { skip } from "../support/skip.ts";
import { missingLibseccomp, referenceFilter, referenceNumbers } from "./libseccomp.ts";
import { dockerProfile, numbers, podmanProfile, randomProfile } from "./profiles.ts";

type Argument = NonNullable<SeccompRule["args"]>[number];

const reason = missingLibseccomp();
const names = callNames().split(" ");

/** Compared one by one. Big-endian ones would need a machine of their own: libseccomp refuses to mix them. */
const architectures: readonly ArchitectureName[] = [
  "SCMP_ARCH_X86_64",
  "SCMP_ARCH_X86",
  "SCMP_ARCH_X32",
  "SCMP_ARCH_AARCH64",
  "SCMP_ARCH_ARM",
  "SCMP_ARCH_MIPSEL",
  "SCMP_ARCH_MIPSEL64",
  "SCMP_ARCH_MIPSEL64N32",
  "SCMP_ARCH_PPC64LE",
  "SCMP_ARCH_RISCV64",
];

/** The greatest number that a profile names, by runc's rule; -1: none. */
function greatestOf(seccomp: Seccomp, table: readonly number[], limit: number): number {
  const named = (seccomp.syscalls ?? []).flatMap((rule) => rule.names.map((name) => table[names.indexOf(name)] ?? -1));
  return Math.max(-1, ...named.filter((number) => number < limit));
}

function answersYounger(seccomp: Seccomp): boolean {
  const isOpen = ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"].includes(seccomp.defaultAction);
  return !isOpen && seccomp.defaultErrnoRet !== 38;
}

const unknownCalls = new Map<ArchitectureName, readonly string[]>();

/** Calls that the kernel's headers have on an architecture and libseccomp's table has not. */
function missing(name: ArchitectureName): readonly string[] {
  let list = unknownCalls.get(name);
  if (list === undefined) {
    const table = numbersOf(architectureOf(name)!);
    const theirs = referenceNumbers(name, names);
    // Its numbers from -1000 to -100 stand for calls that go through socketcall(2) and ipc(2).
    list = names.filter((call, i) => {
      const number = theirs.get(call)!;
      // This one it takes for switch_endian.
      return table[i]! >= 0 && (number === -1 || number < -1000 || call === "sys_debug_setcontext");
    });
    unknownCalls.set(name, list);
  }
  return list;
}

function holds({ index, op, value, valueTwo = 0 }: Argument, args: readonly bigint[], bits: 32 | 64): boolean {
  const cut = (v: number | bigint): bigint => BigInt.asUintN(bits, BigInt(v));
  const a = cut(args[index]!);
  const v = cut(value);
  switch (op) {
    case "SCMP_CMP_NE":
      return a !== v;
    case "SCMP_CMP_LT":
      return a < v;
    case "SCMP_CMP_LE":
      return a <= v;
    case "SCMP_CMP_EQ":
      return a === v;
    case "SCMP_CMP_GE":
      return a >= v;
    case "SCMP_CMP_GT":
      return a > v;
    case "SCMP_CMP_MASKED_EQ":
      return (a & v) === (cut(valueTwo) & v);
  }
}

/**
 * What the rules say about a call, straight from the profile; undefined where this is not the known weakness of
 * libseccomp, so that the difference counts.
 */
function meaning(seccomp: Seccomp, name: string, args: readonly bigint[], bits: 32 | 64): number | undefined {
  const fallback = returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
  const rules = (seccomp.syscalls ?? []).filter(
    (rule) => rule.names.includes(name) && returnValue(rule.action, rule.errnoRet) !== fallback,
  );
  const exact = ["SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_MASKED_EQ"];
  const isSimple = rules.every(({ args: [first, ...others] = [] }) => others.length === 0 && exact.includes(first!.op));
  const isOne =
    rules.length === 1 && new Set(rules[0]!.args?.map(({ index }) => index)).size === rules[0]!.args?.length;
  if (isSimple || isOne) return undefined;
  for (const { args: conditions = [], action, errnoRet } of rules) {
    const isSplit = new Set(conditions.map(({ index }) => index)).size < conditions.length;
    const isMatch = isSplit
      ? conditions.some((condition) => holds(condition, args, bits))
      : conditions.every((condition) => holds(condition, args, bits));
    if (isMatch) return returnValue(action, errnoRet);
  }
  return fallback;
}

/** Values around those that rules compare with, at their index. */
function argumentsFor(seccomp: Seccomp, seed: number): bigint[][] {
  const near = new Map<number, bigint[]>();
  for (const { args = [] } of seccomp.syscalls ?? []) {
    for (const { index, value, valueTwo = 0 } of args) {
      const list = near.get(index) ?? [0n];
      for (const v of [BigInt(value), BigInt(valueTwo)]) {
        list.push(v, v + 1n, v - 1n, v ^ (1n << 32n), v ^ (1n << 63n), v & 0xffff_ffffn);
      }
      near.set(index, list);
    }
  }
  const next = numbers(seed);
  const sets: bigint[][] = [[0n, 0n, 0n, 0n, 0n, 0n]];
  for (let count = 0; count < 60; count++) {
    sets.push(
      [0, 1, 2, 3, 4, 5].map((index) => {
        const list = near.get(index) ?? [0n, 1n];
        return BigInt.asUintN(64, list[next(list.length)]!);
      }),
    );
  }
  return sets;
}

/** Numbers to try on an architecture: all there are, those between and behind, and the ends of the range. */
function numbersToTry(table: readonly number[]): number[] {
  const known = table.filter((number) => number >= 0);
  const ordinary = known.filter((number) => number % x32Bit < armPrivate).toSorted((a, b) => a - b);
  const first = ordinary[0]!;
  const all = Array.from({ length: ordinary.at(-1)! - first + 40 }, (_, i) => first + i);
  return [...new Set([...all, ...known, 0x3fff_ffff, x32Bit, x32Bit + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])];
}

/** Names that this libseccomp knows, in a profile for one architecture. */
function reduced(seccomp: Seccomp, unknown: readonly string[]): Seccomp {
  const syscalls = (seccomp.syscalls ?? [])
    .map((rule) => ({ ...rule, names: rule.names.filter((name) => !unknown.includes(name)) }))
    .filter((rule) => rule.names.length > 0);
  return { ...seccomp, syscalls };
}

/** Compares on one architecture; false where libseccomp refuses the rules. */
function compare(label: string, profile: Seccomp, only: ArchitectureName, seed: number): boolean {
  const seccomp = reduced(profile, missing(only));
  const reference = referenceFilter(seccomp, { only });
  if (reference === "refused") return false;
  const architecture = architectureOf(only)!;
  const { words } = compileSeccomp({ ...seccomp, architectures: [only] }, machineOf(only));
  checkFilter(words);
  const table = numbersOf(architecture);
  const isArm = only === "SCMP_ARCH_ARM";
  const greatest = answersYounger(seccomp) ? greatestOf(seccomp, table, isArm ? armPrivate : Infinity) : -1;
  const isYounger = (nr: number): boolean =>
    greatest >= 0 && nr > greatest && !(isArm && nr >= armPrivate) && !(only === "SCMP_ARCH_X86_64" && nr >= x32Bit);
  const sets = argumentsFor(seccomp, seed);
  const conditional = new Set(
    (seccomp.syscalls ?? []).filter(({ args = [] }) => args.length > 0).flatMap((rule) => rule.names),
  );
  const tested = new Set([...conditional].map((name) => table[names.indexOf(name)]));
  for (const by of ["socketcall", "ipc"]) tested.add(table[names.indexOf(by)]);
  for (const nr of numbersToTry(table)) {
    for (const args of tested.has(nr) ? sets : sets.slice(0, 1)) {
      const data = { nr, arch: architecture.token, args };
      const expected = isYounger(nr) ? RETURN_ENOSYS : runFilter(reference.words, data).value;
      const { value } = runFilter(words, data);
      if (value === expected) continue;
      const at = names[table.indexOf(nr)] ?? "no name";
      if (value === meaning(seccomp, at, args, architecture.bits)) continue;
      assert.fail(
        `${label}, ${only}, ${nr} (${at}), arguments ${args.join(" ")}: 0x${value.toString(16)} instead of ` +
          `0x${expected.toString(16)} by ${JSON.stringify(
            (seccomp.syscalls ?? []).filter((rule) => rule.names.includes(at)),
            (_, v: unknown) => (typeof v === "bigint" ? String(v) : v),
          )}`,
      );
    }
  }
  return true;
}

/** A machine of another kind, so that its own architecture does not come in between. */
const machineOf = (name: ArchitectureName): "x86_64" | "aarch64" =>
  name === "SCMP_ARCH_AARCH64" ? "x86_64" : "aarch64";

test("the numbers of libseccomp and those of the kernel's headers agree where both have one", (t) => {
  if (reason !== undefined) return skip(t, reason);
  for (const only of architectures) {
    const table = numbersOf(architectureOf(only)!);
    const theirs = referenceNumbers(only, names);
    const wrong = names.filter((call, i) => table[i]! >= 0 && theirs.get(call)! >= 0 && theirs.get(call) !== table[i]);
    assert.deepEqual(wrong, [], only);
    const lost = names.filter((call, i) => table[i]! < 0 && theirs.get(call)! >= 0);
    assert.deepEqual(lost, [], `missing here on ${only}`);
  }
});

for (const [label, profile] of [
  ["podman's profile", podmanProfile()],
  ["a profile like Docker's", dockerProfile()],
] as const) {
  test(`compileSeccomp() agrees with libseccomp about ${label}, on every architecture`, (t) => {
    if (reason !== undefined) return skip(t, reason);
    for (const only of architectures) assert.ok(compare(label, profile, only, 1), `libseccomp refuses it on ${only}`);
  });
}

test("compileSeccomp() agrees with libseccomp about 100 random profiles", (t) => {
  if (reason !== undefined) return skip(t, reason);
  let compared = 0;
  for (let seed = 1; compared < 100; seed++) {
    assert.ok(seed < 400, `libseccomp refused all but ${compared} profiles`);
    const only = architectures[seed % architectures.length]!;
    if (compare(`random profile ${seed}`, randomProfile(seed), only, seed)) compared++;
  }
});
