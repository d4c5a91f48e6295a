/**
 * Kernel under Bun. The shim is copied into anonymous memory: no file, no memfd, no name that a hostile working
 * directory could offer (dlopen of an embedded file would write it to /tmp, dlopen of a name tries ./name).
 * @module
 */
import { dlopen, linkSymbols, ptr, toArrayBuffer } from "bun:ffi";
import { HostError } from "../errors.ts";
import { type Kernel, STACK_BYTES } from "./kernel.ts";
import type { Native } from "./native.ts";

const PAGE = 65536;
const WORD = "ptr";
/** A number where it fits (it always does: values and -errno); the published types know only the enumeration. */
const RESULT = "i64_fast" as "i64";

/** Maps the shim and links its entries. */
export function loadKernel(native: Native, prot: { mapFlags: number }): Kernel {
  // libc is in the process already: the loader finds it by its name without opening anything.
  const libc = dlopen("libc.so.6", {
    mmap: { args: [WORD, WORD, WORD, WORD, WORD, WORD], returns: RESULT },
    mprotect: { args: [WORD, WORD, WORD], returns: RESULT },
  }).symbols as unknown as Record<"mmap" | "mprotect", (...args: number[]) => number>;
  const code = Uint8Array.fromBase64(native.shim);
  const codeBytes = Math.ceil(code.length / PAGE) * PAGE;
  const memory = libc.mmap(0, codeBytes + STACK_BYTES, 3, prot.mapFlags, -1, 0);
  if (memory <= 0) throw new HostError("Cannot map memory for the system call shim");
  // SAFETY: the mapping is ours, of at least this length, and outlives the process's use of the buffer.
  new Uint8Array(toArrayBuffer(memory as never, 0, code.length)).set(code);
  if (libc.mprotect(memory, codeBytes, 5) !== 0) throw new HostError("Cannot make the system call shim executable");
  const at = (name: string) => (memory + native.shimEntries[name]!) as never;
  const symbols = linkSymbols({
    call: { args: [WORD, WORD, WORD, WORD, WORD, WORD, WORD], returns: RESULT, ptr: at("shim_call") },
    run: { args: [WORD, WORD], returns: RESULT, ptr: at("shim_run") },
    spawn: { args: [WORD], returns: RESULT, ptr: at("shim_spawn") },
  }).symbols as unknown as Pick<Kernel, "call" | "run" | "spawn">;
  return {
    call: symbols.call,
    run: symbols.run,
    spawn: symbols.spawn,
    address: (view) => ptr(view) as unknown as number,
    stack: memory + codeBytes,
    stackBytes: STACK_BYTES,
  };
}
