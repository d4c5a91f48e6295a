/**
 * The operation `explain`: the plan that `create` or `run` would execute, as data and as text. Changes nothing.
 * @module
 */
import type { Host } from "../plan/host.ts";
import type { Plan } from "../plan/types.ts";
import { printPlan } from "../program/print.ts";
import { explainSeccomp } from "../seccomp/disassemble.ts";
import type { Spec } from "../spec/types.ts";
import { load } from "./load.ts";
import type { CreateOptions, RuntimeOptions } from "./types.ts";

/** Plans a bundle and prints the plan. Errors: SpecError, HostError. */
export function explain(rt: RuntimeOptions, options: CreateOptions): { plan: Plan; text: string } {
  const { plan, spec, host } = load(rt, options, "run", false);
  return { plan, text: printPlan(plan) + filterText(spec, host) };
}

/** The filter, disassembled, with the rules behind its branches. */
function filterText({ linux, process }: Spec, { arch }: Host): string {
  if (linux?.seccomp === undefined || process === undefined) return "";
  const [size, ...lines] = explainSeccomp(linux.seccomp, arch);
  return `\n# filter /linux/seccomp: ${size}\n${lines.join("\n")}\n`;
}
