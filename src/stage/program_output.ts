/**
 * Runs a program of this machine to its end. Input: its path, arguments. Output: what it wrote to standard output.
 * The means are those of hooks (hooks.ts): the engine's own would load a good part of node:*.
 * @module
 */
import { HostError } from "../errors.ts";
import type { Call, Value } from "../plan/types.ts";
import { placed } from "../program/addresses.ts";
import { hookFailureText } from "./hooks.ts";
import { makeImage, runImage } from "./program.ts";
import { close, flags, readAll, sysOrThrow, textOf, wholeEnvironment } from "./sys.ts";

/** With our environment; its errors go where ours go. Errors: HostError where it cannot be run or fails. */
export function outputOf(path: string, args: readonly string[]): string {
  // A file, not a pipe: nobody reads before the program has ended.
  const file = sysOrThrow("memfd_create", "output", flags("MFD_CLOEXEC"));
  try {
    const calls = [
      callOf("hook_output", [file, -1]),
      callOf("hook", [path, [path, ...args], wholeEnvironment(), 0, 0, "", ""]),
    ];
    const { failed } = runImage(makeImage(placed(calls), 0));
    if (failed !== undefined) throw new HostError(hookFailureText(path, failed.errno, failed.result));
    sysOrThrow("lseek", file, 0, flags("SEEK_SET"));
    return textOf(readAll(file));
  } finally {
    close(file);
  }
}

const callOf = (call: Call["call"], args: readonly Value[]): Call => ({
  kind: "call",
  side: "runtime",
  call,
  args,
  from: "",
});
