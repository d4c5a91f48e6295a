/**
 * Input: items of one side of a Plan, the tables of one architecture. Output: a program image, the bytes the C
 * interpreter executes (syscalls/interpreter.h), and where its registers lie.
 * Image: header (5 words), code (72 bytes an instruction), pool (texts, structures, handler tables), registers.
 * @module
 */
import { PlanError } from "../errors.ts";
import type { Alternative, Call, Item, Register, StructValue, Value } from "../plan/types.ts";
import { type ArgumentKind, calls, ioctlStructs, pseudoCalls } from "../../syscalls/calls.ts";
import { events, forms, image as imageNumbers, ops } from "../../syscalls/ops.ts";
import { evaluate, type Tables } from "./tables.ts";

const HEADER_BYTES = 40;
const INSTRUCTION_BYTES = 72;
const NO_REGISTER = 0xffff;
const MAX_ARGUMENTS = 7;
const TWO_32 = 4294967296;

/** An item with the address of its first call in the whole plan. */
export interface Placed {
  readonly item: Item;
  readonly address: number;
}

/** A program ready for the interpreter. */
export interface Image {
  /** Stable memory: the view covers a whole ArrayBuffer of its own. */
  readonly bytes: Uint8Array;
  /** Byte offset of register 0; each takes 8 bytes. */
  readonly registers: number;
}

/** Number of calls in an item: what it advances the plan's addresses by. */
export function countCalls(item: Item): number {
  if (item.kind === "call") return 1;
  let count = item.attempt.length;
  for (const inner of item.then) count += countCalls(inner);
  for (const branch of item.branches) for (const inner of branch.items) count += countCalls(inner);
  return count;
}

const encoder = new TextEncoder();
const rows = { ...calls, ...pseudoCalls } as unknown as Readonly<Record<string, readonly ArgumentKind[]>>;

const isRegister = (value: Value): value is Register =>
  typeof value === "object" && value !== null && "register" in value;

