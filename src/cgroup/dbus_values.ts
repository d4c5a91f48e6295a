/**
 * D-Bus values as bytes, by their signature: little-endian, without descriptors. In: values. Out: bytes, and back.
 * Format: https://dbus.freedesktop.org/doc/dbus-specification.html, "Marshaling"
 * @module
 */
import { HostError, PlanError } from "../errors.ts";
import { firstType, type GVariant, memberTypes } from "../plan/gvariant.ts";

/** Alignment by the first letter of a type. */
const alignments: Readonly<Record<string, number>> = {
  y: 1,
  g: 1,
  v: 1,
  n: 2,
  q: 2,
  i: 4,
  u: 4,
  b: 4,
  s: 4,
  o: 4,
  a: 4,
  h: 4,
  x: 8,
  t: 8,
  d: 8,
  "(": 8,
  "{": 8,
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Appends values; grows by itself. */
export class Writer {
  #bytes = new Uint8Array(new ArrayBuffer(512));
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  /** What was written. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  align(boundary: number): void {
    while (this.length % boundary !== 0) this.byte(0);
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  u32(value: number): void {
    this.align(4);
    this.#room(4);
    this.#view.setUint32(this.length, value, true);
    this.length += 4;
  }

  /** A length that is known later. */
  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  string(text: string): void {
    const bytes = encoder.encode(text);
    this.u32(bytes.length);
    this.raw(bytes);
    this.byte(0);
  }

  signature(text: string): void {
    const bytes = encoder.encode(text);
    this.byte(bytes.length);
    this.raw(bytes);
    this.byte(0);
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** An array; `write` appends its elements. @param type of an element */
  array(type: string, write: () => void): void {
    this.u32(0);
    const at = this.length - 4;
    // The padding before the first element is there even if there is none, and does not count.
    this.align(alignments[type[0]!]!);
    const start = this.length;
    write();
    this.setU32(at, this.length - start);
  }

  /** A value of any type but variants and dictionaries. */
  value(type: string, value: GVariant): void {
    switch (type[0]) {
      case "s":
      case "o":
        return this.string(value as string);
      case "g":
        return this.signature(value as string);
      case "y":
        return this.byte(value as number);
      case "b":
        return this.u32(value === true ? 1 : 0);
      case "a": {
        const element = type.slice(1);
        return this.array(element, () => {
          for (const item of value as readonly GVariant[]) this.value(element, item);
        });
      }
      case "(": {
        this.align(8);
        for (const [index, member] of memberTypes(type).entries()) this.value(member, (value as GVariant[])[index]!);
        return undefined;
      }
      default:
        return this.#number(type, value);
    }
  }

  /** A variant: its type, then its value. */
  variant(type: string, value: GVariant): void {
    this.signature(type);
    this.value(type, value);
  }

  #number(type: string, value: GVariant): void {
    const size = alignments[type] ?? 0;
    if (size === 0 || type !== firstType(type)) throw new PlanError(`Cannot write a value of D-Bus type "${type}"`);
    this.align(size);
    this.#room(size);
    const at = this.length;
    if (type === "d") this.#view.setFloat64(at, value as number, true);
    else if (size === 8) this.#view.setBigUint64(at, BigInt.asUintN(64, value as bigint), true);
    else if (size === 4) this.#view.setUint32(at, value as number, true);
    else this.#view.setUint16(at, value as number, true);
    this.length += size;
  }

  #room(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(new ArrayBuffer(2 * (this.length + more)));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads values one after the other. Errors: HostError where the message is not what it says. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  align(boundary: number): void {
    this.#at = Math.ceil(this.#at / boundary) * boundary;
  }

  byte(): number {
    this.#need(1);
    return this.#bytes[this.#at++]!;
  }

  u32(): number {
    this.align(4);
    this.#need(4);
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  string(): string {
    return this.#text(this.u32());
  }

  signature(): string {
    return this.#text(this.byte());
  }

  /** The text of a variant that holds one; undefined: it holds something else. */
  textVariant(): string | undefined {
    const type = this.signature();
    return type === "s" || type === "o" ? this.string() : undefined;
  }

  #text(length: number): string {
    this.#need(length + 1);
    const text = decoder.decode(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length + 1;
    return text;
  }

  #need(count: number): void {
    if (this.#at + count > this.#bytes.length) throw new HostError("Cannot read a D-Bus message: it ends too early");
  }
}
