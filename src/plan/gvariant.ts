/**
 * Values of D-Bus as people write them: GVariant's text form, read for a type that is known. Pure.
 * In: text such as "uint64 10000000", "['a.service']", and a D-Bus signature. Out: GVariant.
 * Format: https://docs.gtk.org/glib/gvariant-text-format.html, without dictionaries, maybes and variants
 * @module
 */

/** 64-bit integers are bigints, narrower ones and doubles numbers, arrays and structures lists. */
export type GVariant = boolean | number | bigint | string | readonly GVariant[];

/** Signatures by the words that may stand before a value. */
const words: Readonly<Record<string, string>> = {
  boolean: "b",
  byte: "y",
  int16: "n",
  uint16: "q",
  int32: "i",
  uint32: "u",
  handle: "h",
  int64: "x",
  uint64: "t",
  double: "d",
  string: "s",
  objectpath: "o",
  signature: "g",
};

/** Least and largest value of each type of integer. */
const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  y: [0n, 255n],
  n: [-32_768n, 32_767n],
  q: [0n, 65_535n],
  i: [-2_147_483_648n, 2_147_483_647n],
  u: [0n, 4_294_967_295n],
  x: [-(2n ** 63n), 2n ** 63n - 1n],
  t: [0n, 2n ** 64n - 1n],
};

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v", a: "\x07" };

/** The value; undefined: the text is none of that type. */
export function parseGVariant(text: string, signature: string): GVariant | undefined {
  const reader = new Reader(text);
  const value = reader.value(signature);
  return value !== undefined && reader.isAtEnd() ? value : undefined;
}

/** The first complete type of a signature: "a(ss)" of "a(ss)u". */
export function firstType(signature: string): string {
  if (signature.startsWith("a")) return `a${firstType(signature.slice(1))}`;
  if (!signature.startsWith("(")) return signature.slice(0, 1);
  let depth = 0;
  for (let index = 0; index < signature.length; index++) {
    if (signature[index] === "(") depth++;
    else if (signature[index] === ")" && --depth === 0) return signature.slice(0, index + 1);
  }
  return signature;
}

/** The types of a structure: ["s", "t"] of "(st)". */
export function memberTypes(structure: string): string[] {
  const types: string[] = [];
  for (let rest = structure.slice(1, -1); rest !== "";) {
    const type = firstType(rest);
    types.push(type);
    rest = rest.slice(type.length);
  }
  return types;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    this.#skipBlanks();
    return this.#at === this.#text.length;
  }

  value(signature: string): GVariant | undefined {
    this.#skipBlanks();
    const word = /^(?:@\S+|[a-z][a-z0-9]+)(?=\s)/.exec(this.#rest())?.[0];
    if (word !== undefined && word !== "true" && word !== "false") {
      if ((word.startsWith("@") ? word.slice(1) : words[word]) !== signature) return undefined;
      this.#at += word.length;
      this.#skipBlanks();
    }
    const kind = signature[0]!;
    if (kind === "a") return this.#list("[", "]", () => signature.slice(1));
    if (kind === "(") {
      const types = memberTypes(signature);
      const members = this.#list("(", ")", (index) => types[index]);
      return members?.length === types.length ? members : undefined;
    }
    if (kind === "s" || kind === "o" || kind === "g") return this.#string();
    if (kind === "b") return this.#boolean();
    return kind === "d" ? this.#double() : this.#integer(kind);
  }

  #rest(): string {
    return this.#text.slice(this.#at);
  }

  #skipBlanks(): void {
    while (" \t\n".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  /** Takes a character if it comes next. */
  #take(character: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** @param typeAt type of each element; undefined: there may be none */
  #list(open: string, close: string, typeAt: (index: number) => string | undefined): GVariant[] | undefined {
    if (!this.#take(open)) return undefined;
    const values: GVariant[] = [];
    while (!this.#take(close)) {
      if (values.length > 0 && !this.#take(",")) return undefined;
      // A structure of one is written with a comma behind it.
      if (open === "(" && this.#take(close)) break;
      const type = typeAt(values.length);
      const value = type === undefined ? undefined : this.value(type);
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  }

  #string(): string | undefined {
    const quote = this.#text[this.#at];
    if (quote !== "'" && quote !== '"') return undefined;
    let result = "";
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      let character = this.#text[this.#at]!;
      if (character === quote) {
        this.#at++;
        return result;
      }
      if (character === "\\") {
        character = this.#text[++this.#at] ?? "";
        const digits = character === "u" ? 4 : character === "U" ? 8 : 0;
        if (digits > 0) {
          const code = Number.parseInt(this.#text.slice(this.#at + 1, this.#at + 1 + digits), 16);
          if (!(code > 0 && code <= 0x10ffff)) return undefined;
          character = String.fromCodePoint(code);
          this.#at += digits;
        } else character = escapes[character] ?? character;
      }
      if (character === "\0") return undefined;
      result += character;
    }
    return undefined;
  }

  #boolean(): boolean | undefined {
    const word = /^(?:true|false)\b/.exec(this.#rest())?.[0];
    if (word === undefined) return undefined;
    this.#at += word.length;
    return word === "true";
  }

  #double(): number | undefined {
    const word = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/.exec(this.#rest())?.[0];
    if (word === undefined) return undefined;
    this.#at += word.length;
    return Number(word);
  }

  #integer(kind: string): number | bigint | undefined {
    const match = /^([+-]?)(0x[0-9a-fA-F]+|\d+)(?![\w.])/.exec(this.#rest());
    const range = ranges[kind];
    if (match === null || range === undefined) return undefined;
    this.#at += match[0].length;
    const digits = match[2]!;
    // C's rule, which GVariant follows: a leading 0 is octal.
    const isOctal = digits.length > 1 && digits.startsWith("0") && !digits.startsWith("0x");
    if (isOctal && /[89]/.test(digits)) return undefined;
    const size = BigInt(isOctal ? `0o${digits.slice(1)}` : digits);
    const value = match[1] === "-" ? -size : size;
    if (value < range[0] || value > range[1]) return undefined;
    return kind === "x" || kind === "t" ? value : Number(value);
  }
}
