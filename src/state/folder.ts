/**
 * Directories by descriptor: names in them, who owns them, emptying them.
 * Input: descriptors. Output: plain data. Never follows a symbolic link.
 * @module
 */
import { close, errnoName, flags, openAt, stable, sys, syscallError, textOf } from "../stage/sys.ts";

/** Kernel's d_type of a directory. */
const DT_DIR = 4;

/** Names in an open directory (of directories only, if so asked), "." and ".." left out. Throws SyscallError. */
export function namesIn(fd: number, directoriesOnly = false): string[] {
  const names: string[] = [];
  const buffer = stable(32768);
  const view = new DataView(buffer.buffer);
  sys("lseek", fd, 0, 0);
  for (;;) {
    const length = sys("getdents64", fd, buffer, buffer.length);
    // Removed meanwhile: getdents(2) ENOENT.
    if (length === 0 || (length < 0 && errnoName(-length) === "ENOENT")) return names;
    if (length < 0) throw syscallError("getdents64", -length);
    // struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name.
    for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
      const name = buffer.subarray(at + 19, buffer.indexOf(0, at + 19));
      const text = textOf(name);
      if (directoriesOnly && buffer[at + 18] !== DT_DIR) continue;
      if (text !== "." && text !== "..") names.push(text);
    }
  }
}

/** What statx(2) tells of an open file or directory. */
export interface FileFacts {
  /** S_IFMT bits of the mode. */
  readonly type: number;
  readonly uid: number;
  /** Permission bits. */
  readonly mode: number;
  /** Number of names; 0: removed. */
  readonly links: number;
  readonly inode: number;
  readonly sizeBytes: number;
}

/** Facts about an open file or directory. Throws SyscallError. */
export function factsOf(fd: number): FileFacts {
  const buffer = stable(256);
  const result = sys("statx", fd, "", flags("AT_EMPTY_PATH"), flags("STATX_BASIC_STATS"), buffer);
  if (result < 0) throw syscallError("statx", -result);
  const view = new DataView(buffer.buffer);
  // struct statx: stx_nlink at 16, stx_uid at 20, stx_mode at 28, stx_ino (64 bits) at 32, stx_size (64 bits) at 40.
  return {
    type: view.getUint16(28, true) & 0o170000,
    uid: view.getUint32(20, true),
    mode: view.getUint16(28, true) & 0o7777,
    links: view.getUint32(16, true),
    inode: view.getUint32(32, true) + view.getUint32(36, true) * 4294967296,
    sizeBytes: view.getUint32(40, true) + view.getUint32(44, true) * 4294967296,
  };
}

/** Makes an absolute directory and what is missing above it. Existing ones stay as they are. Throws SyscallError. */
export function makeDirectories(path: string, mode: number): void {
  const result = sys("mkdirat", flags("AT_FDCWD"), path, mode);
  if (result >= 0 || errnoName(-result) === "EEXIST") return;
  const slash = path.lastIndexOf("/");
  if (errnoName(-result) !== "ENOENT" || slash <= 0) throw syscallError(`mkdir "${path}"`, -result);
  makeDirectories(path.slice(0, slash), mode);
  const again = sys("mkdirat", flags("AT_FDCWD"), path, mode);
  if (again < 0 && errnoName(-again) !== "EEXIST") throw syscallError(`mkdir "${path}"`, -again);
}

/** Removes everything in an open directory, `last` names at the very end and in their order. Throws SyscallError. */
export function emptyDirectory(fd: number, last: readonly string[]): void {
  for (const name of namesIn(fd)) if (!last.includes(name)) remove(fd, name);
  for (const name of last) remove(fd, name);
}

function remove(fd: number, name: string): void {
  const result = sys("unlinkat", fd, name, 0);
  if (result >= 0 || errnoName(-result) === "ENOENT") return;
  if (errnoName(-result) !== "EISDIR") throw syscallError(`remove "${name}"`, -result);
  const inner = openAt(fd, name, "O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC");
  try {
    emptyDirectory(inner, []);
  } finally {
    close(inner);
  }
  const again = sys("unlinkat", fd, name, flags("AT_REMOVEDIR"));
  if (again < 0 && errnoName(-again) !== "ENOENT") throw syscallError(`remove "${name}"`, -again);
}
