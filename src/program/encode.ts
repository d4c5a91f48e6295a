/**
 * Input: items of one side of a Plan, the tables of one architecture. Output: a program image, the bytes the C
 * interpreter executes (syscalls/interpreter.h), and where its registers lie.
 * Image: header (5 words), code (72 bytes an instruction), pool (structures, handler tables, texts), registers.
 * @module
 */
import { PlanError } from "../errors.ts";
import type { Alternative, Call, Item, Register, StructValue, Value } from "../plan/types.ts";
import { ioctlStructs } from "../../syscalls/calls.ts";
import { events, forms, image as imageNumbers, ops } from "../../syscalls/ops.ts";
import { noLine, type Placed } from "./addresses.ts";
import { Pool, twice, utf8Length } from "./pool.ts";
import { KIND, type Row, rowOf } from "./rows.ts";
import { evaluate, structLayout, type Tables } from "./tables.ts";

const HEADER_BYTES = 40;
const INSTRUCTION_BYTES = 72;
/** 32-bit words of an instruction, and where its arguments start. */
const WORDS = INSTRUCTION_BYTES / 4;
const ARGUMENTS = 4;
const NO_REGISTER = 0xffff;
const TWO_32 = 4294967296;
const allBits32 = 0xffff_ffffn;
const none: readonly number[] = [];

/** A program ready for the interpreter. */
export interface Image {
  /** Stable memory: the view covers a whole ArrayBuffer of its own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Byte offset of register 0; each takes 8 bytes. */
  readonly registers: number;
}

