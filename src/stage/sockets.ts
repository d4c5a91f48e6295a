/**
 * Unix sockets of the runtime: the sync socket to a stage, the start socket, the console socket.
 * Input: descriptors, paths. Output: descriptors, packets.
 * @module
 */
import { HostError, SyscallError } from "../errors.ts";
import { records } from "../../syscalls/ops.ts";
import { readRecord, RECORD_BYTES } from "./program.ts";
import {
  close,
  errnoName,
  errnoText,
  flags,
  kernel,
  stable,
  sys,
  sysOrThrow,
  syscallError,
  tables,
  textOf,
  writeAddress,
} from "./sys.ts";

const AF_UNIX = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const EINTR = 4;
const EPIPE = 32;
const ENAMETOOLONG = 36;
const ECONNRESET = 104;
const PACKET_BYTES = 2048;
const PAGE_BYTES = 4096;
/** CMSG_LEN of one descriptor. */
const CMSG_BYTES = 20;

/** A connected pair of packet sockets, both close-on-exec: [runtime's end, stage's end]. */
export function socketPair(): [number, number] {
  const pair = stable(8);
  sysOrThrow("socketpair", AF_UNIX, flags("SOCK_SEQPACKET|SOCK_CLOEXEC"), 0, pair);
  const view = new DataView(pair.buffer);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}

/**
 * struct sockaddr_un of a path; a longer one must be shortened by the caller (sun_path has 108 bytes). Errors: SyscallError
 * where it does not fit: a part of a name is another socket's.
 */
function address(path: string): Uint8Array {
  const bytes = stable(110);
  bytes[0] = AF_UNIX;
  const { read } = new TextEncoder().encodeInto(path, bytes.subarray(2, 109));
  if (read < path.length) throw syscallError(`connect "${path}"`, ENAMETOOLONG);
  return bytes;
}

/** A path of any length as one that fits a socket address: through a descriptor of its directory. */
function withShortPath<T>(dirfd: number, name: string, use: (address: Uint8Array) => T): T {
  return use(address(`/proc/self/fd/${dirfd}/${name}`));
}

/** A listening packet socket in an open directory; close-on-exec. */
export function listenAt(dirfd: number, name: string): number {
  const fd = sysOrThrow("socket", AF_UNIX, flags("SOCK_SEQPACKET|SOCK_CLOEXEC"), 0);
  // ignored: it throws
  withShortPath(dirfd, name, (bytes) => sysOrThrow("bind", fd, bytes, bytes.length));
  sysOrThrow("listen", fd, 1);
  return fd;
}

/** Connects to a packet socket in an open directory: descriptor, or -errno. */
export function connectAt(dirfd: number, name: string): number {
  return connectIn(dirfd, name, "SOCK_SEQPACKET|SOCK_CLOEXEC");
}

/** As connectAt, to a datagram socket, which does not notice. */
export function connectDatagramAt(dirfd: number, name: string): number {
  return connectIn(dirfd, name, "SOCK_DGRAM|SOCK_CLOEXEC");
}

function connectIn(dirfd: number, name: string, type: string): number {
  const fd = sysOrThrow("socket", AF_UNIX, flags(type), 0);
  const result = withShortPath(dirfd, name, (bytes) => sys("connect", fd, bytes, bytes.length));
  if (result < 0) close(fd);
  return result < 0 ? result : fd;
}

/** Connects to the caller's console socket (a stream). Errors: HostError that names it. */
export function connectConsole(path: string): number {
  const fd = connectStream(path);
  if (fd >= 0) return fd;
  throw new HostError(`Cannot connect to --console-socket "${path}": ${errnoName(-fd)} (${errnoText(-fd)})`);
}

/** Connects to a stream socket: descriptor, or -errno. A path that starts with "@" is an abstract address (unix(7)). */
export function connectStream(path: string): number {
  return connectTo(path, "SOCK_STREAM|SOCK_CLOEXEC");
}

function connectTo(path: string, type: string): number {
  const fd = sysOrThrow("socket", AF_UNIX, flags(type), 0);
  let result: number;
  if (path.startsWith("@")) {
    const bytes = address(`\0${path.slice(1)}`);
    result = sys("connect", fd, bytes, 2 + new TextEncoder().encode(path).length);
  } else {
    const slash = path.lastIndexOf("/");
    const directory = slash < 0 ? "." : slash === 0 ? "/" : path.slice(0, slash);
    const dirfd = sys("openat", flags("AT_FDCWD") | 0, directory, flags("O_PATH|O_DIRECTORY|O_CLOEXEC"), 0);
    const connect = (bytes: Uint8Array): number => sys("connect", fd, bytes, bytes.length);
    result = dirfd < 0 ? dirfd : withShortPath(dirfd, path.slice(slash + 1), connect);
    close(dirfd);
  }
  if (result < 0) close(fd);
  return result < 0 ? result : fd;
}

/** Sends all of it over a stream: 0, or -errno. */
export function sendBytes(fd: number, data: Uint8Array): number {
  const bytes = stable(data.length);
  bytes.set(data);
  const k = kernel();
  const start = k.address(bytes);
  for (let at = 0; at < bytes.length;) {
    const n = k.call(tables.nr["sendto"]!, fd, start + at, bytes.length - at, flags("MSG_NOSIGNAL"), 0, 0);
    if (n < 0 && n !== -EINTR) return n;
    if (n > 0) at += n;
  }
  return 0;
}

/** What a stream has, at most a page of it; empty when the peer is gone. Errors: SyscallError. */
export function receiveBytes(fd: number): Uint8Array {
  const bytes = stable(PAGE_BYTES);
  let n: number;
  do n = sys("recvfrom", fd, bytes, PAGE_BYTES, 0);
  while (n === -EINTR);
  if (n < 0 && n !== -ECONNRESET) throw syscallError("recvfrom", -n);
  return bytes.subarray(0, Math.max(0, n));
}

