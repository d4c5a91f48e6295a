/**
 * Opens the log the global options ask for. Input: Globals. Output: Logger.
 * @module
 */
import { HostError } from "../errors.ts";
import { createLogger, type Logger } from "../log.ts";
import { AT_FDCWD, errnoName, errnoText, flags, sys, writeAll } from "../stage/sys.ts";
import type { Globals } from "./globals.ts";

/** The logger; a --log that cannot be opened is an error at once, not when it is needed. */
export function openLog(globals: Globals): Logger {
  const fd = globals.log === undefined ? 2 : openFile(globals.log);
  return createLogger({
    format: globals.logFormat,
    debug: globals.debug,
    file: globals.log !== undefined,
    write: (text) => writeAll(fd, text),
  });
}

function openFile(path: string): number {
  const fd = sys("openat", AT_FDCWD, path, flags("O_WRONLY|O_APPEND|O_CREAT|O_CLOEXEC|O_NOCTTY"), 0o600);
  if (fd < 0) throw new HostError(`Cannot open --log "${path}": ${errnoName(-fd)} (${errnoText(-fd)})`);
  return fd;
}
