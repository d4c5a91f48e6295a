/**
 * errno numbers to names and texts. Input: positive errno. Output: "ENOENT", "no such file or directory".
 * @module
 */
import { constants } from "../../syscalls/generated/constants.ts";

/**
 * strerror(3) in lower case, as callers match it (podman: "no such file or directory", "permission denied",
 * "operation not permitted").
 */
const texts = (): Readonly<Record<string, string>> => ({
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  ESRCH: "no such process",
  EINTR: "interrupted system call",
  EIO: "input/output error",
  ENXIO: "no such device or address",
  E2BIG: "argument list too long",
  ENOEXEC: "exec format error",
  EBADF: "bad file descriptor",
  ECHILD: "no child processes",
  EAGAIN: "resource temporarily unavailable",
  ENOMEM: "cannot allocate memory",
  EACCES: "permission denied",
  EFAULT: "bad address",
  ENOTBLK: "block device required",
  EBUSY: "device or resource busy",
  EEXIST: "file exists",
  EXDEV: "invalid cross-device link",
  ENODEV: "no such device",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EINVAL: "invalid argument",
  ENFILE: "too many open files in system",
  EMFILE: "too many open files",
  ENOTTY: "inappropriate ioctl for device",
  ETXTBSY: "text file busy",
  EFBIG: "file too large",
  ENOSPC: "no space left on device",
  EROFS: "read-only file system",
  EMLINK: "too many links",
  EPIPE: "broken pipe",
  ERANGE: "numerical result out of range",
  ENAMETOOLONG: "file name too long",
  ENOSYS: "function not implemented",
  ENOTEMPTY: "directory not empty",
  ELOOP: "too many levels of symbolic links",
  EOVERFLOW: "value too large for defined data type",
  EOPNOTSUPP: "operation not supported",
  EADDRINUSE: "address already in use",
  ENETDOWN: "network is down",
  ENOBUFS: "no buffer space available",
  ECONNABORTED: "software caused connection abort",
  ECONNRESET: "connection reset by peer",
  ECONNREFUSED: "connection refused",
  ETIMEDOUT: "connection timed out",
  EDQUOT: "disk quota exceeded",
  ELIBBAD: "accessing a corrupted shared library",
  EMSGSIZE: "message too long",
  ESTALE: "stale file handle",
});

/** "ENOENT" for 2. One pass over the table, no index of it: it is asked once or twice in a process's life. */
export function errnoName(errno: number): string {
  for (const name in constants()) {
    // The first name wins: EAGAIN before EWOULDBLOCK.
    if (constants()[name] === errno && /^E[A-Z0-9]+$/.test(name)) return name;
  }
  return `errno ${errno}`;
}

/**
 * Whether an error says nothing of what was asked about, only that it could not be asked just now: EINTR, EIO, EAGAIN,
 * ENOMEM, ENFILE, EMFILE. Whoever takes one of them for an answer ("absent", "ended", "damaged", "empty") acts upon
 * something that nobody has said. By number: this is asked on the way of a start, and names take a pass over a table.
 * @param errno positive
 */
export function isTransient(errno: number): boolean {
  return errno === 4 || errno === 5 || errno === 11 || errno === 12 || errno === 23 || errno === 24;
}

/** The text of strerror(3), lower case. */
export function errnoText(errno: number): string {
  const name = errnoName(errno);
  return texts()[name] ?? name;
}
