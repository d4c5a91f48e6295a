/**
 * How to run this very program again. Input: the process. Output: argv.
 * @module
 */
import { AT_FDCWD, stable, sys, textOf } from "./sys.ts";

interface Engine {
  readonly Bun?: { readonly main: string; readonly argv: readonly string[] };
  readonly Deno?: { readonly mainModule: string };
}

/** The executable and what it needs before our own options: nothing when compiled, the script when from source. */
export function selfCommand(): string[] {
  const path = stable(4096);
  const n = sys("readlinkat", AT_FDCWD, "/proc/self/exe", path, path.length);
  const executable = textOf(path.subarray(0, Math.max(0, n)));
  const { Bun, Deno } = globalThis as Engine;
  if (Deno !== undefined) return [executable, "run", "-A", Deno.mainModule];
  // A compiled program's script lies in a file system of its own that no other process can see.
  if (Bun !== undefined && !Bun.main.startsWith("/$bunfs/")) return [executable, Bun.main];
  return [executable];
}
