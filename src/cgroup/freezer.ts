/**
 * Whether a container is paused. Input: its cgroup directories. Output: true or false.
 *
 * Kernel: cgroup.freeze since Linux 5.2 (v2); the freezer hierarchy's freezer.state (v1)
 * @module
 */
import { SyscallError } from "../errors.ts";
import { AT_FDCWD, readText } from "../stage/sys.ts";

/** True if somebody asked for it, whether or not every process stands still already. */
export function isFrozen(directories: readonly string[]): boolean {
  for (const directory of directories) {
    // One of v2, or one of each v1 hierarchy; the file of the other kind is not there.
    if (directories.length === 1 && textOf(`${directory}/cgroup.freeze`).startsWith("1")) return true;
    if (!directory.includes("/freezer")) continue;
    const state = textOf(`${directory}/freezer.state`);
    if (state.startsWith("FROZEN") || state.startsWith("FREEZING")) return true;
  }
  return false;
}

function textOf(path: string): string {
  try {
    return readText(AT_FDCWD, path);
  } catch (error) {
    if (error instanceof SyscallError) return "";
    throw error;
  }
}
