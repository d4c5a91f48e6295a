/**
 * How to run this very program again. Input: the process. Output: argv.
 * @module
 */
import { readLink } from "./sys.ts";

interface Engine {
  readonly Bun?: { readonly main: string; readonly argv: readonly string[] };
  readonly Deno?: { readonly mainModule: string };
}

/** The executable and what it needs before our own options: nothing when compiled, the script when from source. */
export function selfCommand(): string[] {
  const path = readLink("/proc/self/exe");
  const executable = typeof path === "string" ? path : "";
  const { Bun, Deno } = globalThis as Engine;
  if (Deno !== undefined) return [executable, "run", "-A", Deno.mainModule];
  // A compiled program's script lies in a file system of its own that no other process can see.
  if (Bun !== undefined && !Bun.main.startsWith("/$bunfs/")) return [executable, Bun.main];
  return [executable];
}
