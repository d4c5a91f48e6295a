/**
 * Input: Plan, Call. Output: text for people (`explain`, goldens, errors) and plain data for programs (`explain --json`).
 * Kernel spelling, one call a line: address, side, result register, call, JSON Pointer and reason. Addresses count the
 * calls in depth-first order, as in the encoded program and in reports.
 * @module
 */
import { namesInSet } from "../plan/capabilities.ts";
import { isRegister, kindsOf } from "../plan/kinds.ts";
import type { Alternative, Call, Item, Plan, StructValue, Value } from "../plan/types.ts";
import { countCalls } from "./addresses.ts";
import type { ArgumentKind } from "../../syscalls/calls.ts";
import { fieldKinds } from "../../syscalls/structs.ts";

/** One call as text, without its result: `openat2(r2, "proc", {flags: O_PATH|O_CLOEXEC, resolve: RESOLVE_IN_ROOT})`. */
export function callText(call: Call): string {
  const kinds = kindsOf(call) ?? [];
  return `${call.call}(${call.args.map((value, i) => valueText(value, kinds[i] ?? "int")).join(", ")})`;
}

function valueText(value: Value, kind: ArgumentKind): string {
  if (value === null) return "NULL";
  if (isRegister(value)) return `r${value.register}`;
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value === "string")
    return kind === "str" || kind === "data" ? JSON.stringify(value) : value === "" ? "0" : value;
  if (Array.isArray(value)) {
    return `[${(value as readonly Value[]).map((item) => valueText(item, "str")).join(", ")}]`;
  }
  const struct = value as StructValue;
  if (kind === "dev") return `makedev(${String(struct["major"])}, ${String(struct["minor"])})`;
  if (kind === "properties") return propertiesText(struct);
  return structText(struct, kind.startsWith("struct ") ? kind.slice(7) : "");
}

/** Values are GVariant texts already. */
function propertiesText(properties: StructValue): string {
  const parts = Object.entries(properties).map(([name, value]) =>
    typeof value === "string" ? `${name}: ${value}` : `${name}: ${valueText(value, "int")}`,
  );
  return `{${parts.join(", ")}}`;
}

function structText(value: StructValue, name: string): string {
  const fields = fieldKinds(name);
  const parts = Object.entries(value).map(([field, content]) => {
    if (fields[field] === "bytes") return `${field}: <${(content as string).length / 2} bytes>`;
    if (fields[field] === "words") return `${field}: <${(content as readonly number[]).length * 4} bytes>`;
    const isText = fields[field] === "str" || fields[field] === "chars";
    return `${field}: ${valueText(content, isText ? "str" : "int")}`;
  });
  return `{${parts.join(", ")}}`;
}

/** The whole plan as text; ends with a newline. */
export function printPlan(plan: Plan): string {
  const lines: string[] = [];
  for (const { pointer, message } of plan.refusals) lines.push(`# refused ${pointer}: ${message}`);
  for (const warning of plan.warnings) lines.push(`# warning ${warning}`);
  for (const note of plan.notes) lines.push(`# note ${note}`);
  for (const [name, { register }] of Object.entries(plan.inputs)) lines.push(`# input r${register} = ${name}`);
  if (plan.inherited.length > 0)
    lines.push(`# inherited ${plan.inherited.map(({ register }) => `r${register}`).join(" ")}`);
  for (const path of plan.cgroups) lines.push(`# cgroup ${path}`);
  const width = String(plan.items.reduce((sum, item) => sum + countCalls(item), 0)).length;
  let address = 0;
  const printCall = (call: Call, indent: string, word: string): void => {
    const result = call.out === undefined ? "" : `r${call.out.register} = `;
    const allow = call.allow === undefined ? "" : `  ~ ${call.allow.join(" ")}`;
    const head = `${String(address++).padStart(width)} ${call.side.padEnd(7)}  `;
    const notes = [call.from, call.why ?? "", capabilitiesOf(call)].filter((note) => note !== "").join("  ");
    const text = `${head}${indent}${word}${result}${callText(call)}${allow}`;
    lines.push(notes === "" ? text : `${text.padEnd(commentColumn)}  # ${notes}`);
  };
  const printItems = (items: readonly Item[], indent: string): void => {
    for (const item of items) {
      if (item.kind === "call") printCall(item, indent, "");
      else printAlternative(item, indent);
    }
  };
  const margin = " ".repeat(width + 10);
  const printAlternative = ({ attempt, then, branches }: Alternative, indent: string): void => {
    for (const call of attempt) printCall(call, indent, "try ");
    if (then.length > 0) {
      lines.push(`${margin}${indent}then`);
      printItems(then, `${indent}    `);
    }
    for (const { on, why, items } of branches) {
      lines.push(`${margin}${indent}on ${on.join(", ")} (${why})${items.length === 0 ? ": leave it" : ""}`);
      printItems(items, `${indent}    `);
    }
  };
  printItems(plan.items, "");
  return `${lines.join("\n")}\n`;
}

/** The bits of capset in words. */
function capabilitiesOf(call: Call): string {
  if (call.call !== "capset") return "";
  const data = call.args[1] as StructValue;
  const half = (field: string): number => Number(data[field]) | 0;
  return `permitted: ${namesInSet({ low: half("low.permitted"), high: half("high.permitted") })}`;
}

/** Where the pointers start, unless a call is longer. */
const commentColumn = 110;

/** The plan as plain data, each call with its address and its text. */
export function planToJson(plan: Plan): object {
  let address = 0;
  const call = (from: Call): object => ({ address: address++, ...from, text: callText(from) });
  const convert = (item: Item): object => {
    if (item.kind === "call") return call(item);
    return {
      kind: item.kind,
      attempt: item.attempt.map(call),
      then: item.then.map(convert),
      branches: item.branches.map(({ on, why, items }) => ({ on, why, items: items.map(convert) })),
    };
  };
  return { ...plan, items: plan.items.map(convert) };
}
