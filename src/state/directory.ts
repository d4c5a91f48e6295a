/**
 * One container's state directory: made, opened, locked, read, written and removed, all by descriptor.
 * Input: root, id. Output: StateDirectory.
 *
 * Who may do what: `mkdir` decides between two creators of one id, for it is atomic; the directory's own lock is held by
 * whoever changes the container, and the kernel lets go of it when that process dies; state.json gets its name when it is
 * whole and locked by its creator until that is done, and is only added to, so readers need no lock. A directory with a free
 * lock and no state.json, or one that is not locked with pid 0 in it, is what an interrupted create left. As few files as
 * possible: the kernel takes its time for each on some filesystems.
 * @module
 */
import { HostError, SyscallError } from "../errors.ts";
import type { DeviceRule } from "../spec/types.ts";
import { bindDatagram, connectDatagramAt } from "../stage/sockets.ts";
import { AT_FDCWD, close, errnoName, flags, openAt, sys, syscallError, tryReadText, writeAll } from "../stage/sys.ts";
import { emptyDirectory, factsOf, makeDirectories, namesIn } from "./folder.ts";
import { checkId } from "./id.ts";
import { sleep } from "./process.ts";
import { parseRecord, printDeviceRules, printProcess, type SeenRecord } from "./record.ts";
import { cautiously, lookAtRecord, recordFile } from "./record_file.ts";

/** Locked by the operation that changes the container: the directory itself. */
const lockFile = ".";
/** Held by the first process of a container that `create` made until it executes the user's program: somebody answers. */
const createdSocket = "created";
const ENOENT = 2;
const ECONNREFUSED = 111;

export interface StateDirectory {
  readonly id: string;
  /** `<root>/<id>`, for messages. */
  readonly path: string;
  /** Of `<root>`. */
  readonly rootFd: number;
  /** Of the directory itself. */
  readonly fd: number;
  /** The lock, while this process holds it. */
  lock: number | undefined;
  /** state.json, open for adding to it and locked, in the process that wrote it. */
  record: number | undefined;
}

const openDirectory = "O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC";

/** How often a `delete --force` may come first. */
const youngTries = 10;

/** Makes the directory for a new container and locks it; a taken id is an error. */
export function createStateDirectory(root: string, id: string): StateDirectory {
  checkId(id);
  for (let tries = 0; tries < youngTries; tries++) {
    const directory = makeAndLock(root, id);
    if (directory !== undefined) return directory;
  }
  throw new HostError(`Container "${id}" was deleted while it was being created`);
}

/**
 * As createStateDirectory; undefined: somebody has removed it before it could be locked. Nobody has a use for one this young
 * but a `delete --force` that takes it for a left-over, which is as if that had come before.
 */
function makeAndLock(root: string, id: string): StateDirectory | undefined {
  const rootFd = openRoot(root, true)!;
  const path = `${root}/${id}`;
  const untrusted = checkRoot(root, rootFd);
  if (untrusted !== undefined) {
    close(rootFd);
    throw untrusted;
  }
  const made = sys("mkdirat", rootFd, id, 0o700);
  if (made < 0) throw notMade(rootFd, id, path, -made);
  const fd = sys("openat", rootFd, id, flags(openDirectory));
  const directory: StateDirectory = { id, path, rootFd, fd, lock: undefined, record: undefined };
  try {
    if (fd < 0 && errnoName(-fd) !== "ENOENT") throw cannot("open", path, syscallError("open", -fd));
    if (fd >= 0) checkOwner(path, fd);
    // Somebody who only asks for the state holds the lock for a moment, too.
    if (fd >= 0 && lockIfThere(directory, youngPatienceMs)) return directory;
  } catch (error) {
    // Ours, and empty still; another one's that has the name by now would not be, or would be refused like this one.
    // ignored: what failed before is told
    sys("unlinkat", rootFd, id, flags("AT_REMOVEDIR"));
    closeStateDirectory(directory);
    throw error;
  }
  closeStateDirectory(directory);
  return undefined;
}

