/**
 * Signals that come before the foreground monitor is there. Input: none. Output: a pipe that holds them.
 * @module
 */
import { ops } from "../../syscalls/ops.ts";
import { flags, kernel, stable, syscallError, sysOrThrow } from "./sys.ts";

/** Signals that are the engine's own business or a program's failure; the rest is meant for the container. */
const keptSignals =
  "SIGKILL SIGSTOP SIGCHLD SIGURG SIGWINCH SIGPIPE SIGXFSZ SIGPWR SIGSEGV SIGBUS SIGFPE SIGILL SIGTRAP SIGABRT SIGSYS";

/**
 * From here to the monitor no signal ends this process or is lost: the main thread blocks them, other threads of the
 * engine note them in a pipe, and the monitor passes both on. Returns the pipe's reading end.
 */
export function holdSignals(): number {
  const pipe = stable(8);
  sysOrThrow("pipe2", pipe, flags("O_CLOEXEC|O_NONBLOCK"));
  const ends = new DataView(pipe.buffer);
  // Signals 1 to 31: real-time signals are the engine's (its garbage collector stops threads by one).
  let set = 0x7fffffff;
  for (const name of keptSignals.split(" ")) set &= ~(1 << (flags(name) - 1));
  const result = kernel().call(ops.SHIM_NOTE_SIGNALS, ends.getInt32(4, true), set, 0, 0, 0, 0);
  if (result < 0) throw syscallError("rt_sigaction", -result);
  const all = stable(8).fill(0xff);
  sysOrThrow("rt_sigprocmask", flags("SIG_SETMASK"), all, null, 8);
  return ends.getInt32(0, true);
}