class Encoder {
  readonly #tables: Tables;
  #code = new Int32Array(256 * 18);
  #instructions = 0;
  #pool = new Uint8Array(16384);
  #view = new DataView(this.#pool.buffer);
  /** Offset 0 stays unused: a handler offset of 0 means none. */
  #used = 8;
  readonly #texts = new Map<string, number>();
  /** Pool offsets of pointers, and what they point to within the pool. */
  readonly #pointers: number[] = [];
  #address = 0;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  item(item: Item, address: number): void {
    this.#address = address;
    this.#item(item);
  }

  finish(base: (bytes: Uint8Array) => number, registers: number, sync: number): Image {
    this.#emit(ops.OP_END, NO_REGISTER, 0);
    const code = HEADER_BYTES;
    const pool = code + this.#instructions * INSTRUCTION_BYTES;
    const registerFile = pool + ((this.#used + 7) & ~7);
    const length = registerFile + Math.max(1, registers) * 8;
    const bytes = new Uint8Array(new ArrayBuffer(length));
    const words = new DataView(bytes.buffer);
    const start = base(bytes) + pool;
    for (let i = 0; i < this.#pointers.length; i += 2) {
      const target = start + this.#pointers[i + 1]!;
      this.#view.setUint32(this.#pointers[i]!, target % TWO_32, true);
      this.#view.setUint32(this.#pointers[i]! + 4, Math.floor(target / TWO_32), true);
    }
    words.setUint32(0, imageNumbers.PROGRAM_MAGIC, true);
    words.setUint32(8, code, true);
    words.setUint32(16, pool, true);
    words.setUint32(24, registerFile, true);
    words.setInt32(32, sync, true);
    words.setInt32(36, sync >> 31, true);
    bytes.set(new Uint8Array(this.#code.buffer, 0, this.#instructions * INSTRUCTION_BYTES), code);
    bytes.set(this.#pool.subarray(0, this.#used), pool);
    return { bytes, registers: registerFile };
  }

  #item(item: Item): void {
    if (item.kind === "call") this.#call(item, item.allow === undefined ? 0 : this.#allow(item.allow));
    else this.#alternative(item);
  }

  #alternative(item: Alternative): void {
    let errors = 0;
    for (const branch of item.branches) errors += branch.on.length;
    const table = this.#reserve(4 + errors * 8, 4);
    this.#view.setUint32(table, errors, true);
    for (const call of item.attempt) {
      if (call.allow !== undefined) throw new PlanError(`"${call.call}" is attempted and may not allow errnos besides`);
      this.#call(call, table);
    }
    for (const inner of item.then) this.#item(inner);
    const jumps: number[] = [];
    let entry = table + 4;
    for (const branch of item.branches) {
      if (branch.items.length > 0) {
        jumps.push(this.#instructions);
        this.#emit(ops.OP_JUMP, NO_REGISTER, 0);
      }
      const target = branch.items.length > 0 ? this.#instructions : -1;
      for (const errno of branch.on) {
        this.#view.setUint32(entry, errno === "*" ? 0 : this.#constant(errno), true);
        this.#view.setInt32(entry + 4, target, true);
        entry += 8;
      }
      for (const inner of branch.items) this.#item(inner);
    }
    for (const jump of jumps) this.#code[jump * 18 + 4] = this.#instructions;
    for (let at = table + 8; at < entry; at += 8) {
      if (this.#view.getInt32(at, true) < 0) this.#view.setUint32(at, this.#instructions, true);
    }
  }

  /** A handler table that goes on with the next instruction. */
  #allow(errnos: readonly string[]): number {
    const table = this.#reserve(4 + errnos.length * 8, 4);
    this.#view.setUint32(table, errnos.length, true);
    let entry = table + 4;
    for (const errno of errnos) {
      this.#view.setUint32(entry, errno === "*" ? 0 : this.#constant(errno), true);
      this.#view.setInt32(entry + 4, -1, true);
      entry += 8;
    }
    return table;
  }

  #call(call: Call, handlers: number): void {
    const name = call.call;
    const kinds = rows[name];
    if (kinds === undefined) throw new PlanError(`Cannot encode unknown call "${name}"`);
    const op = name in pseudoCalls ? (ops as Record<string, number>)[`OP_${name.toUpperCase()}`]! : this.#tables.nr[name];
    if (op === undefined) throw new PlanError(`Call "${name}" has no number on this architecture`);
    // Structures that hold registers need their stores first, so arguments are laid out before the instruction.
    const words: number[] = [];
    let given = 0;
    let previousBytes = 0;
    let forms32 = 0;
    for (let i = 0; i < kinds.length; i++) {
      let kind = kinds[i]!;
      if (kind === "len" || kind === "size") {
        words.push(previousBytes, 0);
        continue;
      }
      if (kind === "zero") {
        words.push(0, 0);
        continue;
      }
      if (kind === "count") {
        words.push((call.args[given] as readonly number[]).length, 0);
        continue;
      }
      const value = call.args[given++];
      if (value === undefined) throw new PlanError(`Call "${name}" lacks argument ${given}`);
      if (name === "ioctl" && i === 2) {
        const struct = ioctlStructs[call.args[1] as string];
        if (struct !== undefined) kind = `struct ${struct}`;
      }
      const before = this.#used;
      const form = this.#argument(kind, value, words, name === "post" || name === "wait");
      previousBytes = kind === "data" ? this.#dataLength : kind.startsWith("struct ") ? this.#structLength : this.#used - before;
      forms32 |= form << (4 * i);
    }
    const index = this.#instructions;
    this.#emit(op, call.out === undefined ? NO_REGISTER : call.out.register, forms32, handlers, words);
    if (handlers !== 0 && call.allow !== undefined) this.#closeAllow(handlers, index + 1);
    this.#address++;
  }

  #closeAllow(table: number, next: number): void {
    const count = this.#view.getUint32(table, true);
    for (let i = 0; i < count; i++) {
      const at = table + 8 + i * 8;
      if (this.#view.getInt32(at, true) === -1) this.#view.setUint32(at, next, true);
    }
  }

  #dataLength = 0;
  #structLength = 0;

  #argument(kind: ArgumentKind, value: Value, words: number[], isEvent: boolean): number {
    if (isRegister(value)) {
      words.push(value.register, 0);
      return forms.FORM_REGISTER;
    }
    if (value === null) {
      words.push(0, 0);
      return forms.FORM_IMMEDIATE;
    }
    switch (kind) {
      case "fd":
      case "int":
      case "flags":
        if (isEvent) words.push((events as Record<string, number>)[value as string]!, 0);
        else if (typeof value === "number") pushNumber(words, value);
        else {
          const { low, high } = evaluate(this.#tables, value as string);
          words.push(low, high);
        }
        return forms.FORM_IMMEDIATE;
      case "dev": {
        const { major, minor } = value as { major: number; minor: number };
        words.push(encodeDevice(major, minor), 0);
        return forms.FORM_IMMEDIATE;
      }
      case "str":
        words.push(this.#text(value as string), 0);
        return forms.FORM_POOL;
      case "data":
        words.push(this.#text(value as string), 0);
        this.#dataLength = utf8Length(value as string);
        return forms.FORM_POOL;
      case "strv":
        words.push(this.#vector(value as readonly string[]), 0);
        return forms.FORM_POOL;
      case "ids": {
        const ids = value as readonly number[];
        const at = this.#reserve(Math.max(4, ids.length * 4), 4);
        for (let i = 0; i < ids.length; i++) this.#view.setUint32(at + 4 * i, ids[i]!, true);
        words.push(at, 0);
        return forms.FORM_POOL;
      }
      default:
        words.push(this.#struct(kind.slice(7), value as StructValue), 0);
        return forms.FORM_POOL;
    }
  }

  #struct(name: string, value: StructValue): number {
    const layout = this.#tables.structLayouts[name];
    if (layout === undefined) throw new PlanError(`Unknown structure "${name}"`);
    const at = this.#reserve(layout.size, 8);
    this.#structLength = layout.size;
    for (const field in value) {
      const place = layout.fields[field];
      if (place === undefined) throw new PlanError(`Structure "${name}" has no field "${field}"`);
      const content = value[field]!;
      const to = at + place.offset;
      if (isRegister(content)) this.#store(to, content.register, place.size);
      else if (place.kind === "str") this.#pointers.push(to, this.#text(content as string));
      else if (place.kind === "bytes") this.#pointers.push(to, this.#hex(content as string));
      else if (place.kind === "chars") encoder.encodeInto(content as string, this.#pool.subarray(to, to + place.size - 1));
      else if (typeof content === "number") this.#write(to, place.size, content);
      else {
        const { low, high } = evaluate(this.#tables, content as string);
        if (place.size === 2) this.#view.setUint16(to, low, true);
        else this.#view.setInt32(to, low, true);
        if (place.size === 8) this.#view.setInt32(to + 4, high, true);
      }
    }
    return at;
  }

  #write(at: number, size: number, value: number): void {
    const pair: number[] = [];
    pushNumber(pair, value);
    if (size === 2) this.#view.setUint16(at, pair[0]!, true);
    else this.#view.setInt32(at, pair[0]!, true);
    if (size === 8) this.#view.setInt32(at + 4, pair[1]!, true);
  }

  #store(at: number, register: number, size: number): void {
    const form = forms.FORM_POOL | (forms.FORM_REGISTER << 4);
    this.#emit(ops.OP_STORE, NO_REGISTER, form, 0, [at, 0, register, 0, size, 0]);
  }

  #vector(texts: readonly string[]): number {
    const offsets = texts.map((text) => this.#text(text));
    const at = this.#reserve(8 * (texts.length + 1), 8);
    for (let i = 0; i < offsets.length; i++) this.#pointers.push(at + 8 * i, offsets[i]!);
    return at;
  }

  #text(text: string): number {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const at = this.#reserve(text.length * 3 + 1, 1);
    const { written } = encoder.encodeInto(text, this.#pool.subarray(at, at + text.length * 3));
    this.#pool[at + written] = 0;
    this.#used = at + written + 1;
    this.#texts.set(text, at);
    return at;
  }

  #hex(text: string): number {
    const at = this.#reserve(text.length / 2, 8);
    for (let i = 0; i < text.length / 2; i++) this.#pool[at + i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
    return at;
  }

  #reserve(length: number, alignment: number): number {
    const at = (this.#used + alignment - 1) & -alignment;
    this.#used = at + length;
    if (this.#used > this.#pool.length) {
      const grown = new Uint8Array(Math.max(this.#used, this.#pool.length * 2));
      grown.set(this.#pool);
      this.#pool = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }

  #constant(name: string): number {
    return evaluate(this.#tables, name).low;
  }

  #emit(op: number, out: number, form: number, handlers = 0, words: readonly number[] = []): void {
    if (words.length > 2 * MAX_ARGUMENTS) throw new PlanError("A call has more arguments than an instruction holds");
    let at = this.#instructions++ * 18;
    if (at + 18 > this.#code.length) {
      const grown = new Int32Array(this.#code.length * 2);
      grown.set(this.#code);
      this.#code = grown;
    }
    const code = this.#code;
    code[at++] = op | (out << 16);
    code[at++] = handlers;
    code[at++] = form;
    code[at++] = this.#address;
    for (let i = 0; i < words.length; i++) code[at + i] = words[i]!;
  }
}

/** UTF-8 length in bytes. */
function utf8Length(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return encoder.encode(text).length;
  return text.length;
}

/** Splits into two 32-bit words, two's complement; Infinity and what exceeds 64 bits become all ones. */
function pushNumber(words: number[], value: number): void {
  if (value >= 18446744073709551615) words.push(-1, -1);
  else words.push(value % TWO_32 | 0, Math.floor(value / TWO_32) | 0);
}

/** linux/kdev_t.h new_encode_dev: what mknodat takes. */
function encodeDevice(major: number, minor: number): number {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
}

/**
 * Encodes the items of one side into one image.
 * @param base address where the image will lie (the stage's is fixed, the runtime's its buffer's)
 * @param sync register that holds the sync socket, -1: none
 */
export function encode(
  items: readonly Placed[],
  tables: Tables,
  registers: number,
  sync: number,
  base: (bytes: Uint8Array) => number,
): Image {
  const encoding = new Encoder(tables);
  for (const { item, address } of items) encoding.item(item, address);
  return encoding.finish(base, registers, sync);
}