const youngPatienceMs = 1000;
const S_ISVTX = 0o1000;
const S_IWOTH = 0o002;

/**
 * Whoever owns the root may give the containers in it other names, and put something else in their place while they are
 * made: root's containers are not kept in a user's directory, nobody's where everybody may do that. What is there already is
 * looked at one by one (findStateDirectory), so that all but `create` and `run` go on there.
 */
function checkRoot(root: string, fd: number): UntrustedDirectory | undefined {
  const { uid, mode } = factsOf(fd);
  const isOpenToAll = (mode & S_IWOTH) !== 0 && (mode & S_ISVTX) === 0;
  if ((uid === sys("geteuid") || uid === 0) && !isOpenToAll) return undefined;
  return new UntrustedDirectory(root, uid, mode);
}

function notMade(rootFd: number, id: string, path: string, errno: number): HostError {
  close(rootFd);
  if (errnoName(errno) === "EEXIST") return new HostError(`Container "${id}": container with given ID already exists`);
  return cannot("create", path, syscallError("mkdir", errno));
}

/** Opens the directory of an existing container, undefined if there is none. */
export function findStateDirectory(root: string, id: string): StateDirectory | undefined {
  checkId(id);
  const rootFd = openRoot(root, false);
  if (rootFd === undefined) return undefined;
  const path = `${root}/${id}`;
  const fd = sys("openat", rootFd, id, flags(openDirectory));
  if (fd < 0) {
    close(rootFd);
    if (errnoName(-fd) === "ENOENT") return undefined;
    throw cannot("open", path, syscallError("open", -fd));
  }
  const directory: StateDirectory = { id, path, rootFd, fd, lock: undefined, record: undefined };
  try {
    checkOwner(path, fd);
    return directory;
  } catch (error) {
    closeStateDirectory(directory);
    throw error;
  }
}

/** What stands in it is acted upon (pids are killed, hooks are run), so it must be our own work. Errors: HostError. */
function checkOwner(path: string, fd: number): void {
  const { uid, mode } = factsOf(fd);
  if (uid !== sys("geteuid") || (mode & 0o022) !== 0) throw new UntrustedDirectory(path, uid, mode);
}

/** A state directory that others could have written to. */
export class UntrustedDirectory extends HostError {
  override name = "UntrustedDirectory";
  constructor(path: string, uid: number, mode: number) {
    super(`State directory "${path}" is not trustworthy: owned by user ${uid}, mode 0${mode.toString(8)}`, [
      "try        --root DIR, with a directory of your own",
    ]);
  }
}

/** As findStateDirectory, but a container that is not there is an error; callers match its wording. */
export function openStateDirectory(root: string, id: string): StateDirectory {
  const directory = findStateDirectory(root, id);
  if (directory !== undefined) return directory;
  throw noSuchContainer(id, root);
}

/** The error for an unknown id. */
export function noSuchContainer(id: string, root: string): HostError {
  return new HostError(`Container "${id}": container does not exist`, [`because    "${root}" has no state of it`]);
}

/** Ids below the root, sorted; none if there is no root yet. */
export function listIds(root: string): string[] {
  const rootFd = openRoot(root, false);
  if (rootFd === undefined) return [];
  try {
    return namesIn(rootFd)
      .filter((name) => !name.startsWith("."))
      .sort();
  } finally {
    close(rootFd);
  }
}

/** Whether it has no name any more: the container was deleted. */
export function isRemoved(directory: StateDirectory): boolean {
  return factsOf(directory.fd).links === 0;
}

/** As lockIfThere, but a container that was removed meanwhile is an error. */
export function lockStateDirectory(directory: StateDirectory, milliseconds: number): void {
  if (lockIfThere(directory, milliseconds)) return;
  throw noSuchContainer(directory.id, directory.path.slice(0, -directory.id.length - 1));
}

/**
 * Takes the lock, waiting for whoever has it; false: the container was removed meanwhile. Throws when the time is over.
 * Waiting is done by asking again: a lock wait in the kernel has no time limit.
 */
