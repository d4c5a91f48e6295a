/**
 * Which directories of a record may be acted upon. Input: absolute paths. Output: those of them that are cgroups
 * of the container's own.
 * @module
 */
import { close, flags, stable, sys, syscallError } from "../stage/sys.ts";
import { isCgroupfs, openDirectoryOn } from "./filesystems.ts";

/** struct statx: stx_attributes, 64 bits. */
const attributesAt = 8;

/**
 * Leaves out what is gone, what is no cgroup (a record may say anything), and the top of a hierarchy (`cgroupsPath` "/"):
 * all processes of the machine are below it. Throws SyscallError where that could not be found out.
 * Kernel: statx(2) STATX_ATTR_MOUNT_ROOT since Linux 5.8
 */
export function ownCgroups(directories: readonly string[]): string[] {
  // A loop: `filter` is compiled from its source at each start.
  const own: string[] = [];
  for (const directory of directories) if (isOwn(directory)) own.push(directory);
  return own;
}

function isOwn(directory: string): boolean {
  const fd = openDirectoryOn(directory, isCgroupfs);
  if (fd === undefined) return false;
  const buffer = stable(256);
  const result = sys("statx", fd, "", flags("AT_EMPTY_PATH"), flags("STATX_TYPE"), buffer);
  close(fd);
  if (result < 0) throw syscallError(`statx "${directory}"`, -result);
  const attributes = new DataView(buffer.buffer).getUint32(attributesAt, true);
  return (attributes & flags("STATX_ATTR_MOUNT_ROOT")) === 0;
}
