/**
 * Passes on to the service manager that a container is ready (sd_notify(3)), as `run` and `start` of runc do.
 * Input: the container's state directory, its process. Output: nothing; whoever called us waits as long.
 * @module
 */
import type { Logger } from "../log.ts";
import { notifyDirectory, notifyName } from "../plan/notify.ts";
import { bindDatagram, connectDatagram, waitForAny } from "../stage/sockets.ts";
import { sendFd } from "../stage/send_fd.ts";
import { close, environment, errnoName, flags, openAt, stable, sys, textOf } from "../stage/sys.ts";
import type { StateDirectory } from "../state/directory.ts";

/** sd_notify_barrier(3): how long the manager may take to have read what we told it. */
const barrierMs = 5000;
const messageBytes = 4096;

/** The manager's socket; undefined: nobody wants to know. */
export function managerSocket(): string | undefined {
  const path = environment("NOTIFY_SOCKET");
  return path === undefined || path === "" ? undefined : path;
}

/** Makes the directory that the container will see. */
export function makeNotifyDirectory({ fd }: StateDirectory): void {
  sys("mkdirat", fd, notifyDirectory, 0o755);
  sys("fchmodat", fd, notifyDirectory, 0o755);
}

/** The socket in it, before the program runs. */
export function listenNotify({ fd }: StateDirectory): number {
  const directory = openAt(fd, notifyDirectory, "O_PATH|O_DIRECTORY|O_CLOEXEC");
  const socket = bindDatagram(directory, notifyName);
  // Whatever user the program runs as.
  sys("fchmodat", directory, notifyName, 0o777);
  close(directory);
  return socket;
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
  else awaitBarrier(fd);
  close(fd);
}

/** A pipe's end goes along; once the manager has read that far it closes it, and our end notices. */
function awaitBarrier(fd: number): void {
  const ends = stable(8);
  if (sys("pipe2", ends, flags("O_CLOEXEC")) < 0) return;
  const view = new DataView(ends.buffer);
  const [ours, theirs] = [view.getInt32(0, true), view.getInt32(4, true)];
  const result = sendFd(fd, theirs, "BARRIER=1");
  close(theirs);
  if (result >= 0) waitForAny([ours], barrierMs);
  close(ours);
}
