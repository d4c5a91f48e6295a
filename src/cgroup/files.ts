/**
 * Files and sub-directories of cgroups that may be gone at any moment. Input: absolute paths. Output: text, names.
 * @module
 */
import { SyscallError } from "../errors.ts";
import { AT_FDCWD, close, errnoName, flags, isTransient, readText, sys, syscallError } from "../stage/sys.ts";
import { namesIn } from "../state/folder.ts";

/** False where there is no such file, or it does not take the text. Throws SyscallError where that stays unknown. */
export function writeIfThere(path: string, text: string): boolean {
  const fd = sys("openat", AT_FDCWD, path, flags("O_WRONLY|O_CLOEXEC"));
  if (fd < 0 && isTransient(-fd)) throw syscallError(`open "${path}"`, -fd);
  if (fd < 0) return false;
  const written = sys("write", fd, text, text.length);
  close(fd);
  if (written < 0 && isTransient(-written)) throw syscallError(`write "${path}"`, -written);
  return written >= 0;
}

/** Paths of the sub-directories; none where the directory is gone. */
export function childrenOf(directory: string): string[] {
  return childNames(directory, true).map((name) => `${directory}/${name}`);
}

/**
 * Text of a file; "" where it is gone, or cannot be read as a list (threaded cgroups answer EOPNOTSUPP).
 * @param dirfd what a relative path begins at
 */
export function readIfThere(path: string, dirfd = AT_FDCWD): string {
  try {
    return readText(dirfd, path);
  } catch (error) {
    if (
      error instanceof SyscallError &&
      ["ENOENT", "ENODEV", "ESRCH", "EOPNOTSUPP", "ENOTDIR"].includes(errnoName(error.errno))
    )
      return "";
    throw error;
  }
}

/**
 * Names of the files and sub-directories (of directories only, if so asked); none where the directory is gone. It may go
 * while it is open, too: systemd removes what it has made.
 */
export function childNames(directory: string, directoriesOnly = false): string[] {
  const fd = sys("openat", AT_FDCWD, directory, flags("O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC"));
  // Who is below it is killed, and that nobody is decides what is removed: not to know is no answer.
  if (fd < 0 && isTransient(-fd)) throw syscallError(`open "${directory}"`, -fd);
  if (fd < 0) return [];
  try {
    return namesIn(fd, directoriesOnly);
  } finally {
    close(fd);
  }
}
