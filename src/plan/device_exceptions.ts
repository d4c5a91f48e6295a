/**
 * Device rules as the v1 controller can keep them: what holds for all devices, and exceptions from it.
 * In: rules in order, the first about everything. Out: lines to write in that order, none of which undoes another.
 * Kernel: security/device_cgroup.c. A rule against an exception takes away the one of exactly its numbers and does
 *   nothing else, without a word: what it would mean beyond that is worked out here, or refused.
 * @module
 */
import { anyNumber, type DeviceAccess } from "./device_program.ts";

/** What a rule says would have to be cut out of an exception that is wider: the controller cannot. */
export type RefuseRule = (rule: DeviceAccess, exception: DeviceAccess) => void;

/** The first is about everything, the others are exceptions from it. */
export function deviceExceptions(rules: readonly DeviceAccess[], refuse: RefuseRule): DeviceAccess[] {
  let kept: DeviceAccess[] = [];
  for (const rule of rules) {
    if (isEverything(rule)) kept = [rule];
    else if (rule.type === "a") {
      // The kernel takes "a" as "everything, whatever follows": anything narrower is spelled for both types.
      apply(kept, { ...rule, type: "b" }, refuse);
      apply(kept, { ...rule, type: "c" }, refuse);
    } else apply(kept, rule, refuse);
  }
  return kept;
}

function apply(kept: DeviceAccess[], rule: DeviceAccess, refuse: RefuseRule): void {
  if (rule.allow !== kept[0]!.allow) {
    if (rule.access !== "") kept.push(rule);
    return;
  }
  for (let index = kept.length - 1; index > 0; index--) {
    const exception = kept[index]!;
    const left = without(exception.access, rule.access);
    if (exception.type !== rule.type || left === exception.access) continue;
    if (!meets(exception.major, rule.major) || !meets(exception.minor, rule.minor)) continue;
    if (!covers(rule.major, exception.major) || !covers(rule.minor, exception.minor)) refuse(rule, exception);
    else if (left === "") kept.splice(index, 1);
    else kept[index] = { ...exception, access: left };
  }
}

const meets = (a: number, b: number): boolean => a === b || a === anyNumber || b === anyNumber;
const covers = (outer: number, inner: number): boolean => outer === anyNumber || outer === inner;

function without(access: string, taken: string): string {
  let left = "";
  for (const letter of access) if (!taken.includes(letter)) left += letter;
  return left;
}

/** All devices, every access. */
export function isEverything({ type, major, minor, access }: DeviceAccess): boolean {
  return (
    type === "a" &&
    major === anyNumber &&
    minor === anyNumber &&
    access.includes("r") &&
    access.includes("w") &&
    access.includes("m")
  );
}

/** As devices.allow and devices.deny take it. */
export function ruleLine({ type, major, minor, access }: DeviceAccess): string {
  const number = (value: number): string => (value === anyNumber ? "*" : String(value));
  return `${type} ${number(major)}:${number(minor)} ${access}`;
}
