/**
 * Input: a program image. Output: its instructions as plain data, for tests and for looking at what really runs.
 * @module
 */
import { calls, pseudoCalls } from "../../syscalls/calls.ts";
import { forms, ops } from "../../syscalls/ops.ts";
import type { Image } from "./encode.ts";
import type { Tables } from "./tables.ts";

const INSTRUCTION_BYTES = 72;
const NO_REGISTER = 0xffff;

/** One argument word: an immediate number, an offset into the pool, or a register. */
export interface Operand {
  readonly form: "immediate" | "pool" | "register";
  readonly value: number;
}

export interface Instruction {
  /** Name of the call or pseudo-call; "end", "jump" and "store" for what only programs have. */
  readonly call: string;
  readonly out: number | undefined;
  /** The plan's line. */
  readonly address: number;
  /** errno numbers and the instructions they lead to; errno 0 stands for every one. */
  readonly handlers: readonly { readonly errno: number; readonly target: number }[];
  readonly operands: readonly Operand[];
}

/** The instructions of an image, OP_END as the last. */
export function decode(image: Image, tables: Tables): Instruction[] {
  const view = new DataView(image.bytes.buffer);
  const names = callNames(tables);
  const code = view.getUint32(8, true);
  const pool = view.getUint32(16, true);
  const instructions: Instruction[] = [];
  for (let at = code; at < pool; at += INSTRUCTION_BYTES) {
    const op = view.getUint16(at, true);
    const out = view.getUint16(at + 2, true);
    const handlers = view.getUint32(at + 4, true);
    const form = view.getUint32(at + 8, true);
    instructions.push({
      call: names.get(op) ?? `op ${op}`,
      out: out === NO_REGISTER ? undefined : out,
      address: view.getUint32(at + 12, true),
      handlers: handlers === 0 ? [] : readHandlers(view, pool + handlers),
      operands: Array.from({ length: 7 }, (_, i) => ({
        form: formName((form >> (4 * i)) & 15),
        value: Number(view.getBigInt64(at + 16 + 8 * i, true)),
      })),
    });
  }
  return instructions;
}

/** NUL-terminated text at an offset of the pool. */
export function textAt(image: Image, offset: number): string {
  const start = new DataView(image.bytes.buffer).getUint32(16, true) + offset;
  return new TextDecoder().decode(image.bytes.subarray(start, image.bytes.indexOf(0, start)));
}

function callNames(tables: Tables): Map<number, string> {
  const names = new Map<number, string>();
  for (const name in calls) names.set(tables.nr[name]!, name);
  for (const name in pseudoCalls) names.set((ops as Record<string, number>)[`OP_${name.toUpperCase()}`]!, name);
  names.set(ops.OP_END, "end");
  names.set(ops.OP_JUMP, "jump");
  names.set(ops.OP_STORE, "store");
  return names;
}

function readHandlers(view: DataView, at: number): { errno: number; target: number }[] {
  return Array.from({ length: view.getUint32(at, true) }, (_, i) => ({
    errno: view.getUint32(at + 4 + 8 * i, true),
    target: view.getUint32(at + 8 + 8 * i, true),
  }));
}

function formName(form: number): Operand["form"] {
  return form === forms.FORM_IMMEDIATE ? "immediate" : form === forms.FORM_POOL ? "pool" : "register";
}
