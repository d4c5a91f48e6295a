/**
 * Opens the log the global options ask for. Input: Globals. Output: Logger.
 * @module
 */
import { HostError } from "../errors.ts";
import { createLogger, type Logger } from "../log.ts";
import { AT_FDCWD, errnoName, errnoText, flags, stable, sys, syscallError, writeAll } from "../stage/sys.ts";
import type { Globals } from "./globals.ts";

/** The logger; a --log that cannot be opened is an error at once, not when it is needed. */
export function openLog(globals: Globals): Logger {
  const fd = globals.log === undefined ? 2 : openFile(globals.log);
  return createLogger({
    format: globals.logFormat,
    debug: globals.debug,
    file: globals.log !== undefined,
    write: (text) => {
      waitForRoom(fd);
      writeAll(fd, text);
    },
  });
}

/** Longest wait for a reader of standard error who does not read: locks may be held. */
const patienceSeconds = 1;

/** Throws SyscallError where there is no room by then. */
function waitForRoom(fd: number): void {
  const poll = stable(8);
  const view = new DataView(poll.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, flags("POLLOUT"), true);
  const timeout = stable(16);
  new DataView(timeout.buffer).setInt32(0, patienceSeconds, true);
  if (sys("ppoll", poll, 1, timeout, null, 0) === 0) throw syscallError(`write(${fd})`, flags("EAGAIN"));
}

function openFile(path: string): number {
  const fd = sys("openat", AT_FDCWD, path, flags("O_WRONLY|O_APPEND|O_CREAT|O_CLOEXEC|O_NOCTTY"), 0o600);
  if (fd < 0) throw new HostError(`Cannot open --log "${path}": ${errnoName(-fd)} (${errnoText(-fd)})`);
  return fd;
}
