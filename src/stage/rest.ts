/**
 * The rest of a stage's program, sent while the stage executes the first part (OP_RECEIVE_REST, syscalls/sync.h).
 * Input: our end of the sync socket, an image. Output: none; what became of the stage, its socket and its pidfd tell.
 * @module
 */
import type { Image } from "../program/encode.ts";
import { flags, kernel, stable, sys, tables, writeAddress } from "./sys.ts";

const EINTR = 4;
const EAGAIN = 11;
/** Far below what a socket takes at once. */
const PACKET_BYTES = 65_536;

/** Sends it. A stage that ends before it has read everything ends the sending. @param pidfd of the stage */
export function sendRest(sync: number, pidfd: number, { bytes }: Image): void {
  const length = stable(8);
  writeAddress(new DataView(length.buffer), 0, bytes.length);
  const k = kernel();
  if (!sendPacket(sync, pidfd, k.address(length), length.length)) return;
  const start = k.address(bytes);
  for (let at = 0; at < bytes.length; at += PACKET_BYTES) {
    if (!sendPacket(sync, pidfd, start + at, Math.min(PACKET_BYTES, bytes.length - at))) return;
  }
}

/** One packet; false: nobody will read it. */
function sendPacket(sync: number, pidfd: number, address: number, length: number): boolean {
  const how = flags("MSG_NOSIGNAL|MSG_DONTWAIT");
  for (;;) {
    const n = kernel().call(tables.nr["sendto"]!, sync, address, length, how, 0, 0);
    if (n >= 0) return true;
    if (n === -EAGAIN && !hasRoom(sync, pidfd)) return false;
    if (n !== -EAGAIN && n !== -EINTR) return false;
  }
}

/** Waits until the socket takes more; false: the stage has ended. Our side holds the stage's end of it, too. */
function hasRoom(sync: number, pidfd: number): boolean {
  const poll = stable(16);
  const view = new DataView(poll.buffer);
  view.setInt32(0, sync, true);
  view.setInt16(4, flags("POLLOUT"), true);
  view.setInt32(8, pidfd, true);
  view.setInt16(12, flags("POLLIN"), true);
  sys("ppoll", poll, 2, null, null, 0);
  return view.getInt16(14, true) === 0;
}
