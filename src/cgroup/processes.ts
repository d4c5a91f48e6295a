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
import { childrenOf, readIfThere, writeIfThere } from "./files.ts";

const KILL = 9;
const EINVAL = 22;

/** Every pid in these directories (no top of a hierarchy) and below, each once, as the runtime's pid namespace sees them. */
export function processesIn(directories: readonly string[]): number[] {
  const pids = new Set<number>();
  for (const directory of ownCgroups(directories)) collect(directory, pids);
  // 0 is a process of another pid namespace than ours: it has no name here.
  pids.delete(0);
  return [...pids];
}

/**
 * Sends a signal to every process there; processes that end meanwhile are fine. Errors: HostError where one may not be
 * sent it; the others have got it by then.
 */
export function signalAll(directories: readonly string[], signal: number): void {
  let failed = "";
  for (const pid of processesIn(directories)) {
    const result = signalMember(directories, pid, signal);
    if (result < 0 && errnoName(-result) !== "ESRCH") failed = `${pid}: ${errnoName(-result)} (${errnoText(-result)})`;
  }
  if (failed !== "") throw new HostError(`Cannot send signal ${signal} to process ${failed}`);
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

/** Signals one process if it is (still) a member: its pid may be another process's by now. 0 or -errno. */
function signalMember(directories: readonly string[], pid: number, signal: number): number {
  if (pid === sys("getpid")) return 0;
  const pidfd = sys("pidfd_open", pid, 0);
  // EINVAL: it is gone, but its number is still that of a process group or session.
  if (pidfd < 0) return pidfd === -EINVAL ? 0 : pidfd;
  try {
    return isMember(directories, pid) ? sys("pidfd_send_signal", pidfd, signal, null, 0) : 0;
  } finally {
    close(pidfd);
  }
}

/** By /proc/PID/cgroup: its path is the end of one of the directories, or of their parent part. */
function isMember(directories: readonly string[], pid: number): boolean {
  const text = readIfThere(`/proc/${pid}/cgroup`);
  const places = text.split("\n").map((line) => line.slice(line.indexOf(":", line.indexOf(":") + 1) + 1));
  return places.some((place) =>
    directories.some((directory) => {
      // A sub-cgroup's path goes on after the directory's: cut it down component by component.
      for (let path = place; path.length > 1; path = path.slice(0, path.lastIndexOf("/"))) {
        if (directory.endsWith(path)) return true;
      }
      return false;
    }),
  );
}

function collect(directory: string, pids: Set<number>): void {
  for (const line of readIfThere(`${directory}/cgroup.procs`).split("\n")) if (line !== "") pids.add(Number(line));
  for (const child of childrenOf(directory)) collect(child, pids);
}