/** Waits until there is something to receive, or the peer is gone; false after `milliseconds`. */
export function waitForBytes(fd: number, milliseconds: number): boolean {
  return waitForAny([fd], milliseconds) >= 0;
}

/** What a stage tells: one record, with the text that came behind a failure. */
export interface Message {
  readonly kind: "post" | "failed" | "branch";
  /** Event, or positive errno. */
  readonly value: number;
  readonly address: number;
  readonly result: number;
  readonly detail: string;
}

/** The next packet's records; empty when the peer is gone. */
export function receive(fd: number): Message[] {
  const bytes = stable(PACKET_BYTES);
  let n: number;
  // ECONNRESET: the peer ended with a message of ours unread. Said once; what it sent before still lies there.
  do n = sys("recvfrom", fd, bytes, PACKET_BYTES, 0);
  while (n === -EINTR || n === -ECONNRESET);
  if (n < 0) throw syscallError("recvfrom", -n);
  const view = new DataView(bytes.buffer);
  const messages: Message[] = [];
  for (let at = 0; at + RECORD_BYTES <= n; at += RECORD_BYTES) {
    const kind = view.getUint16(at, true);
    const { errno: value, address: line, result } = readRecord(view, at);
    const message = { value, address: line, result };
    if (kind === records.RECORD_FAILED) {
      messages.push({
        kind: "failed",
        ...message,
        detail: textOf(bytes.subarray(at + RECORD_BYTES, n)),
      });
      break;
    }
    messages.push({ kind: kind === records.RECORD_POST ? "post" : "branch", ...message, detail: "" });
  }
  return messages;
}

/** Posts an event to the stage; false if it is gone. Errors: SyscallError, where it waits for what cannot be sent. */
export function post(fd: number, event: number): boolean {
  const bytes = stable(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, records.RECORD_POST, true);
  view.setUint16(2, event, true);
  let result: number;
  do result = sys("sendto", fd, bytes, RECORD_BYTES, flags("MSG_NOSIGNAL"));
  while (result === -EINTR);
  if (result >= 0) return true;
  if (result === -EPIPE || result === -ECONNRESET) return false;
  throw notPosted(-result);
}

const notPosted = (errno: number): SyscallError =>
  new SyscallError(
    "sendto",
    errno,
    `Cannot tell the container's first process to go on: ${errnoName(errno)} (${errnoText(errno)})`,
  );

/** Receives one descriptor (SCM_RIGHTS, unix(7)); close-on-exec. Errors: HostError. */
export function receiveFd(fd: number): number {
  const k = kernel();
  const data = stable(64);
  const control = stable(24);
  const part = stable(16);
  const message = stable(56);
  const partView = new DataView(part.buffer);
  writeAddress(partView, 0, k.address(data));
  writeAddress(partView, 8, data.length);
  const view = new DataView(message.buffer);
  writeAddress(view, 16, k.address(part));
  writeAddress(view, 24, 1);
  writeAddress(view, 32, k.address(control));
  writeAddress(view, 40, control.length);
  const n = k.call(tables.nr["recvmsg"]!, fd, k.address(message), flags("MSG_CMSG_CLOEXEC"), 0, 0, 0);
  // Without room for descriptors in this process the message comes alone, and descriptor 0 would be read out of nothing.
  const header = new DataView(control.buffer);
  const holds = view.getUint32(40, true) >= CMSG_BYTES && header.getInt32(8, true) === SOL_SOCKET;
  if (n <= 0 || !holds || header.getInt32(12, true) !== SCM_RIGHTS) {
    const why = n < 0 ? `: ${errnoName(-n)} (${errnoText(-n)})` : "";
    throw new HostError(`Cannot receive the terminal from the container${why}`);
  }
  return header.getInt32(16, true);
}

/** A datagram socket with a name in an open directory; close-on-exec. */
export function bindDatagram(dirfd: number, name: string): number {
  const fd = sysOrThrow("socket", AF_UNIX, flags("SOCK_DGRAM|SOCK_CLOEXEC"), 0);
  // ignored: it throws
  withShortPath(dirfd, name, (bytes) => sysOrThrow("bind", fd, bytes, bytes.length));
  return fd;
}

/** Connects to a datagram socket by its path, or by an abstract name "@…" (unix(7)): descriptor, or -errno. */
export function connectDatagram(path: string): number {
  return connectTo(path, "SOCK_DGRAM|SOCK_CLOEXEC");
}

/**
 * Waits until one of the descriptors has something to read or its other end is gone: its index; -1 after the time.
 * Errors: SyscallError.
 * @param milliseconds -1: for ever. Negative descriptors are left out
 */
export function waitForAny(fds: readonly number[], milliseconds: number): number {
  const poll = stable(8 * fds.length);
  const view = new DataView(poll.buffer);
  for (let i = 0; i < fds.length; i++) {
    view.setInt32(8 * i, fds[i]!, true);
    view.setInt16(8 * i + 4, flags("POLLIN"), true);
  }
  const timeout = stable(16);
  writeAddress(new DataView(timeout.buffer), 0, Math.ceil(milliseconds / 1000));
  let n: number;
  do n = sys("ppoll", poll, fds.length, milliseconds < 0 ? null : timeout, null, 0);
  while (n === -EINTR);
  if (n < 0) throw syscallError("ppoll", -n);
  for (let i = 0; i < fds.length; i++) if (view.getInt16(8 * i + 6, true) !== 0) return i;
  return -1;
}
