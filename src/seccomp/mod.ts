/**
 * Input: linux.seccomp, the machine's architecture        Output: Filter: classic BPF for seccomp(2)
 * Pure and deterministic: the same profile gives the same bytes.
 * May import: spec types, system call tables, errors.
 * @module
 */
import { SpecError } from "../errors.ts";
import type { Seccomp } from "../spec/types.ts";
import { ENOSYS, RETURN_KILL_THREAD } from "./actions.ts";
import { type Architecture, architectureOf, type ArchitectureName } from "./architectures.ts";
import { ARCH_OFFSET, Code, JUMP_EQUAL, NUMBER_OFFSET, type Target } from "./code.ts";
import { writeRules } from "./conditions.ts";
import { writeDispatch } from "./dispatch.ts";
import { frequencies, rangesOf, type Space } from "./ranges.ts";
import { actionOf, readRules, type Rules } from "./rules.ts";

/** Kernel's limit: BPF_MAXINSNS. */
const maxInstructions = 4096;

/** Architectures a machine's kernel may report besides its own come from the profile. */
export type Machine = "x86_64" | "aarch64";

export interface Filter {
  /** struct sock_filter, two 32-bit words an instruction. */
  readonly words: readonly number[];
  /** Names in the profile that no architecture knows. */
  readonly unknown: readonly string[];
  /** Architectures in the profile without a table; no machine bunker runs on has them. */
  readonly left: readonly ArchitectureName[];
  /** Some rule asks a supervisor. */
  readonly usesNotify: boolean;
}

/** Makes a filter, or knows one made before. */
export type Compile = (seccomp: Seccomp, machine: Machine) => Filter;

/** Architectures that share a number space, under one AUDIT_ARCH_ value. */
export interface Group {
  readonly token: number;
  readonly architectures: Architecture[];
}

/** Everything known about a profile before code is written. */
export interface Analysis {
  readonly rules: Rules;
  readonly groups: readonly Group[];
  readonly spaces: readonly Space[];
  readonly left: readonly ArchitectureName[];
}

/** Compiles a profile. Errors: SpecError where the filter exceeds what the kernel takes. */
export function compileSeccomp(seccomp: Seccomp, machine: Machine): Filter {
  const { rules, groups, spaces, left } = analyse(seccomp, machine);
  const code = writeFilter(rules, groups, spaces);
  if (code.length > maxInstructions) {
    throw new SpecError(
      "/linux/seccomp",
      `Expected rules that fit ${maxInstructions} BPF instructions but received ${code.length}`,
    );
  }
  return { words: code.words(), unknown: rules.unknown, left, usesNotify: rules.usesNotify };
}

/** What the profile means, by architecture. */
export function analyse(seccomp: Seccomp, machine: Machine): Analysis {
  const rules = readRules(seccomp);
  const { groups, left } = groupsOf(seccomp, machine);
  const weights = frequencies(rules);
  const answersEnosys = answersYounger(seccomp);
  const spaces: Space[] = [];
  for (let i = 0; i < groups.length; i++) {
    spaces[i] = rangesOf(rules, groups[i]!.architectures, weights, answersEnosys);
  }
  return { rules, groups, spaces, left };
}

/** As runc: not where unnamed calls run anyway or ask a tracer, nor where all of them get this answer. */
function answersYounger({ defaultAction, defaultErrnoRet }: Seccomp): boolean {
  switch (defaultAction) {
    case "SCMP_ACT_ALLOW":
    case "SCMP_ACT_LOG":
    case "SCMP_ACT_TRACE":
      return false;
    default:
      return defaultErrnoRet !== ENOSYS;
  }
}

/** The machine's own architecture first, whether or not the profile names it (as libseccomp). */
function groupsOf(seccomp: Seccomp, machine: Machine): { groups: Group[]; left: ArchitectureName[] } {
  const names: ArchitectureName[] = [machine === "x86_64" ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64"];
  const asked = seccomp.architectures ?? [];
  for (let i = 0; i < asked.length; i++) if (!names.includes(asked[i]!)) names.push(asked[i]!);
  const groups: Group[] = [];
  const left: ArchitectureName[] = [];
  for (let i = 0; i < names.length; i++) {
    const architecture = architectureOf(names[i]!);
    if (architecture === undefined) {
      left.push(names[i]!);
      continue;
    }
    let group: Group | undefined;
    for (let j = 0; j < groups.length; j++) if (groups[j]!.token === architecture.token) group = groups[j];
    if (group === undefined) groups.push({ token: architecture.token, architectures: [architecture] });
    else group.architectures.push(architecture);
  }
  return { groups, left };
}

/** The whole program, from its end: each architecture's part, the machine's own last, and what chooses among them. */
function writeFilter(rules: Rules, groups: readonly Group[], spaces: readonly Space[]): Code {
  const kill = actionOf(rules.values, RETURN_KILL_THREAD);
  const code = new Code(rules.values);
  const places: Target[] = [];
  for (let i = groups.length - 1; i >= 0; i--) places[i] = writeSpace(code, spaces[i]!);
  let next: Target = ~kill;
  for (let i = groups.length - 1; i >= 0; i--) next = code.jump(JUMP_EQUAL, groups[i]!.token, places[i]!, next);
  code.load(ARCH_OFFSET, next);
  return code;
}

function writeSpace(code: Code, { ranges, lists, actions }: Space): Target {
  const placed: Target[] = [];
  const targets: Target[] = [];
  for (let i = 0; i < ranges.length; i++) {
    const { outcome } = ranges[i]!;
    const list = outcome - actions;
    if (list < 0) targets[i] = ~outcome;
    else targets[i] = placed[list] ??= writeRules(code, lists[list]!.rules, lists[list]!.layout, ~0);
  }
  return code.load(NUMBER_OFFSET, writeDispatch(code, ranges, targets));
}
