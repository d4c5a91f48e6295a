/**
 * valibot's issues as one SpecError. In: issues. Out: pointer, what was expected, what was there.
 * @module
 */
import type * as v from "valibot";
import { SpecError } from "../errors.ts";
import { pointerStep } from "./pointer.ts";

type Issue = v.BaseIssue<unknown>;

/** How many further problems are listed after the first. */
const maxListed = 4;

/** The first issue as the error's message, some more of them as its detail. */
export function specErrorFrom(issues: readonly [Issue, ...Issue[]]): SpecError {
  const detail = issues.slice(1, 1 + maxListed).map((issue) => `also ${pointerOf(issue)}: ${messageOf(issue)}`);
  const rest = issues.length - 1 - detail.length;
  if (rest > 0) detail.push(`and ${rest} more`);
  return new SpecError(pointerOf(issues[0]), messageOf(issues[0]), detail);
}

function pointerOf(issue: Issue): string {
  return (issue.path ?? []).map((item) => pointerStep(String(item.key))).join("");
}

function messageOf(issue: Issue): string {
  const isMissing = issue.type === "object" && issue.kind === "schema" && issue.received === "undefined";
  if (isMissing) return "Required but missing";
  return `Expected ${expectedBy(issue)} but received ${describeValue(issue.input)}`;
}

/** Messages given in the schemas are noun phrases already. */
function expectedBy(issue: Issue): string {
  switch (issue.type) {
    case "string":
      return "a string";
    case "boolean":
      return "true or false";
    case "array":
      return "an array";
    case "object":
    case "record":
      return "an object";
    case "picklist":
      return `one of ${(issue.expected ?? "").replace(/^\(|\)$/g, "").replaceAll(" | ", ", ")}`;
    default:
      return issue.message;
  }
}

/** A value of config.json, short enough for a message. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}
