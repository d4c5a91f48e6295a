/**
 * Removes the container's cgroups. Input: absolute directories. Output: none left, or an error that says what is stuck.
 * @module
 */
import { HostError } from "../errors.ts";
import { errnoName, errnoText, flags, sys } from "../stage/sys.ts";
import { sleep } from "../state/process.ts";
import { ownCgroups } from "./directories.ts";
import { isCgroupfs, isOn, removeDirectoryOn } from "./filesystems.ts";
import { processesIn } from "./processes.ts";
import { walkTree } from "./tree.ts";

/** The kernel lets go of a cgroup a moment after its last process: EBUSY until then. */
const patienceMs = 2000;

/**
 * Removes the directories with everything below them; those that are gone are fine, the top of a hierarchy stays.
 * Errors: HostError; for those that somebody is in, undefined or an error that the caller may take as a warning.
 */
export function removeCgroups(directories: readonly string[]): HostError | undefined {
  let left = patienceMs;
  const busy: string[] = [];
  for (const directory of ownCgroups(directories)) {
    let pause = 1;
    while (!removeTree(directory)) {
      if (left <= 0) {
        busy.push(directory);
        break;
      }
      sleep(pause);
      left -= pause;
      pause = Math.min(pause * 2, 50);
    }
  }
  return busy.length === 0 ? undefined : stuck(busy);
}

/** False if something is busy still. */
function removeTree(directory: string): boolean {
  const result = removeCgroup(directory);
  if (result >= 0 || errnoName(-result) === "ENOENT") return true;
  if (errnoName(-result) !== "EBUSY") {
    throw new HostError(`Cannot remove cgroup "${directory}": ${errnoName(-result)} (${errnoText(-result)})`);
  }
  // Somebody is in it: what is below it is theirs.
  if (processesIn([directory]).length > 0) return false;
  walkTree(directory, {
    leave: (above, name) => {
      // ignored: what is busy keeps the one above it, which is asked in the end
      if (isOn(above, isCgroupfs)) sys("unlinkat", above, name, flags("AT_REMOVEDIR"));
    },
  });
  return removeCgroup(directory) >= 0;
}

/** Removes one cgroup that is empty: 0 or -errno. What is no cgroup stays, and is as if it were gone. */
export const removeCgroup = (directory: string): number => removeDirectoryOn(directory, isCgroupfs);

function stuck(directories: readonly string[]): HostError {
  const pids = processesIn(directories);
  const because =
    pids.length === 0 ? "the kernel still counts something in it" : `processes are left in it: ${pids.join(" ")}`;
  return new HostError(`Cannot remove cgroup "${directories.join(" ")}": EBUSY for ${patienceMs / 1000} s`, [
    `because    ${because}`,
  ]);
}
