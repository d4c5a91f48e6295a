/**
 * The birth of a stage: a thread of the shim enters namespaces and makes the process, which waits until its file is
 * complete. Input: the plan's thread lines and its clone3 call, the stage's file, descriptors to inherit.
 * Output: pid and pidfd.
 * @module
 */
import { SyscallError } from "../errors.ts";
import type { Call, StructValue, Value } from "../plan/types.ts";
import type { Image } from "../program/encode.ts";
import { evaluate, structLayout } from "../program/tables.ts";
import { ops, spawning } from "../../syscalls/ops.ts";
import { makeReport, readReport, type Report } from "./program.ts";
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

// struct spawn of syscalls/spawn.h: clone_args (88 bytes), then these words.
const STAGE = 88;
const ARGV = 96;
const ENVP = 104;
const INHERIT = 112;
const INHERIT_COUNT = 120;
const ERROR = 128;
const EARLY = 152;
const ENTERING = 160;
const REPORT = 168;
const FLAGS = 176;
const CHILD = 192;
const EARLY_REPORT = 200;
const FAILED = 208;
const SPAWN_BYTES = 216;

/** What the stage's process is called by. */
export const stageArgv: readonly string[] = ["bunker", "init"];

/** What the child calls before the stage is executed (execute_stage of syscalls/spawn.h). */
const birthCalls = ["prctl", "capget", "capset", "close_range", "fcntl", "execveat"];

/** A descriptor that nothing ever has. */
const NO_FILE = 0x7fffffff;

export interface Spawned {
  readonly pid: number;
  readonly pidfd: number;
}

/** What a stage is born with. */
export interface Birth {
  /** The plan's clone3. */
  readonly call: Call;
  /** Value of a register of the plan. */
  readonly valueOf: (value: Value) => number;
  /** What the thread enters beforehand; undefined: nothing. */
  readonly entering: Image | undefined;
  /** Descriptor of the stage's file. */
  readonly stage: number;
  /** Descriptors the stage keeps over its execve. */
  readonly inherit: readonly number[];
}

/** Waits for the end of a child of ours. What it ended with is nobody's concern, and one that is no more is as good. */
export function reap(pidfd: number): void {
  let result: number;
  do result = sys("waitid", flags("P_PIDFD"), pidfd, stable(128), flags("WEXITED"), null);
  while (result === -EINTR);
}

const EINTR = 4;

/** A vector of C strings whose memory stays as long as it is referenced. */
export interface Vector {
  readonly address: number;
  readonly keep: readonly Uint8Array[];
}

/** Copies texts into a vector. */
export function vector(texts: readonly string[]): Vector {
  const keep: Uint8Array[] = [];
  for (const text of texts) keep.push(cString(text));
  const bytes = stable(8 * (texts.length + 1));
  const view = new DataView(bytes.buffer);
  const k = kernel();
  for (let i = 0; i < keep.length; i++) writeAddress(view, 8 * i, k.address(keep[i]!));
  keep.push(bytes);
  return { address: k.address(bytes), keep };
}

/**
 * One stage's birth, step by step. The child shares our memory until its execve (CLONE_VM|CLONE_VFORK), and runs
 * nothing but the shim's few calls before it.
 */
export class Spawn {
  readonly #bytes = stable(SPAWN_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #pidfd = stable(8).fill(0xff);
  readonly #report = makeReport();
  /** Whatever the structure points to. */
  readonly #keep: Uint8Array[] = [];

  readonly #earlyReport = makeReport();

