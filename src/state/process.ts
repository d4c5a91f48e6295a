/**
 * Who a pid is: start time and state out of /proc, and a pidfd of exactly that process.
 * Input: pid, start time. Output: plain data, descriptors.
 *
 * Kernel: proc_pid_stat(5), pidfd_open(2) since Linux 5.3
 * @module
 */
import { AT_FDCWD, close, errnoName, errnoText, flags, readText, stable, sys, syscallError } from "../stage/sys.ts";
import { HostError, SyscallError } from "../errors.ts";

const EINTR = 4;

export interface ProcessFacts {
  /** Field 22: clock ticks after boot. With the pid it names a process for good: pids are used again. */
  readonly startTime: number;
  /** Field 3: R S D Z T t X I. */
  readonly state: string;
  /** Field 2: the first 15 bytes of the command's name. */
  readonly name: string;
}

/** Facts about the process, undefined if there is none. */
export function processFacts(pid: number): ProcessFacts | undefined {
  let text: string;
  try {
    text = readText(AT_FDCWD, `/proc/${pid}/stat`);
  } catch (error) {
    // ESRCH: it ended between open and read.
    if (error instanceof SyscallError && ["ENOENT", "ESRCH"].includes(errnoName(error.errno))) return undefined;
    throw error;
  }
  return parseStat(text);
}

/** Out of /proc/PID/stat; the name may hold blanks and brackets, so fields count from the last bracket. */
export function parseStat(text: string): ProcessFacts {
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  return { state: fields[0]!, startTime: Number(fields[19]), name: text.slice(text.indexOf("(") + 1, end) };
}

/** True if that very process still runs: a zombie has ended. */
export function isAlive(pid: number, startTime: number): boolean {
  if (pid <= 0) return false;
  const facts = processFacts(pid);
  return facts !== undefined && facts.startTime === startTime && facts.state !== "Z" && facts.state !== "X";
}

/** A pidfd of that very process, undefined if it has ended. */
export function openProcess(pid: number, startTime: number): number | undefined {
  if (pid <= 0) return undefined;
  const pidfd = sys("pidfd_open", pid, 0);
  if (pidfd < 0) {
    // EINVAL: it is gone, but its number is still that of a process group or session.
    const errno = errnoName(-pidfd);
    if (errno === "ESRCH" || errno === "EINVAL") return undefined;
    throw new HostError(`Cannot open process ${pid}: pidfd_open: ${errnoName(-pidfd)} (${errnoText(-pidfd)})`);
  }
  // Only now: the pidfd holds on to the process, so what /proc says is about this one or the pid was used again.
  if (isAlive(pid, startTime)) return pidfd;
  close(pidfd);
  return undefined;
}

/** Sends a signal; false if the process has ended. */
export function signalProcess(pidfd: number, signal: number): boolean {
  const result = sys("pidfd_send_signal", pidfd, signal, null, 0);
  if (result >= 0) return true;
  if (errnoName(-result) === "ESRCH") return false;
  throw new HostError(`Cannot send signal ${signal}: ${errnoName(-result)} (${errnoText(-result)})`);
}

/** Waits until the process has ended; false after `milliseconds`. */
export function waitForEnd(pidfd: number, milliseconds: number): boolean {
  const poll = stable(8);
  const view = new DataView(poll.buffer);
  view.setInt32(0, pidfd, true);
  view.setInt16(4, flags("POLLIN"), true);
  // The kernel leaves in it what is left of the time: a signal in between does not end the waiting.
  const left = timespec(milliseconds);
  let result: number;
  do result = sys("ppoll", poll, 1, left, null, 0);
  while (result === -EINTR);
  if (result < 0) throw syscallError("ppoll", -result);
  return result > 0;
}

/** Sleeps in the kernel. */
export function sleep(milliseconds: number): void {
  sys("nanosleep", timespec(milliseconds), null);
}

/** struct timespec of a 64-bit machine. */
function timespec(milliseconds: number): Uint8Array<ArrayBuffer> {
  const bytes = stable(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(milliseconds / 1000), true);
  view.setUint32(8, (milliseconds % 1000) * 1_000_000, true);
  return bytes;
}
