/**
 * A profile's rules by system call, for all architectures at once. In: Seccomp. Out: Rules.
 *
 * Spec: config-linux.md#seccomp
 * Rules for one call combine as runc and crun combine them through libseccomp: the first rule without conditions
 *   decides alone, wherever it stands; a rule that does what happens anyway is left out; conditions of one rule must
 *   all hold, unless two of them look at the same argument: then each is a rule of its own.
 * @module
 */
import type { Seccomp, SeccompRule } from "../spec/types.ts";
import { callNames } from "../../syscalls/generated/call_numbers.ts";
import { returnValue } from "./actions.ts";
import { conditionOf, type Condition, insertRule, isAlwaysTrue, type Rule } from "./conditions.ts";

export interface Rules {
  /** Names of all system calls; what follows is by their place in this list. */
  readonly names: readonly string[];
  readonly indexes: ReadonlyMap<string, number>;
  /** Values returned, by action; the default is action 0. */
  readonly values: number[];
  /** The rule that decides a call alone. */
  readonly alone: readonly (Rule | undefined)[];
  /** Rules with conditions, in the order they are tested. */
  readonly conditional: readonly (Rule[] | undefined)[];
  /** Which calls the profile names, also where the rule was left out. */
  readonly isNamed: readonly (boolean | undefined)[];
  /** Names in the profile that no architecture knows. */
  readonly unknown: readonly string[];
  readonly usesNotify: boolean;
}

/** Reads a profile's rules. */
export function readRules(seccomp: Seccomp): Rules {
  const names = callNames().split(" ");
  const indexes = new Map<string, number>();
  for (let i = 0; i < names.length; i++) indexes.set(names[i]!, i);
  const values = [returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet)];
  // Of their full length from the start: the engine keeps arrays with far-away members as hash tables.
  const alone = new Array<Rule | undefined>(names.length);
  const conditional = new Array<Rule[] | undefined>(names.length);
  const isNamed = new Array<boolean | undefined>(names.length);
  const unknown: string[] = [];
  let usesNotify = false;
  const entries = seccomp.syscalls ?? [];
  for (let entry = 0; entry < entries.length; entry++) {
    const rule = entries[entry]!;
    const value = returnValue(rule.action, rule.errnoRet);
    if (rule.action === "SCMP_ACT_NOTIFY") usesNotify = true;
    const rules = value === values[0] ? [] : rulesOf(rule, entry, actionOf(values, value));
    const named = rule.names;
    // Nearly every rule is one without conditions.
    const only = rules.length === 1 && rules[0]!.conditions.length === 0 ? rules[0] : undefined;
    for (let i = 0; i < named.length; i++) {
      const index = indexes.get(named[i]!);
      if (index === undefined) {
        if (!unknown.includes(named[i]!)) unknown.push(named[i]!);
        continue;
      }
      isNamed[index] = true;
      if (only !== undefined) {
        if (alone[index] === undefined) alone[index] = only;
        continue;
      }
      for (let j = 0; j < rules.length; j++) addRule(alone, conditional, index, rules[j]!);
    }
  }
  return { names, indexes, values, alone, conditional, isNamed, unknown, usesNotify };
}

function addRule(alone: (Rule | undefined)[], conditional: (Rule[] | undefined)[], index: number, rule: Rule): void {
  if (rule.conditions.length === 0) alone[index] ??= rule;
  else if (conditional[index] === undefined) conditional[index] = [rule];
  else insertRule(conditional[index], rule);
}

/** Index of a value in the list, added where it is new. */
export function actionOf(values: number[], value: number): number {
  const known = values.indexOf(value);
  return known >= 0 ? known : values.push(value) - 1;
}

/** One entry of the profile as rules whose conditions must all hold. */
function rulesOf({ args = [] }: SeccompRule, entry: number, action: number): Rule[] {
  let seen = 0;
  let isRepeated = false;
  const conditions: Condition[] = [];
  for (let i = 0; i < args.length; i++) {
    const bit = 1 << args[i]!.index;
    if ((seen & bit) !== 0) isRepeated = true;
    seen |= bit;
    const condition = conditionOf(args[i]!);
    if (!isAlwaysTrue(condition, 64)) conditions.push(condition);
  }
  if (!isRepeated) {
    if (conditions.length > 1) conditions.sort((a, b) => a.index - b.index);
    return [{ conditions, action, entry }];
  }
  const rules: Rule[] = conditions.length < args.length ? [{ conditions: [], action, entry }] : [];
  for (let i = 0; i < conditions.length; i++) rules.push({ conditions: [conditions[i]!], action, entry });
  return rules;
}

/** What decides a call where arguments have so many bits: one rule alone, some with conditions, or none. */
export function decisionOf(rules: Rules, index: number, bits: 32 | 64): Rule | readonly Rule[] | undefined {
  const alone = rules.alone[index];
  const conditional = rules.conditional[index];
  if (conditional === undefined) return alone;
  // A mask may ask for nothing but bits that are not there.
  let first = alone;
  if (bits === 32) {
    for (let i = 0; i < conditional.length; i++) {
      const rule = conditional[i]!;
      if (first !== undefined && first.entry <= rule.entry) continue;
      if (holdsAlways(rule)) first = rule;
    }
  }
  return first ?? conditional;
}

function holdsAlways({ conditions }: Rule): boolean {
  for (let i = 0; i < conditions.length; i++) if (!isAlwaysTrue(conditions[i]!, 32)) return false;
  return true;
}
