/**
 * From a running stage to a container that is ready, and on to its user's process.
 * Input: Launched. Output: nothing, or the error of whichever line failed; what was made is undone then.
 * @module
 */
import { memoryText, outOfMemoryKills } from "../cgroup/memory.ts";
import { BunkerError, StageError } from "../errors.ts";
import { withEnvironment } from "../stage/hooks.ts";
import { copyRegisters, getRegister, makeImage, runImage, setRegister } from "../stage/program.ts";
import { hear, leaveToMonitor, type Monitor } from "../stage/monitor.ts";
import { type Message, receive } from "../stage/sockets.ts";
import { reap, type Spawned } from "../stage/spawn.ts";
import { close, errnoName, flags, stable, sys, sysOrThrow } from "../stage/sys.ts";
import { events } from "../../syscalls/ops.ts";
import { endStage } from "./birth.ts";
import { failureError } from "./failure.ts";
import type { Launched } from "./launch.ts";
import type { Loaded } from "./load.ts";
import { debugBranches } from "./branches.ts";
import type { RuntimeOptions } from "./types.ts";

const firstProcess = "The container's first process";

/** No line of the plan. */
const nowhere = { address: -1, errno: 0, pointer: "" };

/** A plan that a stage executes. */
type Executed = Pick<Loaded, "plan" | "spec">;

/** Its process, and our end of the socket to it. */
interface Stage extends Pick<Launched, "sync" | "pidfd">, Partial<Pick<Launched, "record">> {
  /** What the process is, for messages. */
  readonly subject?: string;
}

/** A stage that the runtime's later calls go along with. */
type Accompanied = Stage & Pick<Launched, "split" | "prepared" | "pid">;

/**
 * Runs the runtime's calls that go along with the stage (hooks in the runtime namespace). Returns the process that goes on:
 * the stage's, or the one it has forked, of which a failure leaves nothing.
 */
export function accompany(rt: RuntimeOptions, loaded: Executed, launched: Accompanied): Spawned {
  const { split, prepared, sync, pid, pidfd } = launched;
  if (split.after.length === 0) return { pid, pidfd };
  const { plan } = loaded;
  const image = makeImage(withEnvironment(split.after), plan.registers + 1, plan.registers);
  copyRegisters(prepared, image, plan.registers);
  setRegister(image, plan.registers, sync);
  if (split.clone.out !== undefined) setRegister(image, split.clone.out.register, pid);
  const report = runImage(image);
  debugBranches(rt, loaded, report.branches);
  const adopted = split.adopt === undefined ? 0 : getRegister(image, split.adopt.out!.register);
  if (report.failed === undefined) return adopted > 0 ? adopt(launched, adopted) : { pid, pidfd };
  if (adopted > 0) endStage(sysOrThrow("pidfd_open", adopted, 0));
  const errno = errnoName(report.failed.errno);
  // ECONNRESET is `wait` finding the stage gone; why, its process can tell.
  if (errno === "ECONNRESET") throw stageEnded(launched);
  throw failureError(plan, loaded.spec, { ...report.failed, detail: report.detail });
}

/** The stage has ended, its child is ours (CLONE_PARENT), and not reaped, so the pid is still its own. */
function adopt({ pidfd }: Accompanied, pid: number): Spawned {
  const adopted = { pid, pidfd: sysOrThrow("pidfd_open", pid, 0) };
  reap(pidfd);
  close(pidfd);
  return adopted;
}

/** Waits until the stage posts an event. Errors: StageError when it failed, or is gone without a word. */
export function awaitEvent(rt: RuntimeOptions, loaded: Executed, launched: Stage, event: number): void {
  for (;;) {
    const messages = nextMessages(launched);
    if (messages.length === 0) throw stageEnded(launched);
    if (hasPosted(rt, loaded, messages, event)) return;
  }
}

/**
 * Waits until execve has replaced the stage: its end of the socket closes then, without a failure.
 * @param isPosted it has said already that it is about to
 */
export function awaitExec(rt: RuntimeOptions, loaded: Executed, launched: Stage, isPosted = false): void {
  if (!isPosted) awaitEvent(rt, loaded, launched, events.EXEC);
  const messages = nextMessages(launched);
  // ignored: a failure among them is thrown, and nothing else is waited for
  if (messages.length > 0) hasPosted(rt, loaded, messages, events.EXEC);
}

function nextMessages({ sync, subject = firstProcess }: Stage): Message[] {
  if (hear(sync)) return receive(sync);
  const because =
    "because    its cgroup is frozen, a seccomp supervisor does not answer, or somebody in its pid namespace holds it";
  throw new StageError(`${subject} does not execute its program, and a signal came that ends it`, [because], nowhere);
}

/**
 * Becomes the monitor as soon as the stage's program executes: for a runtime with nothing left to do by then. Returns
 * where the stage says anything else, and what `awaitExec` has to know.
 * @param lock of the container's record, where this makes it a running one
 */
export function leaveTo(rt: RuntimeOptions, monitor: Monitor | undefined, sync: number, lock = -1): boolean {
  // Branches that were taken would not be told, and warnings come behind the error, if there is one.
  if (monitor === undefined || rt.log.debugging || rt.log.isWaiting) return false;
  return leaveToMonitor(monitor, sync, lock);
}

function hasPosted(rt: RuntimeOptions, loaded: Executed, messages: readonly Message[], event: number): boolean {
  for (const message of messages) {
    if (message.kind === "branch") debugBranches(rt, loaded, [{ ...message, errno: message.value }]);
    if (message.kind === "failed") throw failureError(loaded.plan, loaded.spec, { ...message, errno: message.value });
    if (message.kind === "post" && message.value === event) return true;
  }
  return false;
}

/** The stage's process ended without a report: killed from outside, or by the kernel. */
function stageEnded({ pidfd, subject = firstProcess, record }: Stage): BunkerError {
  const info = stable(128);
  const waited = sys("waitid", flags("P_PIDFD"), pidfd, info, flags("WEXITED|WNOWAIT"), null);
  if (waited < 0) return new StageError(`${subject} ended before it was ready`, [], nowhere);
  const view = new DataView(info.buffer);
  const [code, status] = [view.getInt32(8, true), view.getInt32(24, true)];
  const how = code === 1 ? `ended with exit status ${status}` : `was killed by signal ${status}`;
  const because = code !== 1 && status === 9 ? [`because    ${killedBy(record?.cgroups ?? [])}`] : [];
  return new StageError(`${subject} ${how} before it was ready`, because, nowhere);
}

/** Who sent SIGKILL, as far as the counters of the cgroups tell; they are there until the failure is dealt with. */
function killedBy(cgroups: readonly string[]): string {
  if (outOfMemoryKills(cgroups) === 0) return "something killed it: an operator, or the kernel for want of memory";
  return `the kernel killed it for want of memory: it needed more than the container's ${memoryText(cgroups)}`;
}