export function lockIfThere(directory: StateDirectory, milliseconds: number): boolean {
  for (let waited = 0; ; waited += lockPollMs) {
    const outcome = takeLock(directory);
    if (outcome !== "busy") return outcome === "taken";
    if (waited >= milliseconds) {
      throw new HostError(
        `Container "${directory.id}" is busy: another operation has held its lock for ${milliseconds / 1000} s`,
        [`because    a create, start or delete of it has not ended yet${lockHolder(directory)}`],
      );
    }
    sleep(lockPollMs);
  }
}

const lockPollMs = 10;

/** ": process 123", by proc_locks(5); "" where that does not tell. */
function lockHolder(directory: StateDirectory): string {
  const fd = sys("openat", directory.fd, lockFile, flags(openDirectory));
  if (fd < 0) return "";
  const { inode } = factsOf(fd);
  close(fd);
  // "1: FLOCK  ADVISORY  WRITE 123 00:18:4567 0 EOF"
  const line = tryReadText("/proc/locks")
    ?.split("\n")
    .find((text) => text.includes(" FLOCK ") && text.includes(`:${inode} `));
  const pid = line === undefined ? "" : line.trim().split(/\s+/)[4]!;
  return pid === "" ? "" : `: process ${pid}`;
}

/** True if somebody else changes the container right now. Errors: HostError where that cannot be found out. */
export function isLocked(directory: StateDirectory): boolean {
  const fd = sys("openat", directory.fd, lockFile, flags(`O_RDONLY|${cautiously}`));
  if (fd < 0 && errnoName(-fd) === "ENOENT") return false;
  if (fd < 0) throw cannot("ask for the lock of", directory.path, syscallError("open", -fd));
  const result = sys("flock", fd, flags("LOCK_SH|LOCK_NB"));
  close(fd);
  if (result < 0 && errnoName(-result) !== "EAGAIN") {
    throw cannot("ask for the lock of", directory.path, syscallError("flock", -result));
  }
  return result < 0;
}

/** Lets go of the lock of state.json: whoever reads it sees a container that is made. */
export function unlockRecord({ record }: StateDirectory): void {
  sys("flock", record!, flags("LOCK_UN"));
}

/**
 * Whether the first process of a container that is made has still to execute the user's program, if it lives.
 * Errors: HostError.
 */
export function isWaiting(directory: StateDirectory): boolean {
  const result = connectDatagramAt(directory.fd, createdSocket);
  if (result >= 0) {
    close(result);
    return true;
  }
  // ECONNREFUSED: nobody has it any more.
  if (result === -ENOENT || result === -ECONNREFUSED) return false;
  throw cannot("ask for the state of", directory.path, syscallError(`connect "${createdSocket}"`, -result));
}

/**
 * Binds `created` for the container's process to inherit; the descriptor. No file: others may be in the same pid namespace
 * or enter it (exec), take it (pidfd_getfd), and open what a file's descriptor leads to again (/proc/self/fd), or what lies
 * beside it (open_by_handle_at). Throws SyscallError.
 */
export function bindCreatedSocket(directory: StateDirectory): number {
  return bindDatagram(directory.fd, createdSocket);
}

/**
 * The record; undefined where none was written yet (or none is left). Errors: DamagedRecord by its content alone;
 * HostError where it cannot be read, which says nothing of it.
 */
export function readRecord(directory: StateDirectory): SeenRecord | undefined {
  const path = `${directory.path}/${recordFile}`;
  try {
    const look = lookAtRecord(directory.fd, path);
    if (look === undefined) return undefined;
    return { record: parseRecord(look.text, directory.id, path), text: look.text, isBeingMade: look.isBeingMade };
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new HostError(`Cannot read state file "${path}": ${error.message}`);
  }
}

/**
 * Writes state.json of a new container: readers see no file or the whole. Only with the lock held. The file is locked, too,
 * until the container is made, or executes where the same command starts it. Its descriptor is never the container's.
 */
