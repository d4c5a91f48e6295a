/**
 * Single system calls of the runtime's own, through the shim: by name, synchronous, the same under Bun and Deno.
 * Input: names, numbers, texts, buffers. Output: value or negative errno (`sys`), or SyscallError (`sysOrThrow`, …).
 * @module
 */
import { arch as hostArch, numbers, shim, shimEntries, stage } from "../../dist/native/host.ts";
import { SyscallError } from "../errors.ts";
import { evaluate, type Tables } from "../program/tables.ts";
import { loadKernel as loadBunKernel } from "./bun.ts";
import { loadKernel as loadDenoKernel } from "./deno.ts";
import { errnoName, errnoText, isTransient } from "./errno.ts";
import type { Kernel } from "./kernel.ts";

export { errnoName, errnoText, isTransient } from "./errno.ts";

/** Architecture this process was built for. */
export const arch: "x86_64" | "aarch64" = hostArch;
/** Numbers of this architecture. */
export const tables: Tables = numbers;
/** The stage's executable, base64, without a program. */
export const stageImage: string = stage;
export const AT_FDCWD = -100;

let loaded: Kernel | undefined;

/** The shim, mapped on first use. */
export function kernel(): Kernel {
  if (loaded !== undefined) return loaded;
  const load = "Deno" in globalThis ? loadDenoKernel : loadBunKernel;
  const mapFlags = flags("MAP_PRIVATE|MAP_ANONYMOUS");
  const native = { shim, shimEntries };
  loaded = load(native, { mmap: tables.nr["mmap"]!, mprotect: tables.nr["mprotect"]!, mapFlags });
  return loaded;
}

/** Value of a flag expression: "O_PATH|O_CLOEXEC". */
export function flags(expression: string): number {
  return evaluate(tables, expression);
}

/** Memory whose address stays: only a view over a whole ArrayBuffer of its own is never moved. */
export function stable(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(length));
}

/** Stable, NUL-terminated copy of a text. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = stable(text.length * 3 + 1);
  encoder.encodeInto(text, bytes);
  return bytes;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

type Argument = number | string | Uint8Array | null;

/** Any system call by its name. Texts become NUL-terminated copies, buffers their address. Value, or -errno. */
export function sys(
  call: string,
  a: Argument = 0,
  b: Argument = 0,
  c: Argument = 0,
  d: Argument = 0,
  e: Argument = 0,
  f: Argument = 0,
): number {
  const k = kernel();
  const result = k.call(tables.nr[call]!, word(a), word(b), word(c), word(d), word(e), word(f));
  if (held.length > 0) held.length = 0;
  return result;
}

/** Buffers of the call that is being made: reachable until it has returned. */
const held: Uint8Array[] = [];

function word(argument: Argument): number {
  if (typeof argument === "number") return argument;
  if (argument === null) return 0;
  const bytes = typeof argument === "string" ? cString(argument) : argument;
  held.push(bytes);
  return kernel().address(bytes);
}

/** Up to six. */
type Arguments = [a?: Argument, b?: Argument, c?: Argument, d?: Argument, e?: Argument, f?: Argument];

/** As `sys`, but an errno becomes a SyscallError that prints the call. */
export function sysOrThrow(call: string, ...args: Arguments): number {
  const result = sys(call, ...args);
  if (result >= 0) return result;
  const shown = args.map((a) => (typeof a === "string" ? JSON.stringify(a) : typeof a === "number" ? String(a) : "…"));
  throw syscallError(`${call}(${shown.join(", ")})`, -result);
}

/** The error of a failed call, in the words of strerror(3). */
export function syscallError(call: string, errno: number): SyscallError {
  return new SyscallError(call, errno, `${call}: ${errnoName(errno)} (${errnoText(errno)})`);
}

/** openat; `mode` for O_CREAT. Always add O_CLOEXEC. Throws SyscallError. */
export function openAt(dirfd: number, path: string, expression: string, mode = 0): number {
  const result = sys("openat", dirfd, path, flags(expression), mode);
  if (result >= 0) return result;
  throw syscallError(`open "${path}"`, -result);
}

/** UTF-8 bytes as text. One decoder for all: each costs start-up time. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Writes an address (or any number below 2^53) as a 64-bit word. */
export function writeAddress(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 4294967296), true);
}

