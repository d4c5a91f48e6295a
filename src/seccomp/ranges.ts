/**
 * The numbers of one AUDIT_ARCH_ as ranges that are treated alike. In: Rules, the architectures that share the number
 * space (x86_64 and x32, else one). Out: Space.
 *
 * Kernel: struct seccomp_data.nr; x32 calls have bit 30 set
 * Numbers above the greatest one that the profile names belong to calls younger than the profile: they answer ENOSYS,
 *   so that programs fall back as on an older kernel (runc issue 2151); not where unnamed calls are let through.
 * @module
 */
import { RETURN_ENOSYS, RETURN_KILL_THREAD } from "./actions.ts";
import { type Architecture, armPrivate, multiplexed, x32Bit } from "./architectures.ts";
import { type ArgumentLayout, compareRules, type Rule } from "./conditions.ts";
import { actionOf, decisionOf, type Rules } from "./rules.ts";

/** A run of numbers with one outcome. */
export interface Range {
  /** First number; the next range's first ends it. */
  readonly start: number;
  /** An action below the number of actions, else that many plus the place in `lists`. */
  readonly outcome: number;
  /** How often the calls within are made, roughly. */
  weight: number;
}

/** Rules with conditions for the calls of one architecture. */
export interface RuleList {
  readonly rules: readonly Rule[];
  readonly layout: ArgumentLayout;
}

export interface Space {
  readonly ranges: readonly Range[];
  /** How many actions there are: greater outcomes are rules with conditions. */
  readonly actions: number;
  readonly lists: readonly RuleList[];
}

/** Frequent calls of most programs, the most frequent first: they shall be decided by few instructions. */
const frequent =
  "read write futex close openat recvfrom sendto recvmsg sendmsg epoll_wait epoll_pwait poll ppoll newfstatat fstat " +
  "fstat64 statx lseek _llseek mmap mmap2 munmap mprotect madvise brk rt_sigprocmask rt_sigaction clock_gettime " +
  "clock_gettime64 nanosleep clock_nanosleep pread64 pwrite64 readv writev getpid gettid getppid getrandom fcntl " +
  "fcntl64 ioctl stat lstat access faccessat accept4 epoll_ctl sched_yield pselect6 select getdents64 wait4 waitid";

/** What rules say of single numbers: entries in the order found, keys to sort them by. */
interface Findings {
  /** number × KEY + place of the entry: exact for 32 bits and as many entries as all tables together have. */
  readonly keys: number[];
  readonly outcomes: number[];
  readonly weights: number[];
}

const KEY = 2 ** 20;

/** Weights by place of the name, made once for a profile. */
export function frequencies(rules: Rules): Uint16Array {
  const weights = new Uint16Array(rules.names.length).fill(1);
  const names = frequent.split(" ");
  for (let i = 0; i < names.length; i++) {
    const index = rules.indexes.get(names[i]!);
    if (index !== undefined) weights[index] = i < 3 ? 300 : i < 16 ? 60 : 20;
  }
  return weights;
}

/** @param answersEnosys whether younger calls do, see above */
export function rangesOf(
  rules: Rules,
  architectures: readonly Architecture[],
  weights: Uint16Array,
  answersEnosys: boolean,
): Space {
  const lists: RuleList[] = [];
  const found: Findings = { keys: [], outcomes: [], weights: [] };
  // The action where nothing is named, from a number on.
  const gaps: { start: number; outcome: number }[] = [];
  const actions = actionsOf(rules, answersEnosys);
  let ownsLow = false;
  let ownsHigh = false;
  let hasX32 = false;
  for (const architecture of architectures) {
    const isX32 = architecture.name === "SCMP_ARCH_X32";
    if (isX32) ownsHigh = true;
    else ownsLow = true;
    if (isX32 || architecture.name === "SCMP_ARCH_X86_64") hasX32 = true;
    const greatest = collect(rules, architecture, weights, found, lists, actions.count);
    gaps.push({ start: isX32 ? x32Bit : 0, outcome: 0 });
    if (!answersEnosys || greatest < 0) continue;
    gaps.push({ start: greatest + 1, outcome: actions.enosys });
    if (architecture.name === "SCMP_ARCH_ARM") gaps.push({ start: armPrivate, outcome: 0 });
  }
  if (hasX32 && !ownsLow) gaps.push({ start: 0, outcome: actions.kill });
  // -1 is no x32 call but one that a tracer took back (ptrace(2)).
  if (hasX32 && !ownsHigh) gaps.push({ start: x32Bit, outcome: actions.kill }, { start: 0xffff_ffff, outcome: 0 });
  gaps.sort((a, b) => a.start - b.start);
  return { ranges: merge(found, gaps), actions: actions.count, lists };
}

/** The actions that come without a rule, added to the profile's. */
function actionsOf(rules: Rules, answersEnosys: boolean): { kill: number; enosys: number; count: number } {
  const kill = actionOf(rules.values, RETURN_KILL_THREAD);
  const enosys = answersEnosys ? actionOf(rules.values, RETURN_ENOSYS) : 0;
  return { kill, enosys, count: rules.values.length };
}

