/**
 * `--pidfd-socket`: the caller receives a descriptor of the process, as from runc. Input: path, descriptor. Output: nothing.
 * @module
 */
import { HostError } from "../errors.ts";
import { sendFd } from "../stage/send_fd.ts";
import { connectStream } from "../stage/sockets.ts";
import { close, errnoName, errnoText } from "../stage/sys.ts";

/** Connects and sends. Errors: HostError that names the socket. */
export function sendPidfd(path: string, pidfd: number): void {
  const socket = connectStream(path);
  const result = socket < 0 ? socket : sendFd(socket, pidfd, "pidfd");
  close(socket);
  if (result >= 0) return;
  throw new HostError(`Cannot send to --pidfd-socket "${path}": ${errnoName(-result)} (${errnoText(-result)})`);
}
