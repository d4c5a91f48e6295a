/**
 * Reads values out of the kernel's headers without running anything: a C file whose only content is strings that the
 * compiler fills in is compiled to assembly text for the wanted architecture, and the strings are read back.
 * Input: include directories, expressions. Output: expression → value.
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { zig } from "./zig.ts";

/** Directory of the one header of a C library that the kernel's include. */
const standIns = fileURLToPath(new URL("include", import.meta.url));

/** Architectures the tables are made for, with the directories of Debian's linux-libc-dev packages. */
export const architectures = {
  x86_64: ["/usr/include", "/usr/include/x86_64-linux-gnu"],
  aarch64: ["/usr/aarch64-linux-gnu/include"],
} as const;

export type Architecture = keyof typeof architectures;

/** Debian packages that hold these directories. */
export const headerPackages = ["linux-libc-dev", "linux-libc-dev-arm64-cross"];

/** Reason why the tables cannot be made here, or undefined. */
export function missingHeaders(): string | undefined {
  const missing = Object.values(architectures)
    .map((directories) => `${directories[0]}/linux/openat2.h`)
    .filter((file) => !existsSync(file));
  if (!existsSync("/usr/include/x86_64-linux-gnu/asm/unistd.h")) missing.push("/usr/include/x86_64-linux-gnu/asm");
  return missing.length === 0 ? undefined : `no ${missing.join(", ")} (packages ${headerPackages.join(", ")})`;
}

/** Directories of the headers that come with the compiler: newer than Debian's, good for cross-checks. */
export function compilerHeaders(architecture: Architecture): string[] {
  const include = `${zig().library}/libc/include`;
  const family = architecture === "x86_64" ? "x86" : architecture;
  return [`${include}/${family}-linux-any`, `${include}/any-linux-any`];
}

/** One question to the compiler: the answer to `key` is the value of the C expression. */
export interface Question {
  readonly key: string;
  readonly expression: string;
  /** Asked only where the preprocessor knows this name. */
  readonly ifDefined?: string;
}

/**
 * Values of C expressions for one architecture. Values beyond 2^63 come back negative (all bits set = -1).
 * Keys that `ifDefined` left out are missing from the result.
 */
export function evaluate(
  architecture: Architecture,
  directories: readonly string[],
  includes: readonly string[],
  declarations: readonly string[],
  questions: readonly Question[],
): Map<string, number> {
  const source = [
    ...includes.map((header) => `#include <${header}>`),
    ...declarations,
    "void values(void);",
    "void values(void) {",
    ...questions.flatMap(({ key, expression, ifDefined }) => {
      const line = `__asm__ volatile(".ident \\"value ${key} %c0\\"" :: "i"((long long)(${expression})));`;
      return ifDefined === undefined ? [line] : [`#ifdef ${ifDefined}`, line, "#endif"];
    }),
    "}",
    "",
  ].join("\n");
  const assembly = compile(architecture, directories, source);
  const values = new Map<string, number>();
  for (const [, key, digits] of assembly.matchAll(/\.ident\s+"value (\S+) (-?\d+)"/g)) {
    const value = BigInt(digits!);
    if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
      throw new Error(`${key} = ${value} does not fit a number`);
    }
    values.set(key!, Number(value));
  }
  const missing = questions.find(({ key, ifDefined }) => ifDefined === undefined && !values.has(key));
  if (missing !== undefined) throw new Error(`The compiler's output has no value for ${missing.key}`);
  return values;
}

/** Assembly text of a C source, made by zig cc; throws with the compiler's messages. */
function compile(architecture: Architecture, directories: readonly string[], source: string): string {
  const directory = mkdtempSync(join(tmpdir(), "bunker-tables-"));
  try {
    const output = join(directory, "values.s");
    const include = [standIns, ...directories].flatMap((path) => ["-isystem", path]);
    const result = spawnSync(
      zig().path,
      ["cc", "-target", `${architecture}-linux-none`, "-S", "-O0", "-w", "-nostdinc", "-fno-sanitize=all"].concat(
        include,
        ["-x", "c", "-", "-o", output],
      ),
      { input: source, encoding: "utf8", maxBuffer: 64 << 20 },
    );
    if (result.status !== 0) throw new Error(`zig cc failed for ${architecture}:\n${result.stderr}`);
    return readFileSync(output, "utf8");
  } finally {
    rmSync(directory, { recursive: true });
  }
}
