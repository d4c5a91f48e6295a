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
  /** Values of the expressions of a usual start (syscalls/expressions.ts). */
  readonly expressions: Readonly<Record<string, number>>;
  readonly archConstants: () => Readonly<Record<string, number>>;
  readonly structLayouts: Readonly<Record<string, () => StructLayout>>;
}

const TWO_32 = 4294967296;

/**
 * Value of an expression of constants and literals joined by `|`: "O_PATH|O_CLOEXEC", "S_IFCHR|0666", "0x10"; -1 where
 * all 64 bits are set. A leading 0 means octal, as in C. Errors: PlanError for a name no table has.
 */
export function evaluate(tables: Tables, expression: string): number {
  return tables.expressions[expression] ?? workOut(tables, expression);
}

/** A memory of what was worked out from tables, for as long as they are the same ones. */
export function memoryOf<T>(): (tables: Tables) => Map<string, T> {
  let memory = new Map<string, T>();
  let of: Tables | undefined;
  return (tables) => {
    if (of !== tables) memory = new Map();
    of = tables;
    return memory;
  };
}

const knownOf = memoryOf<number>();

function workOut(tables: Tables, expression: string): number {
  const known = knownOf(tables);
  const cached = known.get(expression);
  if (cached !== undefined) return cached;
  let low = 0;
  let high = 0;
  for (let start = 0; start <= expression.length;) {
    const bar = expression.indexOf("|", start);
    const end = bar < 0 ? expression.length : bar;
    const value = valueOf(tables, expression.slice(start, end), expression);
    low |= value;
    if (value < 0 || value >= TWO_32) high |= Math.floor(value / TWO_32);
    start = end + 1;
  }
  const value = high * TWO_32 + (low >>> 0);
  known.set(expression, value);
  return value;
}

const layoutsOf = memoryOf<StructLayout>();

/** Layout of a structure; undefined: there is none of that name. */
export function structLayout(tables: Tables, name: string): StructLayout | undefined {
  const layouts = layoutsOf(tables);
  let layout = layouts.get(name);
  if (layout === undefined) {
    layout = tables.structLayouts[name]?.();
    if (layout !== undefined) layouts.set(name, layout);
  }
  return layout;
}

/** One constant or literal; the whole tables of constants are made only for what a usual start does not need. */
function valueOf(tables: Tables, name: string, expression: string): number {
  const value = tables.expressions[name] ?? literal(name) ?? constants()[name] ?? tables.archConstants()[name];
  if (value === undefined) throw new PlanError(`Unknown constant "${name}" in "${expression}"`);
  return value;
}

function literal(text: string): number | undefined {
  if (text === "") return 0;
  const value = text[0] === "0" && text.length > 1 && text[1] !== "x" ? Number.parseInt(text, 8) : Number(text);
  return Number.isNaN(value) ? undefined : value;
}
