/**
 * The pool of a program image while it is built: structures, vectors, handler tables, and texts behind them.
 * Texts are encoded in one go at the end, for each trip into the engine's encoder costs more than a text: until then
 * whoever points to one leaves a fix-up.
 * @module
 */

const encoder = new TextEncoder();
const TWO_32 = 4294967296;

/** The words in twice the space. */
export function twice(words: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(words.length * 2);
  grown.set(words);
  return grown;
}

export class Pool {
  #words = new Int32Array(8192);
  /** Bytes used. Offset 0 stays unused: a handler table at 0 means none. */
  #used = 8;
  readonly #texts: string[] = [];
  readonly #ids = new Map<string, number>();
  /** Pairs: where a 64-bit pointer belongs in the pool, and the text or the pool offset it points to. */
  readonly #textPointers: number[] = [];
  readonly #pointers: number[] = [];
  readonly #textOffsets: number[] = [];
  #bytes: Uint8Array = new Uint8Array(0);

  /** Space of zeros, 8-byte aligned: its offset. */
  reserve(bytes: number): number {
    const at = this.#used;
    this.#used = (at + bytes + 7) & ~7;
    while (this.#used > this.#words.length * 4) this.#words = twice(this.#words);
    return at;
  }

  /** Writes a 32-bit word at a multiple of 4. */
  setWord(at: number, value: number): void {
    this.#words[at >> 2] = value;
  }

  getWord(at: number): number {
    return this.#words[at >> 2]!;
  }

  /** Writes 16 bits at a multiple of 2. */
  setHalf(at: number, value: number): void {
    const shift = (at & 2) * 8;
    this.#words[at >> 2] = (this.#words[at >> 2]! & ~(0xffff << shift)) | ((value & 0xffff) << shift);
  }

  /** An array of 32-bit words: its offset. */
  words(words: readonly number[]): number {
    const at = this.reserve(words.length * 4);
    this.#words.set(words, at >> 2);
    return at;
  }

  setBytes(at: number, bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      const shift = ((at + i) & 3) * 8;
      this.#words[(at + i) >> 2] = (this.#words[(at + i) >> 2]! & ~(0xff << shift)) | (bytes[i]! << shift);
    }
  }

  /** Number of a text; equal texts have one. */
  text(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#texts.length;
      this.#texts[id] = text;
      this.#ids.set(text, id);
    }
    return id;
  }

  pointToText(at: number, text: string): void {
    const { length } = this.#textPointers;
    this.#textPointers[length] = at;
    this.#textPointers[length + 1] = this.text(text);
  }

  pointTo(at: number, target: number): void {
    this.#pointers.push(at, target);
  }

  /** Texts to bytes: from here on `size` and `textOffset` are known, and nothing may be added. */
  close(): void {
    const joined = `${this.#texts.join("\0")}\0`;
    this.#bytes = encoder.encode(joined);
    const ascii = this.#bytes.length === joined.length;
    let at = this.#used;
    for (const text of this.#texts) {
      this.#textOffsets.push(at);
      at += (ascii ? text.length : utf8Length(text)) + 1;
    }
  }

  /** Bytes of the whole pool. */
  get size(): number {
    return (this.#used + this.#bytes.length + 7) & ~7;
  }

  textOffset(id: number): number {
    return this.#textOffsets[id]!;
  }

  /** Copies the pool to its place in an image whose pool will lie at the address `start`. */
  copyTo(target: Uint8Array, start: number): void {
    for (let i = 0; i < this.#textPointers.length; i += 2) {
      this.#point(this.#textPointers[i]!, start + this.#textOffsets[this.#textPointers[i + 1]!]!);
    }
    for (let i = 0; i < this.#pointers.length; i += 2) this.#point(this.#pointers[i]!, start + this.#pointers[i + 1]!);
    new Int32Array(target.buffer, target.byteOffset).set(this.#words.subarray(0, this.#used >> 2));
    target.set(this.#bytes, this.#used);
  }

  #point(at: number, address: number): void {
    this.#words[at >> 2] = address | 0;
    this.#words[(at >> 2) + 1] = Math.floor(address / TWO_32) | 0;
  }
}

/** Length in bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return encoder.encode(text).length;
  return text.length;
}
