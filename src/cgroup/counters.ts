/**
 * Counters out of cgroup files, exact to 64 bits. Input: paths, text. Output: bigints.
 * @module
 */
import { readIfThere } from "./files.ts";

/** What stands for "no limit" where a number is expected. */
export const unlimited = 18446744073709551615n;

/** One number as text; undefined where it is none. */
export function integerOf(text: string): bigint | undefined {
  const trimmed = text.trim();
  return /^-?[0-9]+$/.test(trimmed) ? BigInt(trimmed) : undefined;
}

/** A file of one number; 0 where it is not there, "max" is the largest there is. */
export function counter(path: string): bigint {
  const text = readIfThere(path).trim();
  return text === "max" ? unlimited : (integerOf(text) ?? 0n);
}

/** Lines `key value`. */
export function counters(path: string): Map<string, bigint> {
  const found = new Map<string, bigint>();
  for (const line of readIfThere(path).split("\n")) {
    const space = line.indexOf(" ");
    const value = space < 0 ? undefined : integerOf(line.slice(space + 1));
    if (value !== undefined) found.set(line.slice(0, space), value);
  }
  return found;
}

/** A value that runc leaves out where it is 0 (Go's omitempty). */
export function unlessZero(value: bigint | undefined): bigint | undefined {
  return value === undefined || value === 0n ? undefined : value;
}

/** A list that is left out where it is empty. */
export function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** As Go prints a map: by name. */
export function sorted(found: ReadonlyMap<string, bigint>): Record<string, bigint> | undefined {
  if (found.size === 0) return undefined;
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** "0-2,5" → 0, 1, 2, 5. */
export function numbersOf(list: string): bigint[] {
  const numbers: bigint[] = [];
  for (const part of list.trim().split(",")) {
    const [first = "", last = first] = part.split("-");
    const [from, to] = [integerOf(first), integerOf(last)];
    if (from === undefined || to === undefined) continue;
    for (let number = from; number <= to; number++) numbers.push(number);
  }
  return numbers;
}
