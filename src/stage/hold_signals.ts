/**
 * Signals that come before the foreground monitor is there. Input: none. Output: a pipe that holds them.
 * @module
 */
import { ops } from "../../syscalls/ops.ts";
import { kernel, syscallError } from "./sys.ts";

/**
 * From here to the monitor no signal that is meant for the container ends this process or is lost: the main thread
 * blocks them, other threads of the engine note them in a pipe, and the monitor passes both on. Returns the pipe's reading end.
 */
export function holdSignals(): number {
  const noted = kernel().call(ops.SHIM_HOLD_SIGNALS, 0, 0, 0, 0, 0, 0);
  if (noted < 0) throw syscallError("rt_sigaction", -noted);
  return noted;
}
