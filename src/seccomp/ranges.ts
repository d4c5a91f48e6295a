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
import { type ArgumentLayout, type Rule, sortRules } from "./conditions.ts";
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
  readonly ranges: Range[];
  /** How many actions there are: greater outcomes are rules with conditions. */
  readonly actions: number;
  readonly lists: RuleList[];
}

/** Frequent calls of most programs, the most frequent first: they shall be decided by few instructions. */
const frequent =
  "read write futex close openat recvfrom sendto recvmsg sendmsg epoll_wait epoll_pwait poll newfstatat fstat statx " +
  "lseek mmap munmap mprotect madvise brk rt_sigprocmask clock_gettime getpid getppid gettid fcntl";

/** By place of the name. */
export type Weights = readonly (number | undefined)[];

/** Weights of the frequent calls, made once for a profile. */
export function frequencies(rules: Rules): Weights {
  const weights = new Array<number | undefined>(rules.names.length);
  const names = frequent.split(" ");
  for (let i = 0; i < names.length; i++) {
    weights[rules.indexes.get(names[i]!)!] = i < 3 ? 300 : i < 5 ? 150 : i < 15 ? 60 : 20;
  }
  return weights;
}

/** @param answersEnosys whether younger calls do, see above */
export function rangesOf(
  rules: Rules,
  architectures: readonly Architecture[],
  weights: Weights,
  answersEnosys: boolean,
): Space {
  const kill = actionOf(rules.values, RETURN_KILL_THREAD);
  const enosys = answersEnosys ? actionOf(rules.values, RETURN_ENOSYS) : 0;
  const space: Space = { ranges: [], actions: rules.values.length, lists: [] };
  const [first, second] = architectures as [Architecture, Architecture | undefined];
  const isX32First = first.name === "SCMP_ARCH_X32";
  const low = isX32First ? second : first;
  const x32 = isX32First ? first : second;
  if (low === undefined) add(space.ranges, 0, kill);
  else addArchitecture(space, rules, low, weights, enosys);
  if (x32 !== undefined) addArchitecture(space, rules, x32, noWeights, enosys);
  else if (low!.name === "SCMP_ARCH_X86_64") {
    add(space.ranges, x32Bit, kill);
    // -1 is no x32 call but one that a tracer took back (ptrace(2)).
    add(space.ranges, 0xffff_ffff, 0);
  }
  return space;
}

/** Hardly anybody makes x32 calls: they shall not lengthen the way to the others. */
const noWeights: Weights = [];

/** From a number on; neighbours with one outcome become one range. */
function add(ranges: Range[], start: number, outcome: number): void {
  const last = ranges[ranges.length - 1];
  if (last === undefined || last.outcome !== outcome) ranges[ranges.length] = { start, outcome, weight: 1 };
}

/** One turn for each call of an architecture, in an interpreter that pays for everything: no calls without need. */
function addArchitecture(
  space: Space,
  rules: Rules,
  architecture: Architecture,
  weights: Weights,
  enosys: number,
): void {
  const { ranges } = space;
  const { alone, conditional, isNamed } = rules;
  const calls = architecture.calls();
  const isArm = architecture.name === "SCMP_ARCH_ARM";
  const byEntries = new Map<string, number>();
  const socketcall = architecture.isMultiplexed ? rules.indexes.get("socketcall") : undefined;
  const ipc = architecture.isMultiplexed ? rules.indexes.get("ipc") : undefined;
  let next = architecture.name === "SCMP_ARCH_X32" ? x32Bit : 0;
  let last = ranges.length === 0 ? -1 : ranges[ranges.length - 1]!.outcome;
  let greatest = -1;
  for (let i = 0; i < calls.length; i += 2) {
    const number = calls[i]!;
    const index = calls[i + 1]!;
    if (isArm && number >= armPrivate && next < armPrivate) {
      addTail(ranges, greatest, next, enosys);
      add(ranges, armPrivate, 0);
      last = 0;
      next = armPrivate;
    } else if (isNamed[index] === true) greatest = number;
    const rule = alone[index];
    let outcome = rule === undefined ? 0 : rule.action;
    if (conditional[index] !== undefined || index === socketcall || index === ipc) {
      outcome = listed(space, rules, architecture, index, byEntries);
    }
    if (number > next && last !== 0) {
      ranges[ranges.length] = { start: next, outcome: 0, weight: 1 };
      last = 0;
    }
    // A number under two names has what the profile says about either.
    if (number < next && outcome === 0) continue;
    if (outcome !== last) {
      const range = { start: number, outcome, weight: 1 };
      if (number < next && ranges[ranges.length - 1]!.start === number) ranges[ranges.length - 1] = range;
      else ranges[ranges.length] = range;
      last = outcome;
    }
    const weight = weights[index];
    if (weight !== undefined) ranges[ranges.length - 1]!.weight += weight;
    next = number + 1;
  }
  if (isArm) add(ranges, next, 0);
  else addTail(ranges, greatest, next, enosys);
}

/** Behind the last call there is, or, where younger calls are told apart, the greatest one named. */
function addTail(ranges: Range[], greatest: number, next: number, enosys: number): void {
  if (enosys === 0 || greatest < 0) return add(ranges, next, 0);
  while (ranges.length > 0 && ranges[ranges.length - 1]!.start > greatest) ranges.length--;
  add(ranges, greatest + 1, enosys);
}

/** What calls with conditions lead to. */
function listed(
  space: Space,
  rules: Rules,
  architecture: Architecture,
  index: number,
  byEntries: Map<string, number>,
): number {
  const decision = decisionOf(rules, index, architecture.bits);
  if (decision !== undefined && "action" in decision) return decision.action;
  const by = rules.names[index]!;
  let list = decision ?? [];
  let key = "";
  if (architecture.isMultiplexed && isMultiplexer(rules, index)) {
    list = multiplexedRules(rules, by, list, architecture.bits);
    if (list.length === 0) return 0;
    key = by;
  } else {
    for (let i = 0; i < list.length; i++) key += `${list[i]!.entry} `;
  }
  let place = byEntries.get(key);
  if (place === undefined) {
    place = space.lists.push({ rules: list, layout: architecture }) - 1;
    byEntries.set(key, place);
  }
  return space.actions + place;
}

function isMultiplexer(rules: Rules, index: number): boolean {
  return rules.names[index] === "socketcall" || rules.names[index] === "ipc";
}

/** socketcall(2) and ipc(2) take the place of other calls: their rules, with the function's number as a condition. */
function multiplexedRules(rules: Rules, by: string, own: readonly Rule[], bits: 32 | 64): Rule[] {
  const list = [...own];
  for (let index = 0; index < rules.names.length; index++) {
    if (rules.isNamed[index] !== true) continue;
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
  return sortRules(list);
}
