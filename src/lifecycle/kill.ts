/**
 * The operation `kill`. Input: an id, a signal. Output: the signal sent, or an error and no effect.
 *
 * Spec: runtime.md#kill
 * Kernel: pidfd_send_signal(2) since Linux 5.1: the pid cannot become another process's between look and signal
 * @module
 */
import { HostError } from "../errors.ts";
import { ownCgroups } from "../cgroup/directories.ts";
import { freeze, hasFreezer, isFrozen, thaw } from "../cgroup/freezer.ts";
import { holdsUs, killAll, processesIn, signalAll } from "../cgroup/processes.ts";
import { close } from "../stage/sys.ts";
import { closeStateDirectory, openStateDirectory } from "../state/directory.ts";
import { isAlive, openProcess, signalProcess } from "../state/process.ts";
import { madeCgroups, type StateRecord } from "../state/record.ts";
import { sharesPidNamespace } from "./namespaces.ts";
import { madeRecordOf, notRunning } from "./record.ts";
import type { RuntimeOptions } from "./types.ts";

const SIGKILL = 9;

/** How long `kill` waits for the processes of a cgroup to go, where it has to kill them one by one. */
const patienceMs = 2000;

/** `all`: every process of the container; then a stopped container is no error. */
export function kill(rt: RuntimeOptions, id: string, signal: number, all: boolean): void {
  const directory = openStateDirectory(rt.root, id);
  try {
    const { record } = madeRecordOf(directory);
    if (all) signalEverything(record, signal);
    else signalFirst(record, signal);
  } finally {
    closeStateDirectory(directory);
  }
}

function signalFirst(record: StateRecord, signal: number): void {
  const pidfd = openProcess(record.pid, record.startTime);
  if (pidfd === undefined) {
    if (signal === SIGKILL && killLeft(record)) return;
    throw notRunning(record);
  }
  try {
    if (signal === SIGKILL && sharesPidNamespace(record.config)) killEverything(ownCgroups(record.cgroups));
    else if (!signalProcess(pidfd, signal)) throw notRunning(record);
    if (signal === SIGKILL) {
      // ignored: false, it has ended
      signalProcess(pidfd, signal);
      // Version 1's freezer holds back even this; other signals wait until the container is resumed.
      thaw(ownCgroups(record.cgroups));
    }
  } finally {
    close(pidfd);
  }
}

/**
 * Ends what a first process that has ended left in a pid namespace that is not the container's own; as runc does. False:
 * nothing. A cgroup that was there before may be another container's by now, so it is not looked into.
 */
function killLeft(record: StateRecord): boolean {
  if (!sharesPidNamespace(record.config)) return false;
  const own = ownCgroups(madeCgroups(record));
  if (processesIn(own).length === 0) return false;
  killEverything(own);
  return true;
}

/** What is frozen gets its signal first, and then goes on to its end. */
function killEverything(cgroups: readonly string[]): void {
  if (isFrozen(cgroups)) signalAll(cgroups, SIGKILL);
  thaw(cgroups);
  // ignored: each has got its signal; one that waits for the kernel (state D) ends when that answers
  killAll(cgroups, patienceMs);
}

/** Standing still, no process can fork one that the signal misses. A container that was paused stays so. */
function signalStanding(cgroups: readonly string[], signal: number): void {
  const freezes = hasFreezer(cgroups) && !isFrozen(cgroups) && !cgroups.some(holdsUs);
  try {
    if (freezes) freeze(cgroups);
  } catch (error) {
    // One that does not stand still is no reason to keep the signal from the others.
    if (!(error instanceof HostError)) throw error;
  }
  try {
    signalAll(cgroups, signal);
  } finally {
    if (freezes) thaw(cgroups);
  }
}

function signalEverything(record: StateRecord, signal: number): void {
  // Its processes ended with the first one's pid namespace: whoever is in the cgroup by now is another container's.
  if (!sharesPidNamespace(record.config) && !isAlive(record.pid, record.startTime)) return;
  const cgroups = ownCgroups(record.cgroups);
  if (signal === SIGKILL) killEverything(cgroups);
  else signalStanding(cgroups, signal);
  // Without a cgroup of its own the first process is all that is known; a pid namespace ends with it.
  const pidfd = cgroups.length === 0 || signal === SIGKILL ? openProcess(record.pid, record.startTime) : undefined;
  if (pidfd === undefined) return;
  if (cgroups.length === 0 && (signal !== SIGKILL || sharesPidNamespace(record.config))) {
    close(pidfd);
    throw new HostError(`Cannot signal every process of container "${record.id}": it has no cgroup to list them`);
  }
  // ignored: false, it has ended
  signalProcess(pidfd, signal);
  close(pidfd);
}
