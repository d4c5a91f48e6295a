/**
 * From a report to an error that a person can act on: which line of the plan, which errno, who asked, why, what to try.
 * Input: Plan, Spec, the failed record. Output: StageError.
 * @module
 */
import { StageError, SyscallError } from "../errors.ts";
import type { Call, Plan, Value } from "../plan/types.ts";
import { callText } from "../program/print.ts";
import { callAt, noLine } from "../program/addresses.ts";
import { writeJson } from "../spec/json.ts";
import type { Spec } from "../spec/types.ts";
import { errnoName, errnoText } from "../stage/sys.ts";
import { causeOf } from "./cause.ts";
import { type Cause, type Failed, type Failure, nothing } from "./cause_form.ts";

/** Builds the error for a failed line. */
export function failureError(plan: Plan, spec: Spec, failure: Failure): StageError {
  const call = callAt(plan, failure.address);
  const where = { address: failure.address, errno: failure.errno, pointer: call?.from ?? "" };
  const errno = `${errnoName(failure.errno)} (${errnoText(failure.errno)})`;
  if (failure.address === noLine) {
    return new StageError(`The rest of its program did not reach the container's first process: ${errno}`, [], where);
  }
  if (call === undefined) return new StageError(`Line ${failure.address} of the plan failed: ${errno}`, [], where);
  const detail: string[] = [];
  const { message, because, attempt, pointer = call.from } = explain({ call, failure, spec, plan });
  const asked = askedBy(spec, pointer);
  const { document: whole = "config.json", processDocument = whole } = plan;
  const document = call.from.startsWith("/process") ? processDocument : whole;
  if (asked !== "") detail.push(`asked by   ${document} ${asked}`);
  // ECHILD: the program ran, and ended otherwise than with 0.
  const hasStatus = (call.call === "hook" || call.call === "helper") && errnoName(failure.errno) === "ECHILD";
  const line = `${callText(shortened(call))}: ${hasStatus ? `status ${failure.result}` : errno}`;
  if (message !== "") detail.push(`call       ${line}`);
  if (failure.detail !== "") detail.push(`kernel     ${kernelLog(failure.detail)}`);
  if (because !== "") detail.push(`because    ${because}`);
  if (attempt !== "") detail.push(`try        ${attempt}`);
  return new StageError(message === "" ? `${subject(spec, call)}${line}` : message, detail, where);
}

/** Why it failed, as far as it can be found out: that nothing can be asked any more may be what has failed. */
function explain(failed: Failed): Cause {
  try {
    return causeOf(failed);
  } catch (error) {
    if (error instanceof SyscallError) return nothing;
    throw error;
  }
}

/** Longest text of a call that a person still reads. */
const maxTextLength = 160;

/**
 * The call with long texts cut, and without what follows a program's arguments: the environment, a hook's state. They
 * may hold secrets, and an error ends up in logs.
 */
function shortened(call: Call): Call {
  const isProgram = call.call === "execve" || call.call === "hook" || call.call === "helper";
  const args: Value[] = [];
  for (const [index, value] of call.args.entries()) {
    if (isProgram && index > 1) break;
    const isLong = typeof value === "string" && value.length > maxTextLength;
    args.push(isLong ? `${value.slice(0, maxTextLength)}…` : value);
  }
  return { ...call, args };
}

/** `mounts[3] "/dev/shm": ` for a pointer into a list whose entries have a name. */
function subject(spec: Spec, call: Call): string {
  const mount = /^\/mounts\/(\d+)/.exec(call.from);
  if (mount !== null) {
    const index = Number(mount[1]);
    return `mounts[${index}] ${JSON.stringify(spec.mounts?.[index]?.destination ?? "")}: `;
  }
  return call.from === "" ? "" : `${call.from.slice(1).replaceAll("/", ".")}: `;
}

/** The pointer and, where it is short, the value it points to. */
function askedBy(spec: Spec, pointer: string): string {
  if (pointer === "") return "";
  let value: unknown = spec;
  for (const part of pointer.slice(1).split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    value = (value as Record<string, unknown> | undefined)?.[key];
  }
  const shown = value === undefined ? "" : writeJson(value, 0, "unlimited");
  return shown.length > 80 || shown === "" ? pointer : `${pointer} ${shown}`;
}

function kernelLog(text: string): string {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(/^[ewi] /, ""))
    .join("; ");
}
