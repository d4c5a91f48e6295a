/**
 * The pid file of `create` and `run`: decimal pid, no newline, there whole or not at all.
 * @module
 */
import { HostError, SyscallError } from "../errors.ts";
import { AT_FDCWD, close, openAt, sys, syscallError, writeAll } from "../stage/sys.ts";

/** Writes it by rename, so that a reader never sees a part. Errors: HostError that names the option. */
export function writePidFile(path: string, pid: number): void {
  const slash = path.lastIndexOf("/") + 1;
  const fresh = `${path.slice(0, slash)}.${path.slice(slash)}.${pid}`;
  let isOurs = false;
  try {
    const fd = openAt(AT_FDCWD, fresh, "O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC", 0o644);
    isOurs = true;
    try {
      writeAll(fd, String(pid));
    } finally {
      close(fd);
    }
    const result = sys("renameat", AT_FDCWD, fresh, AT_FDCWD, path);
    if (result < 0) throw syscallError("rename", -result);
  } catch (error) {
    // ignored: what failed before is told
    if (isOurs) sys("unlinkat", AT_FDCWD, fresh, 0);
    if (error instanceof SyscallError) throw new HostError(`Cannot write --pid-file "${path}": ${error.message}`);
    throw error;
  }
}
