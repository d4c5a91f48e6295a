/**
 * The processes of the container's cgroups: listing and killing them.
 * Input: absolute cgroup directories of the record. Output: pids, and processes that are gone.
 *
 * Kernel: cgroups(7); cgroup.kill since Linux 5.14 (v2), without it one pidfd_send_signal a process
 * @module
 */
import { HostError } from "../errors.ts";
import { close, errnoName, errnoText, sys } from "../stage/sys.ts";
import { sleep } from "../state/process.ts";
import { ownCgroups } from "./directories.ts";
import { readIfThere, writeIfThere } from "./files.ts";
import { walkTree } from "./tree.ts";

const KILL = 9;
const EINVAL = 22;

/** Every pid in these directories (no top of a hierarchy) and below, each once, as the runtime's pid namespace sees them. */
export function processesIn(directories: readonly string[]): number[] {
  const pids = new Set<number>();
  const enter = (fd: number): void => {
    for (const pid of membersOf(fd)) pids.add(pid);
  };
  for (const directory of ownCgroups(directories)) walkTree(directory, { enter });
  return [...pids];
}

/** Of one open cgroup. */
function membersOf(fd: number): number[] {
  const pids: number[] = [];
  // 0 is a process of another pid namespace than ours: it has no name here.
  for (const line of readIfThere("cgroup.procs", fd).split("\n"))
    if (line !== "" && line !== "0") pids.push(Number(line));
  return pids;
}

/**
 * Sends a signal to every process there; processes that end meanwhile are fine. Errors: HostError where one may not be
 * sent it; the others have got it by then.
 */
export function signalAll(directories: readonly string[], signal: number): void {
  let failed = "";
  const enter = (fd: number): void => {
    const pids = membersOf(fd);
    for (let first = 0; first < pids.length; first += together) {
      failed = signalSome(fd, pids.slice(first, first + together), signal) || failed;
    }
  };
  for (const directory of ownCgroups(directories)) walkTree(directory, { enter });
  if (failed !== "") throw new HostError(`Cannot send signal ${signal} to process ${failed}`);
}

/** How many processes are held at once: each takes a descriptor. */
const together = 64;

/**
 * Signals those that are members still once they are held: a pid of the list may be another process's by now, and that
 * it is a member is asked of the cgroup itself (/proc/PID/cgroup has no path that is longer than PATH_MAX). Returns what failed.
 */
function signalSome(fd: number, pids: readonly number[], signal: number): string {
  let failed = "";
  const held = new Map<number, number>();
  const told = (pid: number, result: number): void => {
    // EINVAL, of pidfd_open: it is gone, but its number is still that of a process group or session.
    if (result >= 0 || result === -EINVAL || errnoName(-result) === "ESRCH") return;
    failed = `${pid}: ${errnoName(-result)} (${errnoText(-result)})`;
  };
  try {
    for (const pid of pids) {
      if (pid === sys("getpid")) continue;
      const pidfd = sys("pidfd_open", pid, 0);
      if (pidfd < 0) told(pid, pidfd);
      else held.set(pid, pidfd);
    }
    for (const pid of membersOf(fd)) {
      const pidfd = held.get(pid);
      if (pidfd !== undefined) told(pid, sys("pidfd_send_signal", pidfd, signal, null, 0));
    }
    return failed;
  } finally {
    for (const pidfd of held.values()) close(pidfd);
  }
}

/**
 * Kills every process there and waits until none is left; true if so within `milliseconds`.
 * Repeated, for a process that forks between the listing and its end leaves a child.
 */
export function killAll(directories: readonly string[], milliseconds: number): boolean {
  for (let waited = 0; ; waited += 10) {
    if (processesIn(directories).length === 0) return true;
    if (waited >= milliseconds) return false;
    if (!directories.every(killAtOnce)) signalAll(directories, KILL);
    sleep(10);
  }
}

/** cgroup.kill reaches the whole subtree, forks included; false where there is no such file (v1, old kernels). */
function killAtOnce(directory: string): boolean {
  if (holdsUs(directory)) return false;
  return writeIfThere(`${directory}/cgroup.kill`, "1");
}

/** A container that was put into the caller's own cgroup must not take its caller along. */
export function holdsUs(directory: string): boolean {
  return processesIn([directory]).includes(sys("getpid"));
}