  /**
   * Starts the thread.
   * @param early what it does at once; undefined: nothing
   */
  constructor(early: Image | undefined) {
    const k = kernel();
    if (early !== undefined) {
      this.#keep.push(early.bytes);
      writeAddress(this.#view, EARLY, k.address(early.bytes));
      writeAddress(this.#view, EARLY_REPORT, k.address(this.#earlyReport));
    }
    const started = k.call(ops.SHIM_SPAWN, k.address(this.#bytes), k.stack, k.stackBytes, 0, 0, 0);
    if (started < 0) throw syscallError("clone3(CLONE_THREAD)", -started);
  }

  /** Lets the thread enter what is to be entered and make the child; does not wait. */
  clone({ call, valueOf, entering, stage, inherit }: Birth): void {
    const wanted = call.args[0] as StructValue;
    const k = kernel();
    const view = this.#view;
    const layout = structLayout(tables, "clone_args")!.fields;
    const asked = (wanted["flags"] ?? "0") as string;
    const own = evaluate(tables, "CLONE_PIDFD|CLONE_PARENT_SETTID|CLONE_VM|CLONE_VFORK");
    writeAddress(view, layout["flags"]!.offset, evaluate(tables, asked) + own);
    writeAddress(view, layout["pidfd"]!.offset, k.address(this.#pidfd));
    writeAddress(view, layout["parent_tid"]!.offset, k.address(this.#bytes) + CHILD);
    view.setInt32(layout["exit_signal"]!.offset, evaluate(tables, wanted["exit_signal"] as string), true);
    if (wanted["cgroup"] !== undefined) writeAddress(view, layout["cgroup"]!.offset, valueOf(wanted["cgroup"]));
    const argv = vector(stageArgv);
    const envp = vector([]);
    const fds = stable(4 * Math.max(1, inherit.length));
    new Uint32Array(fds.buffer).set(inherit);
    this.#keep.push(fds, ...argv.keep, ...envp.keep);
    writeAddress(view, STAGE, stage);
    writeAddress(view, ARGV, argv.address);
    writeAddress(view, ENVP, envp.address);
    writeAddress(view, INHERIT, k.address(fds));
    writeAddress(view, INHERIT_COUNT, inherit.length);
    if (entering !== undefined) {
      this.#keep.push(entering.bytes);
      writeAddress(view, ENTERING, k.address(entering.bytes));
      writeAddress(view, REPORT, k.address(this.#report));
    }
    if (asked.includes("CLONE_NEWUSER")) view.setInt32(FLAGS, spawning.SPAWN_KEEP_CAPABILITIES, true);
    k.call(ops.SHIM_CLONE, k.address(this.#bytes), 0, 0, 0, 0, 0);
  }

  /** Waits until the child is there: its pid. The error of what was not made or not entered comes from `finish`. */
  born(): number {
    const k = kernel();
    return k.call(ops.SHIM_BORN, k.address(this.#bytes), 0, 0, 0, 0, 0);
  }

  /** What the thread entered, and where that failed. */
  get entered(): Report {
    return readReport(this.#report, this.#pid);
  }

  #pid = 0;

  /** What the thread did at once, and where that failed. */
  get early(): Report {
    return readReport(this.#earlyReport, this.#pid);
  }

  /** Gives the birth up: the child, if there is one, ends. */
  abandon(): void {
    // Without a file the child cannot execute.
    writeAddress(this.#view, STAGE, NO_FILE);
    const pid = this.#end();
    const pidfd = this.#readPidfd();
    // Or it executes already, and waits for the rest of its program.
    if (pid > 0) sys("pidfd_send_signal", pidfd, flags("SIGKILL"), null, 0);
    if (pid > 0) reap(pidfd);
    close(pidfd);
  }

  /** Lets the stage execute; does not wait. */
  release(): void {
    const k = kernel();
    k.call(ops.SHIM_RELEASE, k.address(this.#bytes), 0, 0, 0, 0, 0);
  }

  /**
   * Lets the stage execute, and waits until it does. Errors: SyscallError. Where the thread could not enter something, `early` or
   * `entered` says so and the pid is negative.
   */
  finish(): Spawned {
    const pid = this.#end();
    if (pid < 0) return { pid, pidfd: -1 };
    const error = -this.#view.getInt32(ERROR, true);
    if (error > 0) {
      const call = this.#failedCall();
      throw new SyscallError(call, error, `Cannot start the stage: ${call}: ${errnoName(error)} (${errnoText(error)})`);
    }
    return { pid, pidfd: this.#readPidfd() };
  }

  #failedCall(): string {
    const number = this.#view.getInt32(FAILED, true);
    return birthCalls.find((name) => tables.nr[name] === number)!;
  }

  #end(): number {
    const k = kernel();
    this.#pid = k.call(ops.SHIM_SPAWNED, k.address(this.#bytes), 0, 0, 0, 0, 0);
    // Keeps what the child read reachable until here.
    if (this.#keep.length < 0) throw new SyscallError("clone3", 14, "unreachable");
    return this.#pid;
  }

  /** -1 until clone3 has made it. */
  #readPidfd(): number {
    return new DataView(this.#pidfd.buffer).getInt32(0, true);
  }
}
