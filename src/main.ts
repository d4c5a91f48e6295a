/**
 * The entry: one command a process, under Bun (compiled or from source) and under Deno.
 * Input: argv. Output: the exit code.
 * @module
 */
// oxlint-disable-next-line import/no-unassigned-import -- what it does must come first of all, see there
import "./stage/early.ts";
import { dispatch } from "./cli/dispatch.ts";
import { sys } from "./stage/sys.ts";

/** argv without the program's name, by whichever runtime this is; node:process would cost start-up time. */
function words(): readonly string[] {
  const runtime = globalThis as { Bun?: { argv: readonly string[] }; Deno?: { args: readonly string[] } };
  return runtime.Bun?.argv.slice(2) ?? runtime.Deno?.args ?? [];
}

/** Straight to the kernel: nothing is buffered here, and taking the JavaScript engine down costs time. */
function exit(code: number): void {
  sys("exit_group", code);
}

const outcome = dispatch(words());
if (typeof outcome === "number") exit(outcome);
else void outcome.then(exit);
