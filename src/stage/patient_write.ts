/**
 * Writing to somebody who may not read. Input: a descriptor that others share, text, a time. Output: how far it came.
 * O_NONBLOCK cannot be set for it: the flag is its other users', too. So it is asked before each piece, and no piece is
 * larger than what a pipe that has room takes at once (PIPE_BUF, pipe(7)).
 * @module
 */
import { flags, kernel, stable, sys, tables, writeAddress } from "./sys.ts";

const PIPE_BUF = 4096;
const EINTR = 4;
const EAGAIN = 11;
const EPIPE = 32;

/**
 * Writes all of it: 0, or -errno; -EAGAIN once nobody has taken anything for that long.
 * @param milliseconds Infinity: as long as it takes
 */
export function writeWithin(fd: number, text: string, milliseconds: number): number {
  const bytes = stable(text.length * 3);
  const length = new TextEncoder().encodeInto(text, bytes).written;
  const k = kernel();
  const start = k.address(bytes);
  for (let at = 0; at < length;) {
    if (!hasRoom(fd, milliseconds)) return -EAGAIN;
    const n = k.call(tables.nr["write"]!, fd, start + at, Math.min(PIPE_BUF, length - at), 0, 0, 0);
    // EAGAIN: somebody else was faster, on a descriptor that does not wait.
    if (n === -EINTR || n === -EAGAIN) continue;
    if (n === -EPIPE) forgetSignal();
    if (n < 0) return n;
    at += n;
  }
  return 0;
}

/**
 * In the foreground signals are held for the container (hold_signals.ts), and the SIGPIPE of a write of ours would be
 * passed on to it as one of them: taken back, it is nobody's.
 */
function forgetSignal(): void {
  const set = stable(8);
  writeAddress(new DataView(set.buffer), 0, 2 ** (flags("SIGPIPE") - 1));
  // ignored: EAGAIN, it is not held, and has its way or is ignored
  sys("rt_sigtimedwait", set, null, stable(16), set.length);
}

/** What is no pipe, terminal or socket always has room; where its reader is gone the write says so. */
function hasRoom(fd: number, milliseconds: number): boolean {
  const poll = stable(8);
  const view = new DataView(poll.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, flags("POLLOUT"), true);
  // The kernel leaves in it what is left of the time.
  const left = stable(16);
  const isEndless = milliseconds === Infinity;
  if (!isEndless) {
    writeAddress(new DataView(left.buffer), 0, Math.floor(milliseconds / 1000));
    writeAddress(new DataView(left.buffer), 8, (milliseconds % 1000) * 1_000_000);
  }
  let n: number;
  do n = sys("ppoll", poll, 1, isEndless ? null : left, null, 0);
  while (n === -EINTR);
  return n !== 0;
}
