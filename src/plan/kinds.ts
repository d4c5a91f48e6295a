/**
 * The kinds of the arguments that a plan writes. Input: Call. Output: kinds, from syscalls/calls.ts.
 * @module
 */
import { type ArgumentKind, calls, ioctlStructs, pseudoCalls, runtimeCalls } from "../../syscalls/calls.ts";
import type { Call, Register, Value } from "./types.ts";

/** Kinds that a plan does not write: the encoder fills them in. */
const unwritten: ReadonlySet<string> = new Set(["len", "count", "size", "zero"]);

const systemCalls: Readonly<Record<string, readonly ArgumentKind[]>> = calls;
const pseudo: Readonly<Record<string, readonly ArgumentKind[]>> = pseudoCalls;
const runtimes: Readonly<Record<string, readonly ArgumentKind[]>> = runtimeCalls;

/** Kinds of this call's arguments (the third of ioctl depends on the request); undefined: no such call. */
export function kindsOf(call: Call): readonly ArgumentKind[] | undefined {
  const others = Object.hasOwn(pseudo, call.call) ? pseudo : runtimes;
  const rows = Object.hasOwn(systemCalls, call.call) ? systemCalls : others;
  if (!Object.hasOwn(rows, call.call)) return undefined;
  const kinds = rows[call.call]!.filter((kind) => !unwritten.has(kind));
  const struct = call.call === "ioctl" ? ioctlStructs[call.args[1] as string] : undefined;
  return struct === undefined ? kinds : [kinds[0]!, kinds[1]!, `struct ${struct}`];
}

export function isRegister(value: Value | undefined): value is Register {
  return typeof value === "object" && value !== null && "register" in value;
}
