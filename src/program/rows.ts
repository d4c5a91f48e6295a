/**
 * Rows of the call table in the form the encoder works with: numbers instead of words, made once for each call in use.
 * @module
 */
import { PlanError } from "../errors.ts";
import { type ArgumentKind, calls, pseudoCalls } from "../../syscalls/calls.ts";
import { ops } from "../../syscalls/ops.ts";
import { memoryOf, type Tables } from "./tables.ts";

/** What to do with one argument. From LENGTH on a plan does not write it. */
export const KIND = {
  NUMBER: 0,
  EVENT: 1,
  TEXT: 2,
  DATA: 3,
  VECTOR: 4,
  IDS: 5,
  DEVICE: 6,
  STRUCT: 7,
  LENGTH: 8,
  SIZE: 9,
  COUNT: 10,
  ZERO: 11,
} as const;

const kindNumbers: Readonly<Record<string, number>> = {
  fd: KIND.NUMBER,
  int: KIND.NUMBER,
  flags: KIND.NUMBER,
  str: KIND.TEXT,
  data: KIND.DATA,
  strv: KIND.VECTOR,
  ids: KIND.IDS,
  dev: KIND.DEVICE,
  len: KIND.LENGTH,
  size: KIND.SIZE,
  count: KIND.COUNT,
  zero: KIND.ZERO,
};

export interface Row {
  /** Number of the system call or of the pseudo-call. */
  readonly op: number;
  readonly kinds: readonly number[];
  /**
   * Which arguments are laid out before the call: structures (for ioctl: perhaps) and vectors, "strv", since they may
   * hold registers. Nothing derived stands before them.
   */
  readonly structs: readonly { readonly at: number; readonly name: string }[];
}

const systemCalls: Readonly<Record<string, readonly ArgumentKind[]>> = calls;
const pseudo: Readonly<Record<string, readonly ArgumentKind[]>> = pseudoCalls;
const preparedOf = memoryOf<Row>();

/** The row of a call. Errors: PlanError for one that is not in the table. */
export function rowOf(name: string, tables: Tables): Row {
  const prepared = preparedOf(tables);
  let row = prepared.get(name);
  if (row === undefined) {
    row = prepare(name, tables);
    prepared.set(name, row);
  }
  return row;
}

function prepare(name: string, tables: Tables): Row {
  const words = systemCalls[name] ?? pseudo[name];
  if (words === undefined) throw new PlanError(`Cannot encode unknown call "${name}"`);
  const op =
    systemCalls[name] === undefined ? (ops as Record<string, number>)[`OP_${name.toUpperCase()}`] : tables.nr[name];
  if (op === undefined) throw new PlanError(`Call "${name}" has no number on this architecture`);
  const isEvent = name === "post" || name === "wait" || name === "post_value" || name === "wait_value";
  const kinds: number[] = [];
  const structs: { at: number; name: string }[] = name === "ioctl" ? [{ at: 2, name: "" }] : [];
  for (const word of words) {
    if (word.startsWith("struct ")) {
      structs.push({ at: kinds.length, name: word.slice(7) });
      kinds.push(KIND.STRUCT);
    } else if (word === "strv") {
      structs.push({ at: kinds.length, name: "strv" });
      kinds.push(KIND.VECTOR);
    } else kinds.push(isEvent && word === "flags" ? KIND.EVENT : kindNumbers[word]!);
  }
  return { op, kinds, structs };
}
