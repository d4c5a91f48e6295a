/**
 * Finds the first thing wrong with a JSON text: a syntax error, or nesting deeper than allowed.
 * In: text. Out: where and what, or undefined. Used only when the engine's own parser has refused the text
 * (its messages carry no position) or when the text could be nested too deeply: one pass, no recursion.
 * Grammar: RFC 8259.
 * @module
 */

/** The first problem of a JSON text. */
export interface JsonProblem {
  /** Counted from 1; columns in UTF-16 units. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** What may come next, as messages say it. */
const phrases = {
  value: "a value",
  "value or ]": 'a value or "]"',
  name: "a property name in double quotes",
  "name or }": 'a property name in double quotes or "}"',
  colon: '":"',
  "comma or ]": '"," or "]"',
  "comma or }": '"," or "}"',
  nothing: "the end of the file",
} as const;
type Expecting = keyof typeof phrases;

/** Where the innermost array or object may end. */
const closerOf: Partial<Record<Expecting, string>> = {
  "value or ]": "]",
  "comma or ]": "]",
  "name or }": "}",
  "comma or }": "}",
};

const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const word = /[A-Za-z0-9_$+.-]+/y;
/** Runs of what needs no look inside a string. */
const plainText = /[^"\\\u0000-\u001f]*/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y;

/** The text a sticky expression matches at an offset, "" if none. */
function matchAt(pattern: RegExp, text: string, offset: number): string {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0] ?? "";
}

/** First problem of `text`; arrays and objects may be nested `maxDepth` deep. */
export function findJsonProblem(text: string, maxDepth: number): JsonProblem | undefined {
  /** One entry for each open array (false) or object (true). */
  const open: boolean[] = [];
  let expecting: Expecting = "value";
  let offset = 0;
  const afterValue = (): Expecting =>
    open.length === 0 ? "nothing" : open.at(-1) === true ? "comma or }" : "comma or ]";

  for (;;) {
    while (isBlank(text.charCodeAt(offset))) offset++;
    if (offset >= text.length && expecting === "nothing") return undefined;
    const char = text.charAt(offset);
    if (char === closerOf[expecting]) {
      open.pop();
      expecting = afterValue();
      offset++;
    } else if (char === "," && (expecting === "comma or }" || expecting === "comma or ]")) {
      expecting = expecting === "comma or }" ? "name" : "value";
      offset++;
    } else if (char === ":" && expecting === "colon") {
      expecting = "value";
      offset++;
    } else if (char === '"' && (expecting === "name" || expecting === "name or }")) {
      const end = endOfString(text, offset);
      if (typeof end !== "number") return end;
      expecting = "colon";
      offset = end;
    } else if (expecting !== "value" && expecting !== "value or ]") {
      return unexpected(text, offset, expecting);
    } else if (char === "{" || char === "[") {
      if (open.length === maxDepth) {
        return problemAt(text, offset, `Nested deeper than ${maxDepth} levels, the limit of this program`);
      }
      open.push(char === "{");
      expecting = char === "{" ? "name or }" : "value or ]";
      offset++;
    } else {
      const end = char === '"' ? endOfString(text, offset) : endOfScalar(text, offset, expecting);
      if (typeof end !== "number") return end;
      expecting = afterValue();
      offset = end;
    }
  }
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Offset after the number or word at `offset`. */
function endOfScalar(text: string, offset: number, expecting: Expecting): number | JsonProblem {
  const found = matchAt(word, text, offset);
  if (found === "true" || found === "false" || found === "null") return offset + found.length;
  const digits = matchAt(number, text, offset);
  if (digits !== "" && digits.length === found.length) return offset + digits.length;
  if (digits !== "" || /^[-+.]/.test(found)) {
    return problemAt(text, offset, `Expected a number as JSON writes it but found ${quote(found)}`);
  }
  return unexpected(text, offset, expecting);
}

/** Offset after the string that starts at `offset`. */
function endOfString(text: string, offset: number): number | JsonProblem {
  let at = offset + 1;
  for (;;) {
    at += matchAt(plainText, text, at).length;
    if (at >= text.length) return problemAt(text, offset, "Expected the string that starts here to end");
    const char = text.charAt(at);
    if (char === '"') return at + 1;
    if (char !== "\\") {
      return problemAt(text, at, `Expected control characters in strings as escapes but found ${describe(text, at)}`);
    }
    const length = matchAt(escape, text, at).length;
    if (length === 0) {
      return problemAt(text, at, `Expected an escape JSON knows but found ${quote(text.slice(at, at + 2))}`);
    }
    at += length;
  }
}

function unexpected(text: string, offset: number, expecting: Expecting): JsonProblem {
  return problemAt(text, offset, `Expected ${phrases[expecting]} but found ${describe(text, offset)}`);
}

/** The character or word at an offset, for a message. */
function describe(text: string, offset: number): string {
  if (offset >= text.length) return "the end of the file";
  const code = text.codePointAt(offset) ?? 0;
  if (code === 0xfeff) return "a byte order mark";
  if (code === 0x22) return "a string";
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return quote(matchAt(word, text, offset) || String.fromCodePoint(code));
}

function quote(found: string): string {
  return `"${found.length > 24 ? `${found.slice(0, 24)}…` : found}"`;
}

function problemAt(text: string, offset: number, message: string): JsonProblem {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n"), message };
}
