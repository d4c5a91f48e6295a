/**
 * clone3 of the stage. Input: the plan's clone3 call and its registers, the stage's file, descriptors to inherit.
 * Output: pid and pidfd.
 * @module
 */
import { SyscallError } from "../errors.ts";
import type { Call, StructValue, Value } from "../plan/types.ts";
import { evaluate } from "../program/tables.ts";
import { ops } from "../../syscalls/ops.ts";
import {
  cString,
  close,
  errnoName,
  errnoText,
  flags,
  kernel,
  stable,
  sys,
  syscallError,
  tables,
  writeAddress,
} from "./sys.ts";

// struct spawn of syscalls/shim.c: clone_args (88 bytes), then eight words.
const CLONE_ARGS_BYTES = 88;
const SPAWN_BYTES = CLONE_ARGS_BYTES + 64;

/** A descriptor that nothing ever has. */
const NO_FILE = 0x7fffffff;

export interface Spawned {
  readonly pid: number;
  readonly pidfd: number;
}

/** A vector of C strings whose memory stays as long as the result is referenced. */
export function vector(texts: readonly string[]): { address: number; keep: Uint8Array[] } {
  const keep: Uint8Array[] = [];
  for (const text of texts) keep.push(cString(text));
  const bytes = stable(8 * (texts.length + 1));
  const view = new DataView(bytes.buffer);
  const k = kernel();
  for (let i = 0; i < keep.length; i++) writeAddress(view, 8 * i, k.address(keep[i]!));
  keep.push(bytes);
  return { address: k.address(bytes), keep };
}

/** -1 until clone3 has made it. */
function readPidfd(memory: Uint8Array<ArrayBuffer>): number {
  return new DataView(memory.buffer).getInt32(0, true);
}

/**
 * Starts the stage in new namespaces. The child shares our memory until its execve (CLONE_VM|CLONE_VFORK), and runs
 * nothing but the shim's few calls before it.
 * @param valueOf value of a register of the plan
 * @param stage descriptor of the stage's file
 * @param inherit descriptors the stage keeps over its execve
 * @param meanwhile completes the stage's file while the kernel makes the namespaces
 */
export function spawnStage(
  call: Call,
  valueOf: (value: Value) => number,
  stage: number,
  inherit: readonly number[],
  meanwhile: () => void,
): Spawned {
  const wanted = call.args[0] as StructValue;
  const k = kernel();
  const bytes = stable(SPAWN_BYTES);
  const view = new DataView(bytes.buffer);
  const layout = tables.structLayouts["clone_args"]!.fields;
  const { low, high } = evaluate(tables, `${wanted["flags"] as string}|CLONE_PIDFD|CLONE_VM|CLONE_VFORK`);
  view.setInt32(layout["flags"]!.offset, low, true);
  view.setInt32(layout["flags"]!.offset + 4, high, true);
  const pidfd = stable(8).fill(0xff);
  writeAddress(view, layout["pidfd"]!.offset, k.address(pidfd));
  view.setInt32(layout["exit_signal"]!.offset, evaluate(tables, wanted["exit_signal"] as string).low, true);
  writeAddress(view, layout["stack"]!.offset, k.stack);
  writeAddress(view, layout["stack_size"]!.offset, k.stackBytes);
  if (wanted["cgroup"] !== undefined) writeAddress(view, layout["cgroup"]!.offset, valueOf(wanted["cgroup"]));
  const argv = vector(["bunker", "init"]);
  const envp = vector([]);
  const fds = stable(4 * Math.max(1, inherit.length));
  new Uint32Array(fds.buffer).set(inherit);
  writeAddress(view, CLONE_ARGS_BYTES, stage);
  writeAddress(view, CLONE_ARGS_BYTES + 8, argv.address);
  writeAddress(view, CLONE_ARGS_BYTES + 16, envp.address);
  writeAddress(view, CLONE_ARGS_BYTES + 24, k.address(fds));
  writeAddress(view, CLONE_ARGS_BYTES + 32, inherit.length);
  const started = k.call(ops.SHIM_SPAWN, k.address(bytes), 0, 0, 0, 0, 0);
  if (started < 0) throw syscallError("clone3(CLONE_THREAD)", -started);
  const end = (): number => k.call(ops.SHIM_SPAWNED, k.address(bytes), 0, 0, 0, 0, 0);
  try {
    meanwhile();
  } catch (error) {
    // Without a file the child cannot execute: it ends.
    writeAddress(view, CLONE_ARGS_BYTES, NO_FILE);
    if (end() > 0) sys("waitid", flags("P_PIDFD"), readPidfd(pidfd), stable(128), flags("WEXITED"), null);
    close(readPidfd(pidfd));
    throw error;
  }
  const pid = end();
  const error = -view.getInt32(CLONE_ARGS_BYTES + 40, true);
  if (pid < 0) throw syscallError(`clone3(${wanted["flags"] as string})`, -pid);
  if (error > 0) {
    throw new SyscallError(
      "execveat",
      error,
      `Cannot start the stage: execveat: ${errnoName(error)} (${errnoText(error)})`,
    );
  }
  // Keeps the memory the child read reachable until here.
  if (argv.keep.length + envp.keep.length + fds.length === 0) throw new SyscallError("clone3", 14, "unreachable");
  return { pid, pidfd: readPidfd(pidfd) };
}
