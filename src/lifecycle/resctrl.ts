/**
 * Removes the classes that were made for a container. Input: its record. Output: none left of those.
 * MUST config-linux.md#intel-rdt: a directory the runtime did not make stays
 * @module
 */
import { HostError, StageError } from "../errors.ts";
import { AT_FDCWD, errnoName, errnoText, flags, sys } from "../stage/sys.ts";

/** Those that are gone are fine. */
export function removeClasses(made: readonly string[] | undefined): void {
  if (made === undefined) return;
  for (const directory of made) {
    const result = sys("unlinkat", AT_FDCWD, directory, flags("AT_REMOVEDIR"));
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
