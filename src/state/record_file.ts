/**
 * state.json read back as what it may be: anything. In: descriptor of a state directory. Out: its text.
 * Opened without waiting (a FIFO has no end), through no link, and only if it is an ordinary file of our own of a size
 * that we write; nothing is read of anything else.
 * @module
 */
import { HostError } from "../errors.ts";
import { close, errnoName, flags, readAll, sys, syscallError, textOf } from "../stage/sys.ts";
import { factsOf } from "./folder.ts";

/** File name within the state directory. */
export const recordFile = "state.json";

/** Ours: config.json (16 MiB at most, src/lifecycle/load.ts) and what is said about it. */
const maxBytes = 64 * 1024 * 1024;

/** For opening it: without waiting, and no terminal becomes ours. */
export const cautiously = "O_NOFOLLOW|O_NONBLOCK|O_NOCTTY|O_CLOEXEC";

/** state.json says what no container's can say: its content was judged, not how it could be read. */
export class DamagedRecord extends HostError {
  override name = "DamagedRecord";
  constructor(path: string, why: string) {
    super(`State file "${path}" is damaged: ${why}`, ["try        bunker delete --force ID removes it"]);
  }
}

const S_IFREG = 0o100000;

/** What one look at state.json shows. */
export interface RecordLook {
  readonly text: string;
  /** Whoever creates the container is not done with it. */
  readonly isBeingMade: boolean;
}

/**
 * The text of state.json and whether it is locked; undefined where there is none. Errors: DamagedRecord; SyscallError
 * where it cannot be read.
 *
 * Order: the lock first, of the very file that is read. Free, it stays so, and the text is what the creator left; the other
 * way round a record without a process could be followed by a lock that its creator has let go of meanwhile.
 * @param path for messages
 */
export function lookAtRecord(directory: number, path: string): RecordLook | undefined {
  const fd = sys("openat", directory, recordFile, flags(`O_RDONLY|${cautiously}`));
  if (fd < 0) {
    const name = errnoName(-fd);
    if (name === "ENOENT") return undefined;
    // A link; a socket, or a device that nobody drives.
    if (name === "ELOOP" || name === "ENXIO" || name === "ENODEV")
      throw new DamagedRecord(path, "it is no ordinary file");
    throw syscallError(`open "${recordFile}"`, -fd);
  }
  try {
    const { type, uid, mode, sizeBytes } = factsOf(fd);
    if (type !== S_IFREG) throw new DamagedRecord(path, "it is no ordinary file");
    if (uid !== sys("geteuid") || (mode & 0o022) !== 0) {
      throw new DamagedRecord(path, `it belongs to user ${uid}, mode 0${mode.toString(8)}`);
    }
    if (sizeBytes > maxBytes) throw new DamagedRecord(path, `it has ${sizeBytes} bytes`);
    const locked = sys("flock", fd, flags("LOCK_SH|LOCK_NB"));
    if (locked < 0 && errnoName(-locked) !== "EAGAIN") throw syscallError("flock", -locked);
    return { text: textOf(readAll(fd, maxBytes)), isBeingMade: locked < 0 };
  } finally {
    close(fd);
  }
}
