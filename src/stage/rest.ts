/**
 * The rest of a stage's program, sent while the stage executes the first part (OP_RECEIVE_REST, syscalls/sync.h).
 * Input: our end of the sync socket, an image. Output: none; what became of the stage, its socket and its pidfd tell.
 * @module
 */
import type { Image } from "../program/encode.ts";
import { SyscallError } from "../errors.ts";
import { errnoName, errnoText, flags, kernel, stable, sys, tables, writeAddress } from "./sys.ts";

const EINTR = 4;
const EAGAIN = 11;
const EPIPE = 32;
const EMSGSIZE = 90;
const ECONNRESET = 104;
/** Far below what a socket takes at once, unless somebody has lowered net.core.wmem_default, whose least is above half. */
const PACKET_BYTES = 8192;

/**
 * Sends it. A stage that ends before it has read everything ends the sending. Errors: SyscallError, where the stage waits
 * for what cannot be sent.
 * @param pidfd of the stage
 */
export function sendRest(sync: number, pidfd: number, { bytes }: Image): void {
  const length = stable(8);
  writeAddress(new DataView(length.buffer), 0, bytes.length);
  const k = kernel();
  if (sendPacket(sync, pidfd, k.address(length), length.length) === 0) return;
  const start = k.address(bytes);
  for (let at = 0; at < bytes.length;) {
    const sent = sendPacket(sync, pidfd, start + at, bytes.length - at);
    if (sent === 0) return;
    at += sent;
  }
}

/** One packet: bytes sent; 0: nobody will read it. */
function sendPacket(sync: number, pidfd: number, address: number, length: number): number {
  const how = flags("MSG_NOSIGNAL|MSG_DONTWAIT");
  let most = Math.min(PACKET_BYTES, length);
  for (;;) {
    const n = kernel().call(tables.nr["sendto"]!, sync, address, most, how, 0, 0);
    if (n >= 0) return n;
    if (n === -EPIPE || n === -ECONNRESET) return 0;
    if (n === -EAGAIN) {
      if (!hasRoom(sync, pidfd)) return 0;
    } else if (n === -EMSGSIZE && most > PACKET_BYTES / 4) most >>= 1;
    else if (n !== -EINTR) throw notSent(-n);
  }
}

const notSent = (errno: number): SyscallError =>
  new SyscallError(
    "sendto",
    errno,
    `Cannot send the stage the rest of its program: ${errnoName(errno)} (${errnoText(errno)})`,
  );

/** Waits until the socket takes more; false: the stage has ended. Our side holds the stage's end of it, too. */
function hasRoom(sync: number, pidfd: number): boolean {
  const poll = stable(16);
  const view = new DataView(poll.buffer);
  view.setInt32(0, sync, true);
  view.setInt16(4, flags("POLLOUT"), true);
  view.setInt32(8, pidfd, true);
  view.setInt16(12, flags("POLLIN"), true);
  const n = sys("ppoll", poll, 2, null, null, 0);
  if (n < 0 && n !== -EINTR) throw notSent(-n);
  return view.getInt16(14, true) === 0;
}
