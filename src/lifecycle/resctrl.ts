/**
 * Removes the classes that were made for a container. Input: its record. Output: none left of those.
 * MUST config-linux.md#intel-rdt: a directory the runtime did not make stays
 * @module
 */
import { removeDirectoryOn } from "../cgroup/filesystems.ts";
import { HostError, StageError } from "../errors.ts";
import { errnoName, errnoText, flags } from "../stage/sys.ts";

/**
 * Those that are gone are fine, and what is no class stays: resctrl may be mounted no more.
 * @param filesystem magic number
 */
export function removeClasses(made: readonly string[] | undefined, filesystem = flags("RDTGROUP_SUPER_MAGIC")): void {
  if (made === undefined) return;
  for (const directory of made) {
    const result = removeDirectoryOn(directory, (magic) => magic === filesystem);
    if (result >= 0 || errnoName(-result) === "ENOENT") continue;
    throw new HostError(`Cannot remove "${directory}": ${errnoName(-result)} (${errnoText(-result)})`);
  }
}

/** A class that somebody else made in the meantime: what failed is making it. */
export function isTaken(error: unknown): boolean {
  return (
    error instanceof StageError && error.pointer.startsWith("/linux/intelRdt") && errnoName(error.errno) === "EEXIST"
  );
}
