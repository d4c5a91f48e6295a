/**
 * The FFI seam as the rest sees it: one interface, three calls into the shim. bun.ts and deno.ts implement it.
 * Everything is synchronous. Memory handed over must be stable: a view over a whole ArrayBuffer of its own.
 * @module
 */

export interface Kernel {
  /** Any system call: value, or -errno. Arguments are plain numbers (addresses among them). */
  call(nr: number, a: number, b: number, c: number, d: number, e: number, f: number): number;
  /** Runs a program image at an address in this process; 0 or -errno, details in the report. */
  run(image: number, report: number): number;
  /** clone3 + execveat of the stage: its pid, or -errno. */
  spawn(args: number): number;
  /** Signals of the set (bit n-1 for signal n) become bytes in the pipe fd; 0 or -errno. */
  noteSignals(fd: number, set: number): number;
  /** Address of a view's first byte. */
  address(view: Uint8Array): number;
  /** Address of 64 KB of memory of the shim's own, for a child's stack. */
  readonly stack: number;
  readonly stackBytes: number;
}

/** Bytes at the start of the writable memory that are the shim's. */
export const SHIM_WORDS = 64;

/** Stack of a child before it becomes the stage, or of a hook. */
export const STACK_BYTES = 65536;
