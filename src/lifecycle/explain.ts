/**
 * The operation `explain`: the plan that `create` or `run` would execute, as data and as text. Changes nothing.
 * @module
 */
import { deviceProgramText } from "../plan/device_program_text.ts";
import type { Host } from "../plan/host.ts";
import type { Call, Plan, StructValue } from "../plan/types.ts";
import { callsOf } from "../program/addresses.ts";
import { planToJson, printPlan } from "../program/print.ts";
import { explainSeccomp } from "../seccomp/disassemble.ts";
import type { Spec } from "../spec/types.ts";
import { load } from "./load.ts";
import type { CreateOptions, RuntimeOptions } from "./types.ts";

/** A program that the plan gives to the kernel. */
interface ProgramText {
  readonly kind: "filter" | "device program";
  /** What of config.json asks for it. */
  readonly from: string;
  /** "12 instructions". */
  readonly size: string;
  readonly lines: readonly string[];
}

/** Plans a bundle and prints the plan. Errors: SpecError, HostError. */
export function explain(rt: RuntimeOptions, options: CreateOptions): { json: object; text: string } {
  const { plan, spec, host } = load(rt, options, "run", false);
  const programs = [...devicePrograms(plan), ...filters(spec, host)];
  const texts = programs.map(({ kind, from, size, lines }) => `\n# ${kind} ${from}: ${size}\n${lines.join("\n")}\n`);
  return { json: { ...planToJson(plan), programs }, text: printPlan(plan) + texts.join("") };
}

/** The filter, disassembled, with the rules behind its branches. */
function filters({ linux, process }: Spec, { arch }: Host): ProgramText[] {
  if (linux?.seccomp === undefined || process === undefined) return [];
  const [size = "", ...lines] = explainSeccomp(linux.seccomp, arch);
  return [{ kind: "filter", from: "/linux/seccomp", size, lines }];
}

/** cgroup v2 has no files for device rules. */
function devicePrograms(plan: Plan): ProgramText[] {
  return callsOf(plan).flatMap(programOf);
}

function programOf({ call, args, from }: Call): ProgramText[] {
  if (call !== "bpf" || args[0] !== "BPF_PROG_LOAD") return [];
  const lines = deviceProgramText((args[1] as StructValue)["insns"] as string);
  return [{ kind: "device program", from, size: `${lines.length} instructions`, lines }];
}
