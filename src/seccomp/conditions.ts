/**
 * Conditions on arguments: from config.json, in the order they are tested, as code.
 * In: arguments of a rule. Out: Condition; code that tests a list of rules.
 *
 * Spec: config-linux.md#seccomp
 * What several rules for one call mean where they overlap is libseccomp's choice, which profiles were written against:
 *   the more particular one first. libseccomp refuses some overlaps (EEXIST) that have a meaning here.
 * @module
 */
import type { Seccomp } from "../spec/types.ts";
import { ARGUMENTS_OFFSET, type Code, JUMP_EQUAL, JUMP_GREATER, JUMP_GREATER_EQUAL, type Target } from "./code.ts";

type SpecArgument = NonNullable<NonNullable<Seccomp["syscalls"]>[number]["args"]>[number];
type Operator = SpecArgument["op"];

/** A 64-bit comparison as two halves. */
export interface Condition {
  readonly index: number;
  readonly operator: Operator;
  readonly high: number;
  readonly low: number;
  /** SCMP_CMP_MASKED_EQ alone looks at less than everything. */
  readonly maskHigh: number;
  readonly maskLow: number;
}

/** A rule for one call. */
export interface Rule {
  /** Sorted by argument. */
  readonly conditions: readonly Condition[];
  /** Index into the returned values. */
  readonly action: number;
  /** Place in the profile's list. */
  readonly entry: number;
}

const TWO_32 = 4294967296;
const every = 0xffff_ffff;

const lowHalf = (value: number | bigint): number =>
  typeof value === "number" ? value % TWO_32 : Number(value & 0xffff_ffffn);
const highHalf = (value: number | bigint): number =>
  typeof value === "number" ? Math.floor(value / TWO_32) : Number(value >> 32n);

/** Reads one argument of a rule. The mask of SCMP_CMP_MASKED_EQ is `value`, what remains is compared to `valueTwo`. */
export function conditionOf({ index, op, value, valueTwo = 0 }: SpecArgument): Condition {
  if (op !== "SCMP_CMP_MASKED_EQ") {
    return { index, operator: op, high: highHalf(value), low: lowHalf(value), maskHigh: every, maskLow: every };
  }
  const maskHigh = highHalf(value);
  const maskLow = lowHalf(value);
  return {
    index,
    operator: op,
    high: (highHalf(valueTwo) & maskHigh) >>> 0,
    low: (lowHalf(valueTwo) & maskLow) >>> 0,
    maskHigh,
    maskLow,
  };
}

/** A mask that leaves nothing asks nothing. */
export function isAlwaysTrue(condition: Condition, bits: 32 | 64): boolean {
  return condition.maskLow === 0 && (bits === 32 || condition.maskHigh === 0);
}

/** Order of comparisons of one argument: exact ones, upper bounds, lower bounds. */
function rank(operator: Operator): number {
  switch (operator) {
    case "SCMP_CMP_LT":
    case "SCMP_CMP_LE":
      return 2;
    case "SCMP_CMP_GT":
    case "SCMP_CMP_GE":
      return 1;
    default:
      return 3;
  }
}

function compareConditions(a: Condition, b: Condition): number {
  const rankOfA = rank(a.operator);
  const difference = b.index - a.index || rank(b.operator) - rankOfA || b.high - a.high || b.low - a.low;
  return rankOfA === 2 && a.index === b.index && rank(b.operator) === 2 ? -difference : difference;
}

/** Order in which the rules of one call are tested: the more particular first, else the profile's. */
function compareRules(a: Rule, b: Rule): number {
  const shared = Math.min(a.conditions.length, b.conditions.length);
  for (let i = 0; i < shared; i++) {
    const difference = compareConditions(a.conditions[i]!, b.conditions[i]!);
    if (difference !== 0) return difference;
  }
  return b.conditions.length - a.conditions.length || a.entry - b.entry;
}

/** Puts a rule into its place among others, which are in order. The engine's sort() is compiled at its first use. */
export function insertRule(rules: Rule[], rule: Rule): void {
  let at = rules.length;
  while (at > 0 && compareRules(rules[at - 1]!, rule) > 0) {
    rules[at] = rules[at - 1]!;
    at--;
  }
  rules[at] = rule;
}

/** The same rules in order. */
export function sortRules(rules: readonly Rule[]): Rule[] {
  const sorted: Rule[] = [];
  for (let i = 0; i < rules.length; i++) insertRule(sorted, rules[i]!);
  return sorted;
}

/** What the halves of an argument look like to the code. */
export interface ArgumentLayout {
  readonly bits: 32 | 64;
  readonly isBigEndian: boolean;
}

/** Code that tests rules in order: its place. What none of them matches goes to `otherwise`. */
export function writeRules(code: Code, rules: readonly Rule[], layout: ArgumentLayout, otherwise: Target): Target {
  let next = otherwise;
  for (let i = rules.length - 1; i >= 0; i--) {
    const rule = rules[i]!;
    const { conditions } = rule;
    const fail = next;
    next = ~rule.action;
    for (let j = conditions.length - 1; j >= 0; j--) next = writeCondition(code, conditions[j]!, layout, next, fail);
  }
  return next;
}

function writeCondition(code: Code, condition: Condition, layout: ArgumentLayout, pass: Target, fail: Target): Target {
  switch (condition.operator) {
    case "SCMP_CMP_NE":
      return writeEqual(code, condition, layout, fail, pass);
    case "SCMP_CMP_GT":
      return writeGreater(code, condition, layout, JUMP_GREATER, pass, fail);
    case "SCMP_CMP_GE":
      return writeGreater(code, condition, layout, JUMP_GREATER_EQUAL, pass, fail);
    case "SCMP_CMP_LE":
      return writeGreater(code, condition, layout, JUMP_GREATER, fail, pass);
    case "SCMP_CMP_LT":
      return writeGreater(code, condition, layout, JUMP_GREATER_EQUAL, fail, pass);
    default:
      return writeEqual(code, condition, layout, pass, fail);
  }
}

function lowOffset(index: number, { isBigEndian }: ArgumentLayout): number {
  return ARGUMENTS_OFFSET + 8 * index + (isBigEndian ? 4 : 0);
}

function highOffset(index: number, { isBigEndian }: ArgumentLayout): number {
  return ARGUMENTS_OFFSET + 8 * index + (isBigEndian ? 0 : 4);
}

function writeEqual(code: Code, c: Condition, layout: ArgumentLayout, pass: Target, fail: Target): Target {
  let next = pass;
  if (c.maskLow !== 0) {
    next = code.jump(JUMP_EQUAL, c.low, next, fail);
    if (c.maskLow !== every) next = code.and(c.maskLow, next);
    next = code.load(lowOffset(c.index, layout), next);
  }
  if (layout.bits === 32 || c.maskHigh === 0) return next;
  next = code.jump(JUMP_EQUAL, c.high, next, fail);
  if (c.maskHigh !== every) next = code.and(c.maskHigh, next);
  return code.load(highOffset(c.index, layout), next);
}

/** The high halves decide unless they are equal. */
function writeGreater(
  code: Code,
  c: Condition,
  layout: ArgumentLayout,
  operation: number,
  pass: Target,
  fail: Target,
): Target {
  const low = code.load(lowOffset(c.index, layout), code.jump(operation, c.low, pass, fail));
  if (layout.bits === 32) return low;
  const equal = code.jump(JUMP_EQUAL, c.high, low, fail);
  return code.load(highOffset(c.index, layout), code.jump(JUMP_GREATER, c.high, pass, equal));
}
