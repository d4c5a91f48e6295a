/**
 * Runs the command line from source, in the engine that runs the test. Input: words. Output: exit code and texts.
 * @module
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run of bunker with a clean environment. */
export function bunker(
  words: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Outcome {
  const engine = "Deno" in globalThis ? ["run", "-A", "--quiet", main] : [main];
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...options.env };
  const result = spawnSync(process.execPath, [...engine, ...words], { encoding: "utf8", ...options, env });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}
