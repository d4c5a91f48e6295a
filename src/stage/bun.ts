/**
 * Kernel under Bun. The shim is copied into anonymous memory: no file, no memfd, no name that a hostile working
 * directory could offer (dlopen of an embedded file would write it to /tmp, dlopen of a name tries ./name).
 * @module
 */
import { dlopen, linkSymbols, ptr, toArrayBuffer } from "bun:ffi";
import { HostError } from "../errors.ts";
import { image } from "../../syscalls/ops.ts";
import { type Kernel, SHIM_WORDS, STACK_BYTES } from "./kernel.ts";
import type { Native } from "./native.ts";

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
  const codeBytes = image.SHIM_DATA;
  if (code.length > codeBytes) throw new HostError("The system call shim does not fit");
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
    noteSignals: { args: [WORD, WORD], returns: RESULT, ptr: at("shim_note_signals") },
  }).symbols as unknown as Pick<Kernel, "call" | "run" | "spawn" | "noteSignals">;
  return {
    call: symbols.call,
    run: symbols.run,
    spawn: symbols.spawn,
    noteSignals: symbols.noteSignals,
    address: (view) => ptr(view) as unknown as number,
    // The lowest words of the writable part are the shim's own (shim_data), far below where a stack starts.
    stack: memory + codeBytes + SHIM_WORDS,
    stackBytes: STACK_BYTES - SHIM_WORDS,
  };
}
