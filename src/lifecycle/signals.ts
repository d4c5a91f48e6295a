/**
 * Signals by number or name. Input: text from the command line. Output: the number. Pure.
 * @module
 */
import { constants } from "../../syscalls/generated/constants.ts";
import { UsageError } from "../errors.ts";

/** The kernel's last signal. */
const lastSignal = 64;
/** What libc calls SIGRTMIN: it keeps the kernel's first two for itself. */
const firstRealTime = 34;

/** "9", "KILL", "SIGKILL", "kill", "RTMIN+3", "SIGRTMAX-1"; 0 asks only whether there is somebody (kill(2)). */
export function parseSignal(text: string): number {
  const number = /^[0-9]{1,3}$/.test(text) ? Number(text) : byName(text.toUpperCase().replace(/^SIG/, ""));
  if (number === undefined || number > lastSignal) {
    throw new UsageError(`Unknown signal "${text}": a number from 0 to ${lastSignal}, or a name such as TERM`);
  }
  return number;
}

function byName(name: string): number | undefined {
  const realTime = /^RT(MIN|MAX)(?:([+-])([0-9]{1,2}))?$/.exec(name);
  if (realTime !== null) {
    const base = realTime[1] === "MIN" ? firstRealTime : lastSignal;
    const offset = Number(realTime[3] ?? 0) * (realTime[2] === "-" ? -1 : 1);
    const number = base + offset;
    return number >= firstRealTime ? number : undefined;
  }
  if (name === "CLD") return constants()["SIGCHLD"];
  // The table also holds SIG_BLOCK and the like: names of signals have no underscore.
  return /^[A-Z0-9]+$/.test(name) ? constants()[`SIG${name}`] : undefined;
}
