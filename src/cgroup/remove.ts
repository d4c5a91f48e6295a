/**
 * Removes the container's cgroups. Input: absolute directories. Output: none left, or an error that says what is stuck.
 * @module
 */
import { HostError } from "../errors.ts";
import { AT_FDCWD, errnoName, errnoText, flags, sys } from "../stage/sys.ts";
import { sleep } from "../state/process.ts";
import { ownCgroups } from "./directories.ts";
import { childrenOf } from "./files.ts";
import { processesIn } from "./processes.ts";

/** The kernel lets go of a cgroup a moment after its last process: EBUSY until then. */
const patienceMs = 2000;

/** Removes the directories with everything below them; those that are gone are fine, the top of a hierarchy stays. */
export function removeCgroups(directories: readonly string[]): void {
  let left = patienceMs;
  for (const directory of ownCgroups(directories)) {
    let pause = 1;
    while (!removeTree(directory)) {
      if (left <= 0) throw stuck(directory);
      sleep(pause);
      left -= pause;
      pause = Math.min(pause * 2, 50);
    }
  }
}

/** False if something is busy still. */
function removeTree(directory: string): boolean {
  const result = sys("unlinkat", AT_FDCWD, directory, flags("AT_REMOVEDIR"));
  if (result >= 0 || errnoName(-result) === "ENOENT") return true;
  if (errnoName(-result) !== "EBUSY") {
    throw new HostError(`Cannot remove cgroup "${directory}": ${errnoName(-result)} (${errnoText(-result)})`);
  }
  const children = childrenOf(directory);
  if (children.length === 0 || !children.every(removeTree)) return false;
  return sys("unlinkat", AT_FDCWD, directory, flags("AT_REMOVEDIR")) >= 0;
}

function stuck(directory: string): HostError {
  const pids = processesIn([directory]);
  const because =
    pids.length === 0 ? "the kernel still counts something in it" : `processes are left in it: ${pids.join(" ")}`;
  return new HostError(`Cannot remove cgroup "${directory}": EBUSY for ${patienceMs / 1000} s`, [
    `because    ${because}`,
  ]);
}
