/**
 * Kernel under Deno: the same blob in anonymous memory, reached through function pointers.
 * @module
 */
import { HostError } from "../errors.ts";
import { image } from "../../syscalls/ops.ts";
import { type Kernel, SHIM_WORDS, STACK_BYTES } from "./kernel.ts";
import type { Mapping, Native } from "./native.ts";

/** What we use of Deno's FFI; the real types need Deno's library, which the type check does without. */
interface DenoFfi {
  dlopen(name: string, symbols: object): { symbols: Record<string, (...args: unknown[]) => number | bigint> };
  UnsafePointer: {
    create(address: number | bigint): object;
    of(view: Uint8Array): object;
    value(pointer: object): number | bigint;
  };
  UnsafePointerView: { getArrayBuffer(pointer: object, length: number): ArrayBuffer };
  UnsafeFnPointer: new (pointer: object, definition: object) => { call(...args: unknown[]): number | bigint };
}

/** Maps the shim and wraps its entries. */
export function loadKernel(native: Native, prot: Mapping): Kernel {
  const deno = (globalThis as unknown as { Deno: DenoFfi }).Deno;
  const words = (count: number) => Array.from({ length: count }, () => "i64");
  const libc = deno.dlopen("libc.so.6", { syscall: { parameters: words(7), result: "i64" } }).symbols;
  const syscall = (...args: number[]): number => Number(libc["syscall"]!(...args));
  const code = Uint8Array.from(atob(native.shim), (c) => c.charCodeAt(0));
  const codeBytes = image.SHIM_DATA;
  if (code.length > codeBytes) throw new HostError("The system call shim does not fit");
  const memory = syscall(prot.mmap, 0, codeBytes + STACK_BYTES, 3, prot.mapFlags, -1, 0);
  if (memory <= 0) throw new HostError("Cannot map memory for the system call shim");
  // SAFETY: the mapping is ours, of at least this length, and never unmapped.
  new Uint8Array(deno.UnsafePointerView.getArrayBuffer(deno.UnsafePointer.create(memory), code.length)).set(code);
  if (syscall(prot.mprotect, memory, codeBytes, 5, 0, 0, 0) !== 0) {
    throw new HostError("Cannot make the system call shim executable");
  }
  const pointer = deno.UnsafePointer.create(memory + native.shimEntries["shim_call"]!);
  const entry = new deno.UnsafeFnPointer(pointer, { parameters: words(7), result: "i64" });
  return {
    call: (...args) => Number(entry.call(...args)),
    address: (view) => Number(deno.UnsafePointer.value(deno.UnsafePointer.of(view))),
    // The lowest words of the writable part are the shim's own (shim_data), far below where a stack starts.
    stack: memory + codeBytes + SHIM_WORDS,
    stackBytes: STACK_BYTES - SHIM_WORDS,
  };
}
