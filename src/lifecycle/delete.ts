/**
 * The operation `delete`. Input: an id. Output: nothing left of the container, or an error that says what is stuck.
 * Every wait has an end, and what was done stays done: a second `delete` goes on where the first one stopped.
 *
 * Spec: runtime.md#delete, runtime.md#lifecycle steps 11 to 13
 * @module
 */
import { ownCgroups } from "../cgroup/directories.ts";
import { isFrozen, thaw } from "../cgroup/freezer.ts";
import { killAll, processesIn, signalAll } from "../cgroup/processes.ts";
import { removeCgroups } from "../cgroup/remove.ts";
import { stopUnit } from "../cgroup/systemd.ts";
import { BunkerError, HostError } from "../errors.ts";
import { close } from "../stage/sys.ts";
import {
  closeStateDirectory,
  findStateDirectory,
  lockIfThere,
  noSuchContainer,
  readRecord,
  removeStateDirectory,
  type StateDirectory,
} from "../state/directory.ts";
import { openProcess, processFacts, signalProcess, waitForEnd } from "../state/process.ts";
import { instanceOf, madeCgroups, type SeenRecord, type StateRecord } from "../state/record.ts";
import { DamagedRecord } from "../state/record_file.ts";
import { linesOf, printable } from "./host_facts.ts";
import { sharesPidNamespace } from "./namespaces.ts";
import { runPoststop } from "./poststop.ts";
import { removeClasses } from "./resctrl.ts";
import { recordOf } from "./record.ts";
import { currentStatus } from "./status.ts";
import type { RuntimeOptions } from "./types.ts";

/** As long as runc waits. */
const patienceMs = 10_000;
const SIGKILL = 9;

/**
 * `force`: kill it first if it runs, clean up after an interrupted create, and an unknown id is no error.
 * @param instance the container that is meant: another one of the same id stays
 */
export function deleteContainer(rt: RuntimeOptions, id: string, force: boolean, instance?: string): void {
  const directory = findStateDirectory(rt.root, id);
  if (directory === undefined) {
    if (force) return;
    throw noSuchContainer(id, rt.root);
  }
  try {
    if (!lockIfThere(directory, patienceMs)) {
      if (force) return;
      throw noSuchContainer(id, rt.root);
    }
    const seen = force ? readAnyRecord(rt, directory) : recordOf(directory);
    const record = seen?.record;
    if (instance !== undefined && (record === undefined || instanceOf(record) !== instance)) return;
    if (seen !== undefined) endContainer(rt, directory, seen, force);
    removeStateDirectory(directory);
    if (record !== undefined) runPoststop(rt, record);
  } finally {
    closeStateDirectory(directory);
  }
}

/** Stops and destroys a container whose start failed (L3), as far as it can; the failure itself is told by the caller. */
export function removeFailed(rt: RuntimeOptions, directory: StateDirectory, seen: SeenRecord): void {
  try {
    endContainer(rt, directory, seen, true);
    removeStateDirectory(directory);
  } catch (error) {
    if (!(error instanceof BunkerError)) throw error;
    rt.log.warn(error.message);
  }
  runPoststop(rt, seen.record);
}

/**
 * A damaged record does not keep a directory from being removed; what it named stays, and that is said. One that could
 * not be read is not damaged: with it would go all that is known of a container that may be alive.
 */
function readAnyRecord(rt: RuntimeOptions, directory: StateDirectory): SeenRecord | undefined {
  try {
    return readRecord(directory);
  } catch (error) {
    if (!(error instanceof DamagedRecord)) throw error;
    rt.log.warn(`${error.message}: its process and cgroups, if any, are left alone`);
    return undefined;
  }
}

/** Ends what runs and removes what was made outside the state directory. */
function endContainer(rt: RuntimeOptions, directory: StateDirectory, seen: SeenRecord, force: boolean): void {
  const status = currentStatus(directory, seen);
  const { record } = seen;
  if ((status === "running" || status === "paused") && !force) {
    throw new HostError(`Cannot delete container "${record.id}" that is not stopped: ${status}`, [
      `try        bunker delete --force ${record.id}`,
    ]);
  }
  const lived = endProcess(record);
  endOthers(record, lived);
  if (record.unit !== undefined) endUnit(rt, record.unit);
  const busy = removeCgroups(madeCgroups(record));
  // As runc: a container that was created in it meanwhile is no reason to keep this one.
  if (busy !== undefined) rt.log.warn(`${busy.message}: ${busy.detail.join("; ").replace(/^because +/, "")}`);
  removeClasses(record.resctrl?.made);
}

/**
 * Ends what may be left in the cgroup besides the first process: nothing where that had a pid namespace of its own, so
 * that whoever is there now is another container's. One whose creation was interrupted may have a process nobody noted.
 * @param lived it ran until now: nobody else was let into its cgroup
 */
function endOthers(record: StateRecord, lived: boolean): void {
  if (record.pid !== 0 && !sharesPidNamespace(record.config)) return;
  const cgroups = ownCgroups(lived ? record.cgroups : madeCgroups(record));
  release(cgroups);
  if (!killAll(cgroups, patienceMs)) {
    throw stuck(record.id, `processes ${processesIn(cgroups).map(describe).join(", ")}`);
  }
}

/** Version 1's freezer holds back even SIGKILL; killed before they go on, they get to do nothing more. */
function release(cgroups: readonly string[]): void {
  if (isFrozen(cgroups)) signalAll(cgroups, SIGKILL);
  thaw(cgroups);
}

/** The unit is empty and ends by itself: a systemd that cannot be reached any more must not keep the container. */
function endUnit(rt: RuntimeOptions, unit: NonNullable<StateRecord["unit"]>): void {
  try {
    stopUnit(unit);
  } catch (error) {
    if (!(error instanceof BunkerError)) throw error;
    rt.log.warn(error.message);
  }
}

/**
 * Kills the first process (a created container's, too, as runc does), lets it go on to its end, and waits for that.
 * False: it had ended already.
 */
function endProcess(record: StateRecord): boolean {
  const pidfd = openProcess(record.pid, record.startTime);
  if (pidfd === undefined) return false;
  try {
    signalProcess(pidfd, SIGKILL);
    release(ownCgroups(record.cgroups));
    if (!waitForEnd(pidfd, patienceMs)) throw stuck(record.id, `process ${describe(record.pid)}`);
    return true;
  } finally {
    close(pidfd);
  }
}

function describe(pid: number): string {
  const facts = processFacts(pid);
  if (facts === undefined) return String(pid);
  const [place] = linesOf(`/proc/${pid}/wchan`);
  return `${pid} "${printable(facts.name)}" in state ${facts.state}${place === undefined || place === "0" ? "" : ` (${place})`}`;
}

function stuck(id: string, what: string): HostError {
  return new HostError(
    `Cannot delete container "${id}": ${what} did not end within ${patienceMs / 1000} s of SIGKILL`,
    [
      "because    state D waits for the kernel (a disk, a network file system); T and t are held by a debugger or freezer",
      `try        bunker delete --force ${id}, once that has ended`,
    ],
  );
}
