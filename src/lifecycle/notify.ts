/**
 * Passes on to the service manager that a container is ready (sd_notify(3)), as `run` and `start` of runc do.
 * Input: the container's state directory, its process. Output: nothing; whoever called us waits as long.
 * @module
 */
import { SyscallError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { notifyDirectory, notifyName } from "../plan/notify.ts";
import { bindDatagram, connectDatagram, waitForAny } from "../stage/sockets.ts";
import { sendFd } from "../stage/send_fd.ts";
import {
  close,
  environment,
  errnoName,
  flags,
  openAt,
  stable,
  sys,
  sysOrThrow,
  syscallError,
  textOf,
} from "../stage/sys.ts";
import type { StateDirectory } from "../state/directory.ts";

/** sd_notify_barrier(3): how long the manager may take to have read what we told it. */
const barrierMs = 5000;
const messageBytes = 4096;
const EINTR = 4;

/** The manager's socket; undefined: nobody wants to know. */
export function managerSocket(): string | undefined {
  const path = environment("NOTIFY_SOCKET");
  return path === undefined || path === "" ? undefined : path;
}

/** Makes the directory that the container will see. */
export function makeNotifyDirectory({ fd }: StateDirectory): void {
  sysOrThrow("mkdirat", fd, notifyDirectory, 0o755);
  // Whatever the caller's umask.
  sysOrThrow("fchmodat", fd, notifyDirectory, 0o755);
}

/** The socket in it, before the program runs. */
export function listenNotify({ fd }: StateDirectory): number {
  const directory = openAt(fd, notifyDirectory, "O_PATH|O_DIRECTORY|O_CLOEXEC");
  try {
    const socket = bindDatagram(directory, notifyName);
    // Whatever user the program runs as.
    sysOrThrow("fchmodat", directory, notifyName, 0o777);
    return socket;
  } finally {
    close(directory);
  }
}

/**
 * Waits for READY=1 and tells the manager, with the pid it has not seen being made. Ends as well when the process does,
 * or something is to be done meanwhile.
 * @param other descriptor that ends the waiting when it can be read, -1: none
 */
export function passReady(log: Logger, socket: number, pidfd: number, pid: number, other: number): void {
  try {
    for (;;) {
      if (waitForAny([socket, pidfd, other], -1) !== 0) return;
      const ready = readyLine(socket);
      if (ready === undefined) continue;
      tell(log, `MAINPID=${pid}\n${ready}\n`);
      return;
    }
  } finally {
    close(socket);
  }
}

function readyLine(socket: number): string | undefined {
  const bytes = stable(messageBytes);
  const length = sys("recvfrom", socket, bytes, messageBytes, 0);
  if (length < 0 && length !== -EINTR) throw syscallError("recvfrom", -length);
  if (length <= 0) return undefined;
  for (const line of textOf(bytes.subarray(0, length)).split("\n")) if (line.startsWith("READY=")) return line;
  return undefined;
}

function tell(log: Logger, text: string): void {
  const path = managerSocket();
  const fd = path === undefined ? -1 : connectDatagram(path);
  if (fd < 0) {
    log.warn(`Cannot tell "${path ?? ""}" that the container is ready: ${errnoName(-fd)}`);
    return;
  }
  const bytes = new TextEncoder().encode(text);
  const sent = stable(bytes.length);
  sent.set(bytes);
  const result = sys("sendto", fd, sent, sent.length, flags("MSG_NOSIGNAL"), null, 0);
  if (result < 0) log.warn(`Cannot tell "${path}" that the container is ready: ${errnoName(-result)}`);
  else attemptBarrier(log, fd);
  close(fd);
}

/** It is told by now; that the manager has read it is not worth a container that runs. */
function attemptBarrier(log: Logger, fd: number): void {
  try {
    awaitBarrier(fd);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    log.warn(`Cannot wait until the manager has taken notice: ${error.message}`);
  }
}

/** A pipe's end goes along; once the manager has read that far it closes it, and our end notices. Errors: SyscallError. */
function awaitBarrier(fd: number): void {
  const ends = stable(8);
  sysOrThrow("pipe2", ends, flags("O_CLOEXEC"));
  const view = new DataView(ends.buffer);
  const [ours, theirs] = [view.getInt32(0, true), view.getInt32(4, true)];
  const result = sendFd(fd, theirs, "BARRIER=1");
  close(theirs);
  try {
    if (result < 0) throw syscallError("sendmsg", -result);
    // ignored: -1, it takes longer than anybody waits (sd_notify_barrier(3))
    waitForAny([ours], barrierMs);
  } finally {
    close(ours);
  }
}
