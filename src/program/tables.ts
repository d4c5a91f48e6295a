/**
 * The numbers of one architecture in one place, and the value of a flag expression.
 * Input: syscalls/generated. Output: Tables, evaluate().
 * @module
 */
import { PlanError } from "../errors.ts";
import { constants } from "../../syscalls/generated/constants.ts";
import type { StructLayout } from "../../syscalls/layout.ts";

export interface Tables {
  readonly nr: Readonly<Record<string, number>>;
  readonly archConstants: Readonly<Record<string, number>>;
  readonly structLayouts: Readonly<Record<string, StructLayout>>;
}

/** A 64-bit value as two signed 32-bit words. */
export interface Words {
  readonly low: number;
  readonly high: number;
}

const known = new Map<string, Words>();
let knownFor: Tables | undefined;

/**
 * Value of an expression of constants and literals joined by `|`: "O_PATH|O_CLOEXEC", "S_IFCHR|0666", "0x10".
 * A leading 0 means octal, as in C. Errors: PlanError for a name no table has.
 */
export function evaluate(tables: Tables, expression: string): Words {
  if (knownFor !== tables) {
    known.clear();
    knownFor = tables;
  }
  const cached = known.get(expression);
  if (cached !== undefined) return cached;
  let low = 0;
  let high = 0;
  // A loop over indexes: this runs for each distinct expression of a program, before anything is compiled.
  for (let start = 0; start <= expression.length;) {
    const bar = expression.indexOf("|", start);
    const end = bar < 0 ? expression.length : bar;
    const name = expression.slice(start, end);
    const value = constants[name] ?? tables.archConstants[name] ?? literal(name);
    if (value === undefined) throw new PlanError(`Unknown constant "${name}" in "${expression}"`);
    low |= value;
    if (value < 0 || value >= 4294967296) high |= Math.floor(value / 4294967296);
    start = end + 1;
  }
  const words = { low, high };
  known.set(expression, words);
  return words;
}

function literal(text: string): number | undefined {
  if (text === "") return 0;
  const value = text[0] === "0" && text.length > 1 && text[1] !== "x" ? Number.parseInt(text, 8) : Number(text);
  return Number.isNaN(value) ? undefined : value;
}