/** Adds a key for each call that a rule speaks of; the greatest number that the profile names, -1: none. */
function collect(
  rules: Rules,
  architecture: Architecture,
  weights: Uint16Array,
  found: Findings,
  lists: RuleList[],
  actions: number,
): number {
  const numbers = architecture.numbers();
  const { named } = rules;
  const { bits } = architecture;
  // Hardly anybody makes x32 calls: they shall not lengthen the way to the others.
  const scale = architecture.name === "SCMP_ARCH_X32" ? 1 / 256 : 1;
  const isArm = architecture.name === "SCMP_ARCH_ARM";
  const byEntries = new Map<string, number>();
  const add = (number: number, outcome: number, weight: number): void => {
    const place = found.keys.length;
    found.keys[place] = number * KEY + place;
    found.outcomes[place] = outcome;
    found.weights[place] = weight * scale;
  };
  const listOf = (list: readonly Rule[]): number => {
    let key = "";
    for (let i = 0; i < list.length; i++) key += `${list[i]!.entry} `;
    let place = byEntries.get(key);
    if (place === undefined) {
      place = lists.push({ rules: list, layout: architecture }) - 1;
      byEntries.set(key, place);
    }
    return actions + place;
  };
  let greatest = -1;
  for (let i = 0; i < named.length; i++) {
    const index = named[i]!;
    const number = numbers[index]!;
    if (number < 0) continue;
    if (number > greatest && !(isArm && number >= armPrivate)) greatest = number;
    const alone = rules.alone[index];
    if (alone !== undefined && !rules.conditional.has(index)) {
      add(number, alone.action, weights[index]!);
      continue;
    }
    const decision = decisionOf(rules, index, bits);
    if (decision === undefined) continue;
    add(number, "action" in decision ? decision.action : listOf(decision), weights[index]!);
  }
  if (architecture.isMultiplexed) {
    for (const by of ["socketcall", "ipc"] as const) {
      const index = rules.indexes.get(by)!;
      const decision = decisionOf(rules, index, bits);
      if (numbers[index]! < 0 || (decision !== undefined && "action" in decision)) continue;
      const list = multiplexedRules(rules, by, decision ?? [], bits);
      // Behind the call's own rules, which are among these.
      if (list.length > 0) add(numbers[index]!, actions + lists.push({ rules: list, layout: architecture }) - 1, 0);
    }
  }
  return greatest;
}

/** socketcall(2) and ipc(2) take the place of other calls: their rules, with the function's number as a condition. */
function multiplexedRules(rules: Rules, by: "socketcall" | "ipc", own: readonly Rule[], bits: 32 | 64): Rule[] {
  const list = [...own];
  for (const index of rules.named) {
    const place = multiplexed(rules.names[index]!);
    if (place?.by !== by) continue;
    const decision = decisionOf(rules, index, bits);
    if (decision === undefined) continue;
    for (const rule of "action" in decision ? [decision] : decision) {
      const conditions = rule.conditions.filter((condition) => condition.index !== 0);
      conditions.unshift({
        index: 0,
        operator: "SCMP_CMP_EQ",
        high: 0,
        low: place.call,
        maskHigh: 0xffff_ffff,
        maskLow: 0xffff_ffff,
      });
      list.push({ ...rule, conditions });
    }
  }
  return list.sort(compareRules);
}

/** Neighbours with one outcome become one range. */
function merge(found: Findings, gaps: readonly { start: number; outcome: number }[]): Range[] {
  const ranges: Range[] = [];
  const keys = Float64Array.from(found.keys).sort();
  const add = (start: number, outcome: number, weight: number): void => {
    const last = ranges[ranges.length - 1];
    if (last !== undefined && last.outcome === outcome) last.weight += weight;
    else ranges[ranges.length] = { start, outcome, weight };
  };
  let gap = 0;
  let next = 0;
  for (let i = 0; i < keys.length; i++) {
    const number = Math.floor(keys[i]! / KEY);
    const place = keys[i]! % KEY;
    // A number under two names, or with rules for it and for what goes through it: the last one knows all.
    if (i + 1 < keys.length && Math.floor(keys[i + 1]! / KEY) === number) continue;
    gap = fill(gaps, gap, next, number, add);
    add(number, found.outcomes[place]!, found.weights[place]!);
    next = number + 1;
  }
  fill(gaps, gap, next, Infinity, add);
  return ranges;
}

/** Adds what no rule speaks of from `from` to `to`: the gap in force at `to`. */
function fill(
  gaps: readonly { start: number; outcome: number }[],
  gap: number,
  from: number,
  to: number,
  add: (start: number, outcome: number, weight: number) => void,
): number {
  let at = gap;
  while (at + 1 < gaps.length && gaps[at + 1]!.start <= from) at++;
  if (from < to) add(from, gaps[at]!.outcome, 1);
  while (at + 1 < gaps.length && gaps[at + 1]!.start < to) {
    at++;
    add(gaps[at]!.start, gaps[at]!.outcome, 1);
  }
  return at;
}
