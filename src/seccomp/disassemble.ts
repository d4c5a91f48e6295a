/**
 * A filter for people: one instruction a line, and at each branch that depends on the number alone which system calls
 * go there and which rules of the profile say so. In: profile, machine. Out: lines.
 * Follows the numbers through the program itself, not through what the compiler meant.
 * @module
 */
import type { Seccomp } from "../spec/types.ts";
import { returnText } from "./actions.ts";
import { type Architecture, x32Bit } from "./architectures.ts";
import {
  AND,
  ARCH_OFFSET,
  ARGUMENTS_OFFSET,
  JUMP,
  JUMP_EQUAL,
  JUMP_GREATER,
  LOAD,
  NUMBER_OFFSET,
  RETURN,
} from "./code.ts";
import { type Analysis, analyse, compileSeccomp, type Machine } from "./mod.ts";

/** Numbers from `first` to `last` of a group of architectures that come by an instruction. */
interface Flow {
  readonly architectures: readonly Architecture[];
  readonly first: number;
  readonly last: number;
}

/** The whole filter as text, its size first. */
export function explainSeccomp(seccomp: Seccomp, machine: Machine): string[] {
  const { words } = compileSeccomp(seccomp, machine);
  const analysis = analyse(seccomp, machine);
  const count = words.length / 2;
  const flows: Flow[][] = Array.from({ length: count }, () => []);
  const lines = [`${count} instructions`];
  let loaded = -1;
  const targetText = (at: number): string => {
    const isReturn = (words[2 * at]! & 0xffff) === RETURN;
    return isReturn ? returnText(words[2 * at + 1]! >>> 0) : `goto ${at}`;
  };
  /** What leaves the search through the numbers is worth a comment. */
  const leaf = (at: number, edge: readonly Flow[]): string => {
    const code = words[2 * at]! & 0xffff;
    return code === RETURN || code === LOAD ? describe(analysis, edge) : "";
  };
  for (let at = 0; at < count; at++) {
    const k = words[2 * at + 1]! >>> 0;
    const code = words[2 * at]! & 0xffff;
    const number = String(at).padStart(4);
    const own = flows[at]!;
    if (code === LOAD) {
      loaded = k;
      const isArgument = k >= ARGUMENTS_OFFSET;
      if (!isArgument) flows[at + 1]!.push(...own);
      lines.push(note(`${number}  A = ${fieldName(k)}`, isArgument ? describe(analysis, own) : ""));
    } else if (code === AND) {
      lines.push(`${number}  A &= 0x${k.toString(16)}`);
    } else if (code === RETURN) {
      lines.push(`${number}  return ${returnText(k)}`);
    } else if (code === JUMP) {
      flows[at + 1 + k]!.push(...own);
      lines.push(`${number}  goto ${at + 1 + k}`);
    } else {
      const onTrue = at + 1 + ((words[2 * at]! >>> 16) & 0xff);
      const onFalse = at + 1 + (words[2 * at]! >>> 24);
      const isNumber = loaded === NUMBER_OFFSET || own.length > 0;
      const sign = code === JUMP_EQUAL ? "==" : code === JUMP_GREATER ? ">" : ">=";
      const shown = isNumber && loaded !== ARCH_OFFSET && k < x32Bit ? String(k) : `0x${k.toString(16)}`;
      const text = `${number}  if A ${sign} ${shown} ${targetText(onTrue)} else ${targetText(onFalse)}`;
      if (loaded === ARCH_OFFSET) {
        const { architectures = [] } = analysis.groups.find(({ token }) => token === k) ?? {};
        flows[onTrue]!.push({ architectures, first: 0, last: 0xffff_ffff });
        lines.push(note(text, architectures.map(nameOf).join(", ")));
        continue;
      }
      const [above, below] = split(own, code, k);
      flows[onTrue]!.push(...above);
      flows[onFalse]!.push(...below);
      const comments = [leaf(onTrue, above), leaf(onFalse, below)];
      lines.push(note(text, comments.filter((comment) => comment !== "").join(" | else ")));
    }
  }
  return lines;
}

const nameOf = ({ name }: Architecture): string => name.slice("SCMP_ARCH_".length).toLowerCase();

function note(text: string, comment: string): string {
  return comment === "" ? text : `${text.padEnd(48)}  # ${comment}`;
}

function fieldName(offset: number): string {
  if (offset === NUMBER_OFFSET) return "nr";
  if (offset === ARCH_OFFSET) return "arch";
  return `${offset % 8 === 0 ? "low" : "high"} half of args[${(offset - ARGUMENTS_OFFSET) >> 3}]`;
}

/** The numbers for which a comparison holds, and those for which it does not. */
function split(flows: readonly Flow[], code: number, k: number): [Flow[], Flow[]] {
  const yes: Flow[] = [];
  const no: Flow[] = [];
  const add = (list: Flow[], flow: Flow, first: number, last: number): void => {
    const cut = { ...flow, first: Math.max(flow.first, first), last: Math.min(flow.last, last) };
    if (cut.first <= cut.last) list.push(cut);
  };
  const from = code === JUMP_GREATER ? k + 1 : k;
  const to = code === JUMP_EQUAL ? k : Infinity;
  for (const flow of flows) {
    add(yes, flow, from, to);
    add(no, flow, 0, from - 1);
    add(no, flow, to + 1, Infinity);
  }
  return [yes, no];
}

/** Which calls, and the entries of the profile that speak of them. */
function describe({ rules }: Analysis, flows: readonly Flow[]): string {
  if (flows.length === 0) return "";
  const parts: string[] = [];
  const entries = new Set<number>();
  for (const { architectures, first, last } of flows) {
    for (const architecture of architectures) {
      const pairs = architecture.calls();
      const calls = pairs.filter(
        (place, i) => i % 2 === 1 && pairs[i - 1]! >= first && pairs[i - 1]! <= last && rules.isNamed[place] === true,
      );
      if (calls.length === 0) continue;
      for (const index of calls) {
        const alone = rules.alone[index];
        const entriesOfCall = alone === undefined ? (rules.conditional[index] ?? []) : [alone];
        for (const { entry } of entriesOfCall) entries.add(entry);
      }
      const ends = [calls[0]!, calls.at(-1)!].map((index) => rules.names[index]!);
      parts.push(
        `${nameOf(architecture)} ${calls.length < 3 ? [...new Set(ends)].join(", ") : `${ends[0]} … ${ends[1]}`}`,
      );
    }
  }
  if (parts.length === 0) return "";
  const list = [...entries].sort((a, b) => a - b);
  const rule = list.length === 0 ? "no rule" : `/linux/seccomp/syscalls/${list.join(", ")}`;
  return `${parts.join("; ")}: ${rule}`;
}
