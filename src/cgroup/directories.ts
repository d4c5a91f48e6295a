/**
 * Which directories of a record may be acted upon. Input: absolute paths. Output: those of them that are cgroups
 * of the container's own.
 * @module
 */
import { AT_FDCWD, flags, stable, sys } from "../stage/sys.ts";

/** struct statx: stx_attributes, 64 bits. */
const attributesAt = 8;

/**
 * Leaves out what is gone, and the top of a hierarchy (`cgroupsPath` "/"): all processes of the machine are below it.
 * Kernel: statx(2) STATX_ATTR_MOUNT_ROOT since Linux 5.8
 */
export function ownCgroups(directories: readonly string[]): string[] {
  // A loop: `filter` is compiled from its source at each start.
  const own: string[] = [];
  for (const directory of directories) if (isOwn(directory)) own.push(directory);
  return own;
}

function isOwn(directory: string): boolean {
  const buffer = stable(256);
  if (sys("statx", AT_FDCWD, directory, flags("AT_SYMLINK_NOFOLLOW"), flags("STATX_TYPE"), buffer) < 0) return false;
  const attributes = new DataView(buffer.buffer).getUint32(attributesAt, true);
  return (attributes & flags("STATX_ATTR_MOUNT_ROOT")) === 0;
}
