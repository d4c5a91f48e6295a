/**
 * The numbers of one architecture in one place, and the value of a flag expression.
 * Input: syscalls/generated. Output: Tables, evaluate().
 * @module
 */
import { PlanError } from "../errors.ts";
import { constants } from "../../syscalls/generated/constants.ts";
import * as aarch64 from "../../syscalls/generated/numbers_aarch64.ts";
import * as x86_64 from "../../syscalls/generated/numbers_x86_64.ts";
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

/** The tables of one architecture. */
export function tablesFor(arch: "x86_64" | "aarch64"): Tables {
  return arch === "x86_64" ? x86_64 : aarch64;
}

const known = new Map<string, Words>();

/**
 * Value of an expression of constants and literals joined by `|`: "O_PATH|O_CLOEXEC", "S_IFCHR|0666", "0x10".
 * A leading 0 means octal, as in C. Errors: PlanError for a name no table has.
 */
export function evaluate(tables: Tables, expression: string): Words {
  const cached = known.get(expression);
  if (cached !== undefined) return cached;
  let low = 0;
  let high = 0;
  for (const name of expression.split("|")) {
    const value = constants[name] ?? tables.archConstants[name] ?? literal(name);
    if (value === undefined) throw new PlanError(`Unknown constant "${name}" in "${expression}"`);
    low |= value % 4294967296;
    high |= Math.floor(value / 4294967296);
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
