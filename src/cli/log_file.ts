/**
 * Opens the log the global options ask for. Input: Globals. Output: Logger.
 * @module
 */
import { HostError } from "../errors.ts";
import { createLogger, type Logger } from "../log.ts";
import { writeWithin } from "../stage/patient_write.ts";
import { sleep } from "../state/process.ts";
import { AT_FDCWD, errnoName, errnoText, flags, sys } from "../stage/sys.ts";
import type { Globals } from "./globals.ts";

/**
 * How long a reader of the log may keep an operation waiting that holds a container's lock, or signals meant for it. Its
 * others wait 10 s for that lock. A terminal stopped for longer loses lines of the log, never a container.
 */
const patienceMs = 2000;

/**
 * The logger; a --log that cannot be opened is an error at once, not when it is needed. From then on nothing that happens
 * to the log changes what an operation comes to: a container that lives must not be told to have failed, nor the other way
 * round, because a disk or a pipe is full. What cannot be written is dropped; the first time for want of a reader it is
 * waited for him, and after that no more.
 */
export function openLog(globals: Globals): Logger {
  const fd = globals.log === undefined ? 2 : openFile(globals.log);
  let patience = patienceMs;
  return createLogger({
    format: globals.logFormat,
    debug: globals.debug,
    file: globals.log !== undefined,
    write: (text) => {
      if (writeWithin(fd, text, patience) === -EAGAIN) patience = 0;
    },
  });
}

const EAGAIN = 11;

/** A FIFO that nobody reads would be waited for without end, and no signal be heard: its reader may be late, not missing. */
function openFile(path: string): number {
  const how = flags("O_WRONLY|O_APPEND|O_CREAT|O_CLOEXEC|O_NOCTTY|O_NONBLOCK");
  for (let waited = 0; ; waited += pollMs) {
    const fd = sys("openat", AT_FDCWD, path, how, 0o600);
    if (fd >= 0) return fd;
    if (-fd !== ENXIO || waited >= patienceMs) {
      const because =
        -fd === ENXIO ? ["because    a FIFO has no reader, or it is a socket or a device that is not there"] : [];
      throw new HostError(`Cannot open --log "${path}": ${errnoName(-fd)} (${errnoText(-fd)})`, because);
    }
    sleep(pollMs);
  }
}

const ENXIO = 6;
const pollMs = 10;