class Encoder {
  readonly #tables: Tables;
  readonly #pool = new Pool();
  /** Enough for most plans: what is not used is never touched. */
  #code = new Int32Array(512 * WORDS);
  #instructions = 0;
  /** Pairs: index of an argument in the code, number of the text it points to. */
  readonly #texts: number[] = [];
  readonly #structs = new Map<StructValue, number>();
  #address = 0;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  item(item: Item, address: number): void {
    this.#address = address;
    this.#item(item);
  }

  finish(base: (bytes: Uint8Array) => number, registers: number, sync: number, end: number): Image {
    this.#address = noLine;
    this.#begin(end, NO_REGISTER, 0);
    const pool = this.#pool;
    pool.close();
    for (let i = 0; i < this.#texts.length; i += 2) this.#code[this.#texts[i]!] = pool.textOffset(this.#texts[i + 1]!);
    const poolStart = HEADER_BYTES + this.#instructions * INSTRUCTION_BYTES;
    const registerFile = poolStart + pool.size;
    const bytes = new Uint8Array(new ArrayBuffer(registerFile + Math.max(1, registers) * 8));
    const header = new Int32Array(bytes.buffer, 0, HEADER_BYTES / 4);
    header.set([imageNumbers.PROGRAM_MAGIC, 0, HEADER_BYTES, 0, poolStart, 0, registerFile, 0, sync, sync >> 31]);
    new Int32Array(bytes.buffer, HEADER_BYTES).set(this.#code.subarray(0, this.#instructions * WORDS));
    pool.copyTo(bytes.subarray(poolStart, registerFile), base(bytes) + poolStart);
    return { bytes, registers: registerFile };
  }

  #item(item: Item): void {
    if (item.kind === "alternative") this.#alternative(item);
    else if (item.allow === undefined) this.#call(item, 0, false);
    else this.#call(item, this.#handlers(item.allow), true);
  }

  #alternative(item: Alternative): void {
    const errnos: string[] = [];
    for (const { on } of item.branches) for (const errno of on) errnos.push(errno);
    const table = this.#handlers(errnos);
    for (const call of item.attempt) {
      if (call.allow !== undefined) throw new PlanError(`"${call.call}" is attempted and may not allow errnos besides`);
      this.#call(call, table, false);
    }
    for (const inner of item.then) this.#item(inner);
    const jumps: number[] = [];
    let entry = table + 8;
    for (const branch of item.branches) {
      if (branch.items.length > 0) {
        jumps.push(this.#begin(ops.OP_JUMP, NO_REGISTER, 0) + ARGUMENTS);
        for (let i = 0; i < branch.on.length; i++) this.#pool.setWord(entry + 8 * i, this.#instructions);
        for (const inner of branch.items) this.#item(inner);
      }
      entry += 8 * branch.on.length;
    }
    for (const at of jumps) this.#code[at] = this.#instructions;
    this.#fillTargets(table);
  }

  /** A handler table {count, {errno, target}…} whose targets are still to be set (-1). */
  #handlers(errnos: readonly string[]): number {
    const table = this.#pool.reserve(4 + errnos.length * 8);
    this.#pool.setWord(table, errnos.length);
    for (let i = 0; i < errnos.length; i++) {
      const errno = errnos[i]!;
      this.#pool.setWord(table + 4 + 8 * i, errno === "*" ? 0 : evaluate(this.#tables, errno));
      this.#pool.setWord(table + 8 + 8 * i, -1);
    }
    return table;
  }

  /** What has no target yet goes on with the next instruction. */
  #fillTargets(table: number): void {
    const count = this.#pool.getWord(table);
    for (let at = table + 8; at < table + 8 + 8 * count; at += 8) {
      if (this.#pool.getWord(at) < 0) this.#pool.setWord(at, this.#instructions);
    }
  }

  /**
   * One call. The common arguments are written right here, not by a method each: this loop turns a thousand times for
   * a container, in an interpreter that pays for every call.
   */
  #call(call: Call, handlers: number, allows: boolean): void {
    const row = rowOf(call.call, this.#tables);
    // A structure that holds a register is completed by stores, which come before the call itself.
    const structs = row.structs.length === 0 ? none : this.#structArguments(row, call);
    const start = this.#begin(row.op, call.out === undefined ? NO_REGISTER : call.out.register, handlers);
    const { args } = call;
    const { kinds } = row;
    const code = this.#code;
    const texts = this.#texts;
    const pool = this.#pool;
    let given = 0;
    let forms32 = 0;
    let struct = 0;
    let at = start + ARGUMENTS;
    for (let i = 0; i < kinds.length; i++, at += 2) {
      const kind = kinds[i]!;
      if (kind >= KIND.LENGTH) {
        this.#derived(kind, call, row, given, at);
        continue;
      }
      const value = args[given++];
      if (value === null) continue;
      if (typeof value === "string") {
        if (kind === KIND.NUMBER) {
          const number = evaluate(this.#tables, value);
          code[at] = number;
          if (number < 0 || number >= TWO_32) code[at + 1] = highWord(number);
        } else if (kind === KIND.EVENT) {
          code[at] = (events as Record<string, number>)[value]!;
        } else {
          // Two pushes in one take ten times as long as this.
          const { length } = texts;
          texts[length] = at;
          texts[length + 1] = pool.text(value);
          forms32 |= forms.FORM_POOL << (4 * i);
        }
      } else if (typeof value === "number") {
        code[at] = value;
        // So that NaN is odd too.
        if (!(value >= 0 && value < TWO_32)) code[at + 1] = highWord(value);
      } else if (value === undefined || typeof value === "bigint") {
        // Of more than 53 bits are fields of structures only.
        throw new PlanError(`Call "${call.call}" lacks argument ${given}`);
      } else if ("register" in value) {
        code[at] = (value as Register).register;
        forms32 |= forms.FORM_REGISTER << (4 * i);
      } else if (kind === KIND.DEVICE) {
        const { major, minor } = value as { major: number; minor: number };
        code[at] = encodeDevice(major, minor);
      } else {
        const offset = structs[struct++];
        code[at] = offset ?? this.#list(kind, value);
        forms32 |= forms.FORM_POOL << (4 * i);
      }
    }
    code[start + 2] = forms32;
    if (allows) this.#fillTargets(handlers);
    this.#address++;
  }

  /** Arguments a plan does not write: they follow from their neighbours. */
  #derived(kind: number, call: Call, row: Row, given: number, at: number): void {
    if (kind === KIND.LENGTH) this.#code[at] = utf8Length(call.args[given - 1] as string);
    else if (kind === KIND.SIZE) this.#code[at] = structLayout(this.#tables, row.structs[0]!.name)!.size;
    else if (kind === KIND.COUNT) this.#code[at] = (call.args[given] as readonly number[]).length;
  }

  /** Lays out a call's structures: offsets of those that are there, in the order of the arguments. */
  #structArguments(row: Row, call: Call): number[] {
    const offsets: number[] = [];
    for (const { at, name } of row.structs) {
      const value = call.args[at];
      const struct = name === "" ? ioctlStructs[call.args[1] as string] : name;
      if (struct === "strv" && Array.isArray(value)) {
        offsets.push(this.#vector(value as readonly (string | Register)[]));
        continue;
      }
      const isPlain = struct === undefined || value === null || typeof value !== "object" || "register" in value;
      if (!isPlain) offsets.push(this.#laidOut(struct, value as StructValue));
    }
    return offsets;
  }

  /** Lays out an array of ids: its offset. */
  #list(kind: number, value: Value): number {
    if (kind === KIND.IDS) return this.#ids(value as readonly number[]);
    throw new PlanError(`A structure or list stands where none belongs: ${JSON.stringify(value)}`);
  }

  /** A structure's offset; one that several calls share (how a path is opened) is laid out once. */
  #laidOut(name: string, value: StructValue): number {
    const known = this.#structs.get(value);
    if (known !== undefined) return known;
    const before = this.#instructions;
    const offset = this.#struct(name, value);
    // Registers are stored into it before each call.
    if (this.#instructions === before) this.#structs.set(value, offset);
    return offset;
  }

  #struct(name: string, value: StructValue): number {
    const layout = structLayout(this.#tables, name);
    if (layout === undefined) throw new PlanError(`Unknown structure "${name}"`);
    const pool = this.#pool;
    const start = pool.reserve(layout.size);
    for (const field in value) {
      const place = layout.fields[field];
      if (place === undefined) throw new PlanError(`Structure "${name}" has no field "${field}"`);
      const content = value[field]!;
      const at = start + place.offset;
      if (place.kind === "words") pool.pointTo(at, pool.words(content as readonly number[]));
      else if (typeof content === "object") {
        if (content !== null) this.#store(at, (content as Register).register, place.size);
      } else if (place.kind === "str") pool.pointToText(at, content as string);
      else if (place.kind === "bytes") pool.pointTo(at, this.#hexadecimal(content as string));
      else if (place.kind === "chars")
        pool.setBytes(at, new TextEncoder().encode(content as string).subarray(0, place.size - 1));
      else if (typeof content === "number") this.#integer(at, place.size, content, highWord(content));
      else if (typeof content === "bigint")
        this.#integer(at, place.size, Number(content & allBits32), Number((content >> 32n) & allBits32));
      else {
        const number = evaluate(this.#tables, content);
        this.#integer(at, place.size, number, highWord(number));
      }
    }
    return start;
  }

  #integer(at: number, size: number, low: number, high: number): void {
    if (size === 2) this.#pool.setHalf(at, low);
    else this.#pool.setWord(at, low);
    if (size === 8) this.#pool.setWord(at + 4, high);
  }

  #store(at: number, register: number, size: number): void {
    const code = this.#begin(ops.OP_STORE, NO_REGISTER, 0);
    this.#code[code + 2] = forms.FORM_POOL | (forms.FORM_REGISTER << 4);
    this.#code[code + ARGUMENTS] = at;
    this.#code[code + ARGUMENTS + 2] = register;
    this.#code[code + ARGUMENTS + 4] = size;
  }

  #vector(texts: readonly (string | Register)[]): number {
    const at = this.#pool.reserve(8 * (texts.length + 1));
    for (let i = 0; i < texts.length; i++) {
      const text = texts[i]!;
      if (typeof text === "string") this.#pool.pointToText(at + 8 * i, text);
      else this.#store(at + 8 * i, text.register, 8);
    }
    return at;
  }

  #ids(ids: readonly number[]): number {
    const at = this.#pool.reserve(Math.max(4, ids.length * 4));
    for (let i = 0; i < ids.length; i++) this.#pool.setWord(at + 4 * i, ids[i]!);
    return at;
  }

  #hexadecimal(text: string): number {
    const bytes = new Uint8Array(text.length / 2);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
    const at = this.#pool.reserve(bytes.length);
    this.#pool.setBytes(at, bytes);
    return at;
  }

  /** Appends an instruction without arguments: index of its first word. */
  #begin(op: number, out: number, handlers: number): number {
    const at = this.#instructions++ * WORDS;
    if (at + WORDS > this.#code.length) this.#code = twice(this.#code);
    const code = this.#code;
    code[at] = op | (out << 16);
    code[at + 1] = handlers;
    code[at + 3] = this.#address;
    return at;
  }
}

function highWord(value: number): number {
  if (value >= 0 && value < TWO_32) return 0;
  if (!Number.isFinite(value)) throw new PlanError("What is to be a number of the plan is none");
  return Math.floor(value / TWO_32) | 0;
}

/** linux/kdev_t.h new_encode_dev: what mknodat takes. */
function encodeDevice(major: number, minor: number): number {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
}

/**
 * Encodes the items of one side into one image.
 * @param base address where the image will lie (the stage's is fixed, the runtime's its buffer's)
 * @param sync register that holds the sync socket, -1: none
 * @param hasRest the rest of the program comes by the sync socket
 */
export function encode(
  items: readonly Placed[],
  tables: Tables,
  registers: number,
  sync: number,
  base: (bytes: Uint8Array) => number,
  hasRest = false,
): Image {
  const encoding = new Encoder(tables);
  for (const { item, address } of items) encoding.item(item, address);
  return encoding.finish(base, registers, sync, hasRest ? ops.OP_RECEIVE_REST : ops.OP_END);
}
