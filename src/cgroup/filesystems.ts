/**
 * Directories by what kind of filesystem they are on. Input: absolute paths out of a record or a plan, magic numbers.
 * Output: descriptors, directories removed. A path is only what somebody wrote down: what it leads to by now may be an
 * ordinary directory, which nothing here may touch.
 *
 * Kernel: fstatfs(2) takes O_PATH descriptors since Linux 3.12
 * @module
 */
import { AT_FDCWD, close, flags, isTransient, stable, sys, syscallError } from "../stage/sys.ts";

/** struct statfs, on the large side; f_type comes first. */
const STATFS_BYTES = 120;
const ENOENT = 2;

/** Those of cgroups, version 1 and 2. */
export const isCgroupfs = (magic: number): boolean =>
  magic === flags("CGROUP_SUPER_MAGIC") || magic === flags("CGROUP2_SUPER_MAGIC");

/**
 * An O_PATH descriptor of a directory, itself no link, on such a filesystem; undefined where it is none (any more).
 * Throws SyscallError where that could not be found out.
 */
export function openDirectoryOn(path: string, isKind: (magic: number) => boolean): number | undefined {
  const fd = sys("openat", AT_FDCWD, path, flags("O_PATH|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC"), 0);
  if (fd < 0 && isTransient(-fd)) throw syscallError(`open "${path}"`, -fd);
  if (fd < 0) return undefined;
  try {
    if (isOn(fd, isKind)) return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
  close(fd);
  return undefined;
}

/** Whether an open file is on such a filesystem. Errors: SyscallError. */
export function isOn(fd: number, isKind: (magic: number) => boolean): boolean {
  const buffer = stable(STATFS_BYTES);
  const result = sys("fstatfs", fd, buffer);
  if (result < 0) throw syscallError("fstatfs", -result);
  return isKind(new DataView(buffer.buffer).getUint32(0, true));
}

/**
 * rmdir(2) by the descriptor of the directory above, which has to be on such a filesystem: what is in it then is, too,
 * unless it is a mount point, and those are busy. 0 or -errno; -ENOENT where the one above is no such directory.
 */
export function removeDirectoryOn(path: string, isKind: (magic: number) => boolean): number {
  const slash = path.lastIndexOf("/");
  const above = openDirectoryOn(path.slice(0, slash), isKind);
  if (above === undefined) return -ENOENT;
  const result = sys("unlinkat", above, path.slice(slash + 1), flags("AT_REMOVEDIR"));
  close(above);
  return result;
}
