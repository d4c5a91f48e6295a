/**
 * Kernel under Bun. The shim is copied into anonymous memory: no file, no memfd, no name that a hostile working
 * directory could offer (dlopen of an embedded file would write it to /tmp, dlopen of a name tries ./name).
 * @module
 */
import { HostError } from "../errors.ts";
import { image } from "../../syscalls/ops.ts";
import { type BunFfi, type Call, libc, signature } from "./early.ts";
import { type Kernel, SHIM_WORDS, STACK_BYTES } from "./kernel.ts";
import type { Mapping, Native } from "./native.ts";

/** The native functions return their errors. */
function symbol(library: ReturnType<BunFfi["linkSymbols"]>, name: string): Call {
  if (library instanceof Error) throw new HostError(`Cannot link the system call shim: ${library.message}`);
  return library.symbols[name]!;
}

/** Maps the shim and links its entries. */
export function loadKernel(native: Native, prot: Mapping): Kernel {
  const { FFI: ffi } = (globalThis as unknown as { Bun: { FFI: BunFfi } }).Bun;
  const syscall = symbol(libc!, "syscall");
  const code = Uint8Array.fromBase64(native.shim);
  const codeBytes = image.SHIM_DATA;
  if (code.length > codeBytes) throw new HostError("The system call shim does not fit");
  const memory = syscall(prot.mmap, 0, codeBytes + STACK_BYTES, 3, prot.mapFlags, -1, 0);
  if (memory <= 0) throw new HostError("Cannot map memory for the system call shim");
  // SAFETY: the mapping is ours, of at least this length, and outlives the process's use of the buffer.
  new Uint8Array(ffi.toArrayBuffer(memory, 0, code.length)).set(code);
  if (syscall(prot.mprotect, memory, codeBytes, 5, 0, 0, 0) !== 0)
    throw new HostError("Cannot make the system call shim executable");
  const entry = memory + native.shimEntries["shim_call"]!;
  return {
    call: symbol(ffi.linkSymbols({ call: { ...signature, ptr: entry } }), "call"),
    address: ffi.ptr,
    // The lowest words of the writable part are the shim's own (shim_data), far below where a stack starts.
    stack: memory + codeBytes + SHIM_WORDS,
    stackBytes: STACK_BYTES - SHIM_WORDS,
  };
}
