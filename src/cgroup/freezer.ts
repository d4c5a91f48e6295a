/**
 * Stopping every process of a container and letting them go on. Input: its cgroup directories. Output: nothing, or what
 * would not stand still.
 *
 * Kernel: v2 cgroup.freeze, cgroup.events since Linux 5.2; v1 freezer.state (cgroup-v1/freezer-subsystem.rst), where a
 *   process that forks can keep it from getting there: FREEZING
 * @module
 */
import { HostError } from "../errors.ts";
import { sleep } from "../state/process.ts";
import { childrenOf, readIfThere, writeIfThere } from "./files.ts";
import { holdsUs } from "./processes.ts";

/** How long processes get to stand still. */
const patienceMs = 2000;
/** As often as this a freezer that is stuck half-way is let go once (runc). */
const retryMs = 250;

/** True if somebody asked for it, whether or not every process stands still already. */
export function isFrozen(directories: readonly string[]): boolean {
  for (const directory of directories) {
    // One of v2, or one of each v1 hierarchy; the file of the other kind is not there.
    if (directories.length === 1 && readIfThere(`${directory}/cgroup.freeze`).startsWith("1")) return true;
    if (!directory.includes("/freezer")) continue;
    const state = readIfThere(`${directory}/freezer.state`);
    if (state.startsWith("FROZEN") || state.startsWith("FREEZING")) return true;
  }
  return false;
}

/** Stops every process and waits until all stand still. Errors: HostError; they go on then. */
export function freeze(directories: readonly string[]): void {
  const freezer = freezerOf(directories);
  if (holdsUs(freezer.directory)) {
    throw new HostError(`Cannot freeze cgroup "${freezer.directory}": this process is in it itself`);
  }
  try {
    if (standsStill(freezer)) return;
  } catch (error) {
    // Half-way, or without anybody to know whether it got there: they go on.
    freezer.thaw();
    throw error;
  }
  freezer.thaw();
  throw new HostError(`Cannot freeze cgroup "${freezer.directory}": not every process stood still within 2 s`, [
    "because    one of them waits in the kernel for something that does not come (state D: a disk, a network file system)",
  ]);
}

function standsStill(freezer: Freezer): boolean {
  let pause = 1;
  for (let waited = 0; waited < patienceMs; waited += pause) {
    if (!freezer.freeze()) throw new HostError(`Cannot freeze cgroup "${freezer.directory}": it does not take it`);
    if (freezer.isStill()) return true;
    if (waited % retryMs > (waited + pause) % retryMs) freezer.thaw();
    sleep(pause);
    pause = Math.min(pause * 2, 20);
  }
  return false;
}

/** Lets everything below go on, what was frozen from within the container too; nothing where nothing is frozen. */
export function thaw(directories: readonly string[]): void {
  for (const directory of directories) {
    const isThere =
      writeIfThere(`${directory}/cgroup.freeze`, "0") || writeIfThere(`${directory}/freezer.state`, "THAWED");
    if (isThere) thaw(childrenOf(directory));
  }
}

/** Whether this machine can freeze the container. */
export function hasFreezer(directories: readonly string[]): boolean {
  return findFreezer(directories) !== undefined;
}

interface Freezer {
  readonly directory: string;
  /** False: the kernel does not take it. */
  readonly freeze: () => boolean;
  readonly thaw: () => void;
  readonly isStill: () => boolean;
}

function freezerOf(directories: readonly string[]): Freezer {
  const freezer = findFreezer(directories);
  if (freezer !== undefined) return freezer;
  throw new HostError("Cannot freeze the container: it has no cgroup of its own that can", [
    "because    there is no freezer controller (cgroup v1), and no cgroup.freeze before Linux 5.2 (cgroup v2)",
  ]);
}

function findFreezer(directories: readonly string[]): Freezer | undefined {
  for (const directory of directories) {
    if (readIfThere(`${directory}/cgroup.freeze`) !== "") {
      return {
        directory,
        freeze: () => writeIfThere(`${directory}/cgroup.freeze`, "1"),
        thaw: () => void writeIfThere(`${directory}/cgroup.freeze`, "0"),
        isStill: () => readIfThere(`${directory}/cgroup.events`).includes("frozen 1"),
      };
    }
    if (readIfThere(`${directory}/freezer.state`) !== "") {
      return {
        directory,
        freeze: () => writeIfThere(`${directory}/freezer.state`, "FROZEN"),
        thaw: () => void writeIfThere(`${directory}/freezer.state`, "THAWED"),
        isStill: () => readIfThere(`${directory}/freezer.state`).startsWith("FROZEN"),
      };
    }
  }
  return undefined;
}
