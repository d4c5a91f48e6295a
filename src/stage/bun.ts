/**
 * Kernel under Bun. The shim is copied into anonymous memory: no file, no memfd, no name that a hostile working
 * directory could offer (dlopen of an embedded file would write it to /tmp, dlopen of a name tries ./name).
 * @module
 */
import { dlopen, linkSymbols, ptr, toArrayBuffer } from "bun:ffi";
import { HostError } from "../errors.ts";
import { image } from "../../syscalls/ops.ts";
import { type Kernel, SHIM_WORDS, STACK_BYTES } from "./kernel.ts";
import type { Mapping, Native } from "./native.ts";

/** "ptr" takes plain numbers of any size, and is the cheapest conversion. */
const SEVEN = ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr", "ptr"] as const;
/** A number where it fits (it always does: values and -errno); the published types know only the enumeration. */
const RESULT = "i64_fast" as "i64";

/** Maps the shim and links its entries. */
export function loadKernel(native: Native, prot: Mapping): Kernel {
  // libc is in the process already: the loader finds it by its name without opening anything.
  const libc = dlopen("libc.so.6", { syscall: { args: SEVEN, returns: RESULT } }).symbols;
  const syscall = libc.syscall as unknown as (...args: number[]) => number;
  const code = Uint8Array.fromBase64(native.shim);
  const codeBytes = image.SHIM_DATA;
  if (code.length > codeBytes) throw new HostError("The system call shim does not fit");
  const memory = syscall(prot.mmap, 0, codeBytes + STACK_BYTES, 3, prot.mapFlags, -1, 0);
  if (memory <= 0) throw new HostError("Cannot map memory for the system call shim");
  // SAFETY: the mapping is ours, of at least this length, and outlives the process's use of the buffer.
  new Uint8Array(toArrayBuffer(memory as never, 0, code.length)).set(code);
  if (syscall(prot.mprotect, memory, codeBytes, 5, 0, 0, 0) !== 0) throw new HostError("Cannot make the system call shim executable");
  const entry = (memory + native.shimEntries["shim_call"]!) as never;
  const { call } = linkSymbols({ call: { args: SEVEN, returns: RESULT, ptr: entry } }).symbols;
  return {
    call: call as unknown as Kernel["call"],
    address: (view) => ptr(view) as unknown as number,
    // The lowest words of the writable part are the shim's own (shim_data), far below where a stack starts.
    stack: memory + codeBytes + SHIM_WORDS,
    stackBytes: STACK_BYTES - SHIM_WORDS,
  };
}