export function writeRecord(directory: StateDirectory, text: string): void {
  const fresh = `${recordFile}.new`;
  const fd = openAt(directory.fd, fresh, "O_WRONLY|O_APPEND|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC", 0o600);
  directory.record = fd;
  const locked = sys("flock", fd, flags("LOCK_EX"));
  if (locked < 0) throw syscallError("flock", -locked);
  writeAll(fd, text);
  const result = sys("renameat", directory.fd, fresh, directory.fd, recordFile);
  if (result < 0) throw syscallError(`rename "${recordFile}"`, -result);
}

/** Adds the container's process to the state.json that this process wrote: readers see none of it or the whole. */
export function addProcess(directory: StateDirectory, pid: number, startTime: number): void {
  writeAll(directory.record!, printProcess(pid, startTime));
}

/** Adds device rules in force to state.json; null: they are about to change. Only with the lock held. */
export function addDeviceRules(directory: StateDirectory, rules: readonly DeviceRule[] | null): void {
  const fd = openAt(directory.fd, recordFile, `O_WRONLY|O_APPEND|${cautiously}`);
  try {
    writeAll(fd, printDeviceRules(rules));
  } finally {
    close(fd);
  }
}

/** Removes the directory, state.json as the last file: an interrupted removal can be made again. */
export function removeStateDirectory(directory: StateDirectory): void {
  emptyDirectory(directory.fd, [recordFile]);
  const result = sys("unlinkat", directory.rootFd, directory.id, flags("AT_REMOVEDIR"));
  if (result < 0 && errnoName(-result) !== "ENOENT")
    throw cannot("remove", directory.path, syscallError("rmdir", -result));
}

/** Lets go of the descriptors, and so of the locks: who gets the directory's finds a container that is made. */
export function closeStateDirectory(directory: StateDirectory): void {
  if (directory.record !== undefined) close(directory.record);
  if (directory.lock !== undefined) close(directory.lock);
  directory.lock = undefined;
  directory.record = undefined;
  close(directory.fd);
  close(directory.rootFd);
}

/** Opens the root, making it if asked; undefined if it is not there. */
function openRoot(root: string, make: boolean): number | undefined {
  const fd = sys("openat", AT_FDCWD, root, flags("O_RDONLY|O_DIRECTORY|O_CLOEXEC"), 0);
  return fd >= 0 ? fd : makeRoot(root, make);
}

function makeRoot(root: string, make: boolean): number | undefined {
  const open = () => openAt(AT_FDCWD, root, "O_RDONLY|O_DIRECTORY|O_CLOEXEC");
  try {
    return open();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    if (errnoName(error.errno) !== "ENOENT") throw cannot("open", root, error);
    if (!make) return undefined;
  }
  try {
    makeDirectories(root, 0o700);
    return open();
  } catch (error) {
    throw error instanceof SyscallError ? cannot("create", root, error) : error;
  }
}

function cannot(verb: string, path: string, error: SyscallError): HostError {
  return new HostError(`Cannot ${verb} state directory "${path}": ${error.message}`, [
    "try        --root DIR, with a directory of your own",
  ]);
}

/** Tries once. `removed`: the directory is gone, and its name may be another container's by now. */
function takeLock(directory: StateDirectory): "taken" | "busy" | "removed" {
  // A descriptor of its own: closing it lets go of the lock.
  const fd = sys("openat", directory.fd, lockFile, flags(openDirectory));
  if (fd < 0 && errnoName(-fd) === "ENOENT") return "removed";
  if (fd < 0) throw cannot("lock", directory.path, syscallError("open", -fd));
  const locked = sys("flock", fd, flags("LOCK_EX|LOCK_NB"));
  if (locked < 0) {
    close(fd);
    if (errnoName(-locked) !== "EAGAIN") throw cannot("lock", directory.path, syscallError("flock", -locked));
    return "busy";
  }
  directory.lock = fd;
  // The lock's last holder may have removed it.
  return isRemoved(directory) ? "removed" : "taken";
}
