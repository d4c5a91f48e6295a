/**
 * JSON text to plain values, and back with all digits. In: text. Out: unknown (objects, arrays, strings, numbers, bigints,
 * booleans, null).
 * @module
 */
import { SpecError } from "../errors.ts";
import { findJsonProblem } from "./json_scanner.ts";
import { maxU64 } from "./scalars.ts";

/** How deep arrays and objects may be nested: ours; a real config.json needs 8. */
export const maxDepth = 1000;

/** Parses or throws a SpecError with line and column. Integers beyond 2^53 are rounded: the schemas refuse them. */
export function readJson(text: string): unknown {
  // Before the engine's parser, which builds five million arrays in each other without complaint.
  if (hasMoreOpenersThan(text, maxDepth)) throwProblem(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throwProblem(text);
    throw new SpecError("", `Expected JSON but received: ${String(error)}`);
  }
}

/** Whether a number of the text may have been rounded by readJson(). */
export function hasLongNumber(text: string): boolean {
  return /[0-9]{16}/.test(text);
}

/** As readJson() for a text it has taken, with integers beyond 2^53 as bigint: several times slower. */
export function readJsonExactly(text: string): unknown {
  return JSON.parse(text, reviveInteger);
}

/** JSON.parse source text access (ES2026). */
function reviveInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?[0-9]+$/.test(source) ? BigInt(source) : value;
}

/** JSON.rawJSON (ES2026). */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };

/** JSON of a value whose integers beyond 2^53 are bigint; JSON.stringify refuses those. @param unlimited stands for 2^64-1 */
export function writeJson(value: unknown, space = 0, unlimited?: string): string {
  const replace = (_: string, part: unknown): unknown => {
    if (typeof part !== "bigint") return part;
    return unlimited !== undefined && part === maxU64 ? unlimited : rawJSON(String(part));
  };
  return JSON.stringify(value, replace, space);
}

function throwProblem(text: string): void {
  const problem = findJsonProblem(text, maxDepth);
  if (problem === undefined) return;
  throw new SpecError("", `line ${problem.line}, column ${problem.column}: ${problem.message}`);
}

/** Cheap upper bound of the depth: nothing nests deeper than it has opening brackets. */
function hasMoreOpenersThan(text: string, limit: number): boolean {
  let count = 0;
  for (const opener of ["{", "["]) {
    for (let at = text.indexOf(opener); at >= 0; at = text.indexOf(opener, at + 1)) {
      if (++count > limit) return true;
    }
  }
  return false;
}
