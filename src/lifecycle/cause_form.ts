/**
 * What an explanation is made from and what it is: shared by the causes of every subject.
 * In: Failed. Out: Cause.
 * @module
 */
import { callsBefore } from "../program/addresses.ts";
import { isRegister } from "../plan/kinds.ts";
import type { Call, Plan, StructValue, Value } from "../plan/types.ts";
import type { Spec } from "../spec/types.ts";
import { errnoName, errnoText } from "../stage/sys.ts";

/** What failed, as the stage or the runtime's own program reported it. */
export interface Failure {
  readonly address: number;
  /** Positive errno. */
  readonly errno: number;
  /** Exit status of a hook or a helper; the step that make_user_namespace was at. */
  readonly result: number;
  /** The filesystem context's own log: lines that start with "e ", "w " or "i ". */
  readonly detail: string;
}

/** The line that failed, and everything that led to it. */
export interface Failed {
  readonly call: Call;
  readonly failure: Failure;
  readonly spec: Spec;
  readonly plan: Plan;
}

export interface Cause {
  /** Instead of the call and its errno; "": these. */
  readonly message: string;
  readonly because: string;
  readonly attempt: string;
  /** What of config.json asked for it, where it is known better than by the call. */
  readonly pointer?: string;
}

export const nothing: Cause = { message: "", because: "", attempt: "" };

/** A cause with advice. */
export const because = (text: string, attempt = ""): Cause => ({ message: "", because: text, attempt });

/** "EPERM". */
export const errnoOf = ({ failure }: Failed): string => errnoName(failure.errno);

/** "EPERM (operation not permitted)". */
export const errnoWords = ({ failure }: Failed): string => `${errnoName(failure.errno)} (${errnoText(failure.errno)})`;

/** The line before the failed one whose result is in this register. */
export function makerOf({ plan, failure }: Failed, value: Value | undefined): Call | undefined {
  if (!isRegister(value)) return undefined;
  const { register } = value;
  return callsBefore(plan, failure.address).findLast(({ out }) => out?.register === register);
}

/** One field of a structure argument as text; "" where it has none. */
export function fieldText(value: Value | undefined, field: string): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "";
  const content = (value as StructValue)[field];
  return typeof content === "string" ? content : "";
}

/** "a, b and c". */
export function listText(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** The first few of a long list. */
export function someOf(words: readonly string[], most = 5): string {
  return words.length <= most ? listText(words) : `${words.slice(0, most).join(", ")} and ${words.length - most} more`;
}
