/**
 * The FFI seam as the rest sees it: one entry into the shim and addresses. bun.ts and deno.ts implement it.
 * Everything is synchronous. Memory handed over must be stable: a view over a whole ArrayBuffer of its own.
 * @module
 */

export interface Kernel {
  /**
   * Any system call by its number: value, or -errno. Numbers from SHIM_RUN on (ops.ts) are the shim's own services:
   * SHIM_RUN(image, report), SHIM_SPAWN(struct spawn, stack, its size), SHIM_CLONE, SHIM_BORN, SHIM_RELEASE and SHIM_SPAWNED (the same
   * struct), SHIM_HEAR(socket), SHIM_LEAVE(struct leave),
   * SHIM_HOLD_SIGNALS(),
   * SHIM_PROBE_MOUNTS(stack, its size).
   * Arguments are plain numbers, addresses among them.
   */
  call(nr: number, a: number, b: number, c: number, d: number, e: number, f: number): number;
  /** Address of a view's first byte. */
  address(view: Uint8Array): number;
  /** Address of memory of the shim's own, for the stacks of its thread and children. */
  readonly stack: number;
  readonly stackBytes: number;
}

/** Bytes at the start of the writable memory that are the shim's. */
export const SHIM_WORDS = 64;

/** Stacks of the thread, of the process in between and of the child, before it becomes the stage: only what is used is there. */
export const STACK_BYTES = 0x30000;