/**
 * Everything from the descriptor's position on, at most maxBytes. Throws SyscallError.
 * @param waits for one with O_NONBLOCK that has nothing yet: whether there is something by now
 */
export function readAll(fd: number, maxBytes = 64 * 1024 * 1024, waits?: (fd: number) => boolean): Uint8Array {
  let buffer = stable(4096);
  let length = 0;
  for (;;) {
    const address = kernel().address(buffer);
    const n = kernel().call(tables.nr["read"]!, fd, address + length, buffer.length - length, 0, 0, 0);
    if (n === -4) continue; // EINTR
    if (n < 0) {
      if (n === -11 /* EAGAIN */ && waits?.(fd) === true) continue;
      throw syscallError(`read(${fd})`, -n);
    }
    if (n === 0) return buffer.subarray(0, length);
    length += n;
    if (length > maxBytes) throw new SyscallError("read", 27, `Cannot read more than ${maxBytes} bytes`);
    if (length === buffer.length) {
      const grown = stable(buffer.length * 4);
      grown.set(buffer);
      buffer = grown;
    }
  }
}

/** A whole file as text, relative to a directory. Throws SyscallError. */
export function readText(dirfd: number, path: string): string {
  const fd = openAt(dirfd, path, "O_RDONLY|O_CLOEXEC");
  try {
    return textOf(readAll(fd));
  } finally {
    close(fd);
  }
}

/**
 * A whole file as text; undefined where there is none that this process may read. Throws SyscallError where that could
 * not be found out (isTransient).
 */
export function tryReadText(path: string): string | undefined {
  try {
    return readText(AT_FDCWD, path);
  } catch (error) {
    if (error instanceof SyscallError && !isTransient(error.errno)) return undefined;
    throw error;
  }
}

/** faccessat2(2) with the effective ids: whether that is allowed. Throws SyscallError where that could not be found out. */
export function mayAccess(path: string, mode: number): boolean {
  const result = sys("faccessat2", AT_FDCWD, path, mode, flags("AT_EACCESS"));
  if (result < 0 && isTransient(-result)) throw syscallError(`faccessat2 "${path}"`, -result);
  return result === 0;
}

/** Target of a symbolic link, or -errno. Throws SyscallError where that could not be found out (isTransient). @param maxBytes where it is known to be short: large memory costs time */
export function readLink(path: string, maxBytes = 4096): string | number {
  const target = stable(maxBytes);
  const length = sys("readlinkat", AT_FDCWD, path, target, target.length);
  if (length < 0 && isTransient(-length)) throw syscallError(`readlink "${path}"`, -length);
  return length < 0 ? length : textOf(target.subarray(0, length));
}

/** Writes all of it. Throws SyscallError. */
export function writeAll(fd: number, data: Uint8Array | string): void {
  let bytes: Uint8Array;
  let length: number;
  if (typeof data === "string") {
    bytes = stable(data.length * 3 + 1);
    length = encoder.encodeInto(data, bytes).written;
  } else {
    bytes = stable(data.length);
    bytes.set(data);
    length = data.length;
  }
  writeStable(fd, bytes, length);
}

/** Writes the first bytes of stable memory, as they lie there. Throws SyscallError. */
export function writeStable(fd: number, bytes: Uint8Array, length: number): void {
  const address = kernel().address(bytes);
  for (let at = 0; at < length;) {
    const n = kernel().call(tables.nr["write"]!, fd, address + at, length - at, 0, 0, 0);
    if (n === -4) continue; // EINTR
    if (n < 0) throw syscallError(`write(${fd})`, -n);
    at += n;
  }
}

/** Closes a descriptor; errors say nothing a caller could act on. */
export function close(fd: number): void {
  if (fd >= 0) sys("close", fd); // ignored: the descriptor is free whatever it answers (close(2))
}

interface Engine {
  Deno?: { env: { get(name: string): string | undefined } };
  process?: { env: Record<string, string | undefined> };
}

/** All of the environment that our caller gave us; the engine's own view has its options in it (syscalls/engine.c). */
export function wholeEnvironment(): string[] {
  return readText(AT_FDCWD, "/proc/self/environ").split("\0").filter(Boolean);
}

/** One variable of the process's environment. */
export function environment(name: string): string | undefined {
  const engine = globalThis as Engine;
  return engine.Deno === undefined ? engine.process?.env[name] : engine.Deno.env.get(name);
}
