/**
 * JSON text to plain values. In: text. Out: unknown (objects, arrays, strings, numbers, booleans, null, bigint).
 * Integers beyond 2^53 come out as bigint, exactly: a filter that compares 64 bits must not be rounded.
 * @module
 */
import { SpecError } from "../errors.ts";
import { findJsonProblem } from "./json_scanner.ts";

/** How deep arrays and objects may be nested: ours; a real config.json needs 8. */
export const maxDepth = 1000;

/** Parses or throws a SpecError with line and column. */
export function readJson(text: string): unknown {
  if (hasMoreOpenersThan(text, maxDepth)) throwProblem(text);
  try {
    return isWorthExactIntegers(text) ? JSON.parse(text, reviveInteger) : JSON.parse(text);
  } catch (error) {
    throwProblem(text);
    throw new SpecError("", `Expected JSON but received: ${String(error)}`);
  }
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

/** A reviver makes parsing several times slower, so it is used only where 16 digits stand together. */
function isWorthExactIntegers(text: string): boolean {
  return /[0-9]{16}/.test(text);
}

/** JSON.parse source text access (ES2026), in both engines. */
function reviveInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?[0-9]+$/.test(source) ? BigInt(source) : value;
}
