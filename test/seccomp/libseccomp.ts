/**
 * What runc and crun make of a profile: the same calls to libseccomp (test/support/native/libseccomp.c).
 * In: a profile, the architecture to look at. Out: libseccomp's filter, or why there is none.
 * @module
 */
import { spawnSync } from "node:child_process";
import { returnValue } from "../../src/seccomp/actions.ts";
import { type Architecture, architectureOf, type ArchitectureName } from "../../src/seccomp/architectures.ts";
import type { Seccomp } from "../../src/spec/types.ts";
import { wordsOf } from "../support/bpf.ts";
import { native } from "../support/native.ts";

const operators = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
} as const;

/** SCMP_FLTATR_CTL_OPTIMIZE */
const OPTIMIZE = 8;

export const nativeName: ArchitectureName = process.arch === "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";

/** libseccomp's own number: x32 shares the kernel's with x86_64. */
export function tokenOf(architecture: Architecture): number {
  return architecture.name === "SCMP_ARCH_X32" ? 0x4000_003e : architecture.token;
}

/** Why libseccomp cannot be asked here. */
export function missingLibseccomp(): string | undefined {
  try {
    const result = spawnSync(native("libseccomp"), { input: "default 0\n" });
    return result.status === 0 ? undefined : `needs the package libseccomp2: ${String(result.stderr).trim()}`;
  } catch (error) {
    return `needs a C compiler: ${String(error)}`;
  }
}

/** libseccomp's number of each name; negative: it has none on this architecture. */
export function referenceNumbers(name: ArchitectureName, calls: readonly string[]): Map<string, number> {
  const token = tokenOf(architectureOf(name)!);
  const lines = ["default 0", ...calls.map((call) => `resolve ${token} ${call}`)];
  const result = spawnSync(native("libseccomp"), { input: `${lines.join("\n")}\n` });
  const found = String(result.stderr).matchAll(/^number (\S+) (-?\d+)$/gm);
  return new Map([...found].map((match) => [match[1]!, Number(match[2])]));
}

export interface Reference {
  readonly words: Uint32Array;
  /** Names younger than this libseccomp. */
  readonly unknown: readonly string[];
  readonly microseconds: number;
}

/** libseccomp's filter; "refused" where it does not take the rules (EEXIST and the like), as runc and crun then fail. */
export function referenceFilter(
  seccomp: Seccomp,
  options: { readonly only?: ArchitectureName; readonly optimize?: boolean } = {},
): Reference | "refused" {
  const value = returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
  const lines = [`default ${value}`];
  const names = options.only === undefined ? (seccomp.architectures ?? []) : [options.only];
  for (const name of names) if (name !== nativeName) lines.push(`add ${tokenOf(architectureOf(name)!)}`);
  if (options.only !== undefined && options.only !== nativeName) {
    lines.push(`remove ${tokenOf(architectureOf(nativeName)!)}`);
  }
  if (options.optimize === true) lines.push(`attribute ${OPTIMIZE} 2`);
  for (const { names: calls, action, errnoRet, args = [] } of seccomp.syscalls ?? []) {
    const own = returnValue(action, errnoRet);
    if (own === value) continue;
    const isSplit = new Set(args.map(({ index }) => index)).size < args.length;
    const conditions = args.map((a) => `${a.index} ${operators[a.op]} ${a.value} ${a.valueTwo ?? 0}`);
    for (const name of calls) {
      if (isSplit) for (const condition of conditions) lines.push(`rule ${own} ${name} 1 ${condition}`);
      else lines.push(`rule ${own} ${name} ${conditions.length} ${conditions.join(" ")}`);
    }
  }
  const result = spawnSync(native("libseccomp"), ["time"], { input: `${lines.join("\n")}\n`, maxBuffer: 1 << 20 });
  const messages = String(result.stderr);
  if (result.status === 2) return "refused";
  if (result.status !== 0) throw new Error(`libseccomp failed with ${result.status}: ${messages}`);
  return {
    words: wordsOf(result.stdout),
    unknown: [...messages.matchAll(/^unknown (\S+)$/gm)].map((match) => match[1]!),
    microseconds: Number(/^microseconds (\d+)$/m.exec(messages)?.[1]),
  };
}
