/**
 * The operation `explain`: the plan that `create` or `run` would execute, as data and as text. Changes nothing.
 * @module
 */
import type { Plan } from "../plan/types.ts";
import { printPlan } from "../program/print.ts";
import { load } from "./load.ts";
import type { CreateOptions, RuntimeOptions } from "./types.ts";

/** Plans a bundle and prints the plan. Errors: SpecError, HostError. */
export function explain(rt: RuntimeOptions, options: CreateOptions): { plan: Plan; text: string } {
  const { plan } = load(rt, options, "run", false);
  return { plan, text: printPlan(plan) };
}
