/**
 * Text of syscalls/generated/call_numbers.ts: the number of every system call on every architecture a seccomp profile
 * may name. Unlike the other tables it is made from the headers that come with the compiler, which has them for all.
 * Input: the compiler. Output: the file's text.
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { newerNumbers } from "../syscalls/constants.ts";
import { zig } from "./zig.ts";

interface Source {
  readonly target: string;
  /** Directory of the headers. */
  readonly family: string;
  /** What makes the headers choose this one of a family's tables. */
  readonly options?: readonly string[];
  /** Where its numbers start. */
  readonly base?: number;
}

/** The tables by the names that syscalls/architectures.ts uses. parisc and sh: the compiler has no headers for them. */
const sources: Readonly<Record<string, Source>> = {
  x86_64: { target: "x86_64", family: "x86" },
  x86: { target: "x86", family: "x86" },
  x32: { target: "x86_64", family: "x86", options: ["-D__ILP32__"], base: 0x4000_0000 },
  aarch64: { target: "aarch64", family: "aarch64" },
  arm: { target: "arm", family: "arm", options: ["-D__ARM_EABI__"] },
  loongarch64: { target: "loongarch64", family: "loongarch" },
  m68k: { target: "m68k", family: "m68k" },
  mips: { target: "mips", family: "mips", options: ["-D_MIPS_SIM=1"], base: 4000 },
  mips64: { target: "mips64", family: "mips", options: ["-D_MIPS_SIM=3"], base: 5000 },
  mips64n32: { target: "mips64", family: "mips", options: ["-D_MIPS_SIM=2"], base: 6000 },
  ppc: { target: "powerpc", family: "powerpc" },
  ppc64: { target: "powerpc64", family: "powerpc" },
  riscv64: { target: "riscv64", family: "riscv" },
  s390: { target: "s390x", family: "s390x", options: ["-U__s390x__"] },
  s390x: { target: "s390x", family: "s390x" },
};

/** Newer than the compiler's headers (Linux 6.10) and on this architecture alone. */
const alone: Readonly<Record<string, Readonly<Record<string, number>>>> = { x86_64: { uretprobe: 335, uprobe: 336 } };

/** Macros that look like calls and are none. */
const notCalls = /^(?:syscalls|arch_specific_syscall|(?:reserved|unused)\d+)$/;

/** Names and numbers in one architecture's headers. */
export function headerNumbers(architecture: string): Map<string, number> {
  const { target, family, options = [] } = sources[architecture]!;
  const { path, library } = zig();
  const directories = [`${family}-linux-any`, "any-linux-any"].flatMap((name) => [
    "-isystem",
    `${library}/libc/include/${name}`,
  ]);
  const result = spawnSync(
    path,
    [
      "cc",
      "-target",
      `${target}-linux-none`,
      "-w",
      "-E",
      "-dM",
      "-nostdinc",
      ...directories,
      ...options,
      "-x",
      "c",
      "-",
    ],
    { input: "#include <asm/unistd.h>\n", encoding: "utf8", maxBuffer: 16 << 20 },
  );
  if (result.status !== 0) throw new Error(`zig cc failed for ${architecture}:\n${result.stderr}`);
  const macros = new Map<string, string>();
  for (const [, name, value] of result.stdout.matchAll(/^#define (\w+) (.+)$/gm)) macros.set(name!, value!);
  const numbers = new Map<string, number>();
  for (const name of macros.keys()) {
    const call = /^__(?:ARM_)?NR_([a-z_]\w*)$/.exec(name)?.[1];
    if (call !== undefined && !notCalls.test(call)) numbers.set(call, valueOf(name, macros));
  }
  return numbers;
}

/** A macro that is a number, another macro, or a sum of both. */
function valueOf(expression: string, macros: ReadonlyMap<string, string>): number {
  let sum = 0;
  for (const term of expression.replaceAll(/[()]/g, "").split("+")) {
    const word = term.trim();
    const macro = macros.get(word);
    const value = macro === undefined ? Number(word) : valueOf(macro, macros);
    if (!Number.isInteger(value)) throw new Error(`${expression} is not a number`);
    sum += value;
  }
  return sum;
}

/** The file's text. */
export function callTables(): string {
  const tables = new Map(Object.keys(sources).map((name) => [name, headerNumbers(name)]));
  for (const [architecture, numbers] of tables) {
    const { base = 0 } = sources[architecture]!;
    for (const [name, { value }] of Object.entries(newerNumbers))
      if (!numbers.has(name)) numbers.set(name, base + value);
    for (const [name, value] of Object.entries(alone[architecture] ?? {})) numbers.set(name, value);
  }
  const names = [...new Set([...tables.values()].flatMap((numbers) => [...numbers.keys()]))].toSorted();
  const places = new Map(names.map((name, place) => [name, place]));
  const arrays = [...tables].map(([architecture, numbers]) => {
    const pairs = [...numbers].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
    const words = pairs.map(([name, number]) => `${number}, ${places.get(name)},`);
    return `export const ${architecture} = (): readonly number[] => [\n${lines(words)}];\n`;
  });
  return `/**
 * Names of the system calls of all architectures, sorted. Then for each architecture all of its calls by number: the
 * number, the place of its name, the next number and so on.
 * Generated by build/generate_tables.ts from the headers that come with the compiler: do not edit.
 * Functions, so that nothing of it is read before a seccomp profile needs it.
 * @module
 */
export const callNames = (): string =>
  "${names.join(" ")}";

${arrays.join("\n")}`;
}

function lines(words: readonly string[]): string {
  let text = "";
  for (let i = 0; i < words.length; i += 10) text += `  ${words.slice(i, i + 10).join(" ")}\n`;
  return text;
}

/** Writes the file where it differs; true if it did. With `dryRun` only tells. */
export function writeCallTables(dryRun: boolean): boolean {
  const file = fileURLToPath(new URL("../syscalls/generated/call_numbers.ts", import.meta.url));
  const text = callTables();
  if (existsSync(file) && readFileSync(file, "utf8") === text) return false;
  if (!dryRun) writeFileSync(file, text);
  return true;
}
