/**
 * What must be done before anything else of ours is loaded, under Bun: main.ts imports it first. Deno does without.
 *
 * Old seccomp profiles answer clone3 with EPERM, and glibc (from 2.34 on) makes no thread then; on ENOSYS it goes on with
 * clone(2). The engine ends by abort(3) when it cannot have a thread, which it wants as soon as its heap grows. Of several
 * filters with an errno the newest one's counts (seccomp(2)): one of ours says ENOSYS, before it comes to that.
 * The container inherits it, as it does the profile.
 * @module
 */
import { arch } from "../../dist/native/host.ts";

export type Call = (...args: readonly number[]) => number;

/** What we use of Bun's FFI. */
export interface BunFfi {
  dlopen(name: string, symbols: object): Error | { readonly symbols: Readonly<Record<string, Call>> };
  linkSymbols(symbols: object): Error | { readonly symbols: Readonly<Record<string, Call>> };
  ptr(view: Uint8Array): number;
  toArrayBuffer(address: number, offset: number, length: number): ArrayBuffer;
}

/** "ptr" takes plain numbers of any size, and is the cheapest conversion. The result comes as a plain number too. */
export const signature = { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i64_fast" };

/**
 * The native functions that the module bun:ffi wraps. That module takes 0.6 ms to load, and makes a function that
 * converts arguments for each symbol; ours are numbers already.
 */
const ffi = (globalThis as unknown as { Bun?: { FFI: BunFfi } }).Bun?.FFI;

/** libc is in the process already: the loader finds it by its name without opening anything. Undefined under Deno. */
export const libc = ffi?.dlopen("libc.so.6", { syscall: signature });

/** Numbers and constants by hand: the tables are not loaded yet. */
const prctl = arch === "x86_64" ? 157 : 167;
const seccomp = arch === "x86_64" ? 317 : 277;
const write = arch === "x86_64" ? 1 : 64;
const exitGroup = arch === "x86_64" ? 231 : 94;
const clone3 = 435;
const PR_GET_SECCOMP = 21;
const SECCOMP_SET_MODE_FILTER = 1;
const EPERM = 1;

/** BPF, four instructions of code, jumps and operand: load the call's number; clone3: ENOSYS; anything else: allowed. */
const program = [0x20, 0, 0x0100_0015, clone3, 0x06, 0x0005_0026, 0x06, 0x7fff_0000];

const message =
  "bunker: Cannot run here: a seccomp filter answers clone3 with EPERM, so no program of a newer C library can have threads\n" +
  "  because    it takes CAP_SYS_ADMIN to make it answer ENOSYS, which they understand\n" +
  "  try        a seccomp profile that allows clone3, or answers it with ENOSYS\n";

function overrideFilter(engine: BunFfi, call: Call): void {
  if (call(clone3, 0, 0, 0, 0, 0, 0) !== -1 || errno(engine) !== EPERM) return;
  const words = new Uint32Array(new ArrayBuffer(8 * program.length + 16));
  words.set(program, 4);
  const address = engine.ptr(new Uint8Array(words.buffer));
  words[0] = program.length / 2;
  words[2] = (address + 16) % 4_294_967_296;
  words[3] = Math.floor((address + 16) / 4_294_967_296);
  if (call(seccomp, SECCOMP_SET_MODE_FILTER, 0, address, 0, 0, 0) === 0) return;
  const text = new TextEncoder().encode(message);
  const bytes = new Uint8Array(new ArrayBuffer(text.length));
  bytes.set(text);
  call(write, 2, engine.ptr(bytes), bytes.length, 0, 0, 0);
  call(exitGroup, 1, 0, 0, 0, 0, 0);
}

/** errno of the C library's last call. */
function errno(engine: BunFfi): number {
  const library = engine.dlopen("libc.so.6", { __errno_location: { args: [], returns: "i64_fast" } });
  if (library instanceof Error) return 0;
  return new Int32Array(engine.toArrayBuffer(library.symbols["__errno_location"]!(), 0, 4))[0]!;
}

if (ffi !== undefined && libc !== undefined && !(libc instanceof Error)) {
  const call = libc.symbols["syscall"]!;
  // Mostly there is no filter, and then the function is not entered.
  if (call(prctl, PR_GET_SECCOMP, 0, 0, 0, 0, 0) > 0) overrideFilter(ffi, call);
}
