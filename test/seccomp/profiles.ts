/**
 * Profiles for comparisons: those of real engines, and random ones. In: a seed. Out: Seccomp.
 * @module
 */
import { readFileSync } from "node:fs";
import { seccompActions, seccompOperators } from "../../src/spec/enumerations.ts";
import type { Seccomp, SeccompAction, SeccompRule } from "../../src/spec/types.ts";
import { callNames } from "../../syscalls/generated/call_numbers.ts";

type Argument = NonNullable<SeccompRule["args"]>[number];

const fixture = new URL("../fixtures/podman/run-fg/config.json", import.meta.url);

/** What podman 5.8 puts into config.json by default. */
export function podmanProfile(): Seccomp {
  return (JSON.parse(readFileSync(fixture, "utf8")) as { linux: { seccomp: Seccomp } }).linux.seccomp;
}

/**
 * A profile built like Docker's: what is not named gets EPERM, so that calls younger than the profile need the ENOSYS
 * rule; clone3 answers ENOSYS; some calls depend on arguments.
 */
export function dockerProfile(): Seccomp {
  const podman = podmanProfile();
  const allowed = (podman.syscalls ?? [])
    .filter(({ action, args = [] }) => action === "SCMP_ACT_ALLOW" && args.length === 0)
    .flatMap(({ names }) => names)
    .filter((name) => !["clone", "clone3", "socket", "personality"].includes(name));
  const equal = (value: number): Argument => ({ index: 0, value, op: "SCMP_CMP_EQ" });
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    syscalls: [
      { names: allowed, action: "SCMP_ACT_ALLOW" },
      { names: ["process_vm_readv", "process_vm_writev", "ptrace"], action: "SCMP_ACT_ALLOW" },
      { names: ["socket"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 40, op: "SCMP_CMP_NE" }] },
      ...[0, 8, 0x20000, 0x20008, 0xffffffff].map((value): SeccompRule => ({
        names: ["personality"],
        action: "SCMP_ACT_ALLOW",
        args: [equal(value)],
      })),
      { names: ["arch_prctl", "modify_ldt"], action: "SCMP_ACT_ALLOW" },
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: 2114060288, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  };
}

/** Numbers that repeat: the tests must not depend on luck. */
export function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const values = [0, 1, 2, 7, 0x20000, 0x7fffffff, 0x80000000, 0xffffffff, 2 ** 32, 2 ** 32 + 1, 2 ** 40 + 5];
const large = [0xffff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0x1234_5678_9abc_def0n];

/**
 * A random profile. Rules with conditions for one call all do the same, as in every profile that is around: where
 * they overlap and differ, libseccomp refuses some and has surprises for others.
 */
export function randomProfile(seed: number): Seccomp {
  const next = numbers(seed);
  const pick = <T>(list: readonly T[]): T => list[next(list.length)]!;
  const names = callNames().split(" ");
  const withErrno = (action: SeccompAction): { action: SeccompAction; errnoRet?: number } =>
    (action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE") && next(2) === 0
      ? { action, errnoRet: 1 + next(130) }
      : { action };
  const argument = (index: number): Argument => {
    const value = next(5) === 0 ? pick(large) : pick(values);
    const op = pick(seccompOperators);
    return op === "SCMP_CMP_MASKED_EQ" ? { index, value, valueTwo: pick(values), op } : { index, value, op };
  };
  const rules: SeccompRule[] = [];
  const conditional = new Map<string, ReturnType<typeof withErrno>>();
  for (let count = 3 + next(60); count > 0; count--) {
    const shape = next(3);
    if (shape < 2) {
      const first = next(names.length - 12);
      const listed = names.slice(first, first + 1 + next(shape === 0 ? 3 : 12));
      rules.push({ names: listed, ...withErrno(pick(seccompActions)) });
      continue;
    }
    const name = pick(names);
    const outcome = conditional.get(name) ?? withErrno(pick(seccompActions));
    conditional.set(name, outcome);
    for (let repeat = 1 + next(3); repeat > 0; repeat--) {
      const indexes = [0, 1, 2, 3, 4, 5].filter(() => next(4) === 0);
      if (next(8) === 0 && indexes.length > 0) indexes.push(indexes[0]!);
      if (indexes.length === 0) indexes.push(next(6));
      rules.push({ names: [name], ...outcome, args: indexes.map(argument) });
    }
  }
  const fallback = pick(seccompActions.slice(0, -1));
  const errno = fallback === "SCMP_ACT_ERRNO" ? { defaultErrnoRet: pick([1, 38, 22]) } : {};
  return { defaultAction: fallback, ...errno, syscalls: rules };
}
