/**
 * From a plan whose first calls are made to a running stage: its process, its id mappings, its program.
 * Input: Begun, the registers so far. Output: pid and pidfd; a failure leaves no process.
 * @module
 */
import { checkPlace, startUnit } from "../cgroup/systemd.ts";
import { type StageError, SyscallError } from "../errors.ts";
import { freshNamespaces, joinedNamespaces } from "../plan/context.ts";
import type { Host } from "../plan/host.ts";
import { PlanBuilder } from "../plan/builder.ts";
import { planEarlyNamespaces } from "../plan/namespaces.ts";
import type { Plan, Register, StructValue, Value } from "../plan/types.ts";
import { type Placed, placed } from "../program/addresses.ts";
import { encode, type Image } from "../program/encode.ts";
import { firstItems, type Split } from "../program/split.ts";
import type { Spec } from "../spec/types.ts";
import { copyRegisters, fillStageFile, getRegister, makeImage, runImage, setRegister } from "../stage/program.ts";
import { sendRest } from "../stage/rest.ts";
import { reap, Spawn, type Spawned } from "../stage/spawn.ts";
import { close, flags, sys, syscallError, tables } from "../stage/sys.ts";
import { image as imageNumbers } from "../../syscalls/ops.ts";
import { failureError } from "./failure.ts";

/** A plan and the birth it is for. */
export interface Begun {
  readonly spec: Spec;
  readonly plan: Plan;
  /** How many of the plan's first items the thread does at once. */
  readonly early: number;
  /** The stage's birth, begun. */
  readonly spawn: Spawn;
}

/** Begins a birth: what the container's namespaces need no plan for is made from here on. */
export function begin(spec: Spec, host: Host): Pick<Begun, "early" | "spawn"> {
  const plan = new PlanBuilder();
  const fresh = freshNamespaces(spec, host);
  const hasUserNamespace = fresh.has("user") || joinedNamespaces(spec).has("user");
  planEarlyNamespaces({ plan, fresh, hasUserNamespace });
  const { items, registers } = plan.build();
  const image = items.length === 0 ? undefined : makeImage(placed(items), registers);
  return { early: items.length, spawn: new Spawn(image) };
}

/** Encodes and runs the runtime's calls that come before the stage. @param values of the plan's inputs */
export function prepare(plan: Plan, spec: Spec, split: Split, values: Readonly<Record<string, number>>): Image {
  const image = makeImage(split.prepare, plan.registers);
  for (const name in plan.inputs) setRegister(image, plan.inputs[name]!.register, values[name] ?? -1);
  run(plan, spec, image);
  return image;
}

function run(plan: Plan, spec: Spec, image: Image): void {
  const { failed, result, detail } = runImage(image);
  if (failed !== undefined) throw failureError(plan, spec, { ...failed, detail });
  if (result < 0) throw new SyscallError("run", -result, "The runtime's program did not end");
}

/**
 * What the stage keeps over its execve: the plan's descriptors, ours, and those the caller wants passed on.
 * @param own those that are opened beside the plan
 */
export function inheritedFds(plan: Plan, prepared: Image, own: readonly number[], preserveFds: number): number[] {
  const fds: number[] = [];
  for (const { register } of plan.inherited) {
    const fd = getRegister(prepared, register);
    // Of the alternatives of a plan one was taken.
    if (fd >= 0) fds.push(fd);
  }
  for (const fd of own) fds.push(fd);
  for (let fd = 3; fd < 3 + preserveFds; fd++) fds.push(fd);
  return fds;
}

/** Clones of mounts and other descriptors that only the stage needs from here on. */
export function closeInherited({ inherited, inputs }: Plan, { adopt }: Split, prepared: Image): void {
  for (const { register } of inherited) {
    // Whoever called opened the one; the other tells which process the stage forks.
    const isOurs =
      register === inputs["init"]?.register || register === (adopt?.args[1] as Register | undefined)?.register;
    if (!isOurs) close(getRegister(prepared, register));
  }
}

/** Kills a stage, if it still lives, and reaps it. */
export function endStage(pidfd: number): void {
  sys("pidfd_send_signal", pidfd, flags("SIGKILL"), null, 0);
  reap(pidfd);
  close(pidfd);
}

/** What a stage is made from. */
export interface Parts {
  readonly split: Split;
  /** The program that ran before: its registers. */
  readonly prepared: Image;
  /** Descriptor of the stage's file. */
  readonly stage: number;
  /** Descriptors the stage keeps over its execve. */
  readonly inherit: readonly number[];
  /** The ends of the sync socket. */
  readonly sync: { readonly ours: number; readonly stages: number };
}

/** Makes the stage's process and, while it waits, its file and its id mappings; then lets it execute. */
export function bear(begun: Begun, { split, prepared, stage, inherit, sync }: Parts): Spawned {
  const { plan, spawn } = begun;
  const valueOf = (value: Value) => getRegister(prepared, (value as Register).register);
  const entering = threadImage(plan, split, prepared, begun.early);
  spawn.clone({ call: split.clone, valueOf, entering, stage, inherit });
  const count = firstItems(split);
  let rest: Image | undefined;
  try {
    const first = count === 0 ? split.stage : split.stage.slice(0, count);
    fillStageFile(stage, buildStage(plan, first, prepared, sync.stages, count > 0));
    if (needsAttendance(split)) map(begun, split, prepared, spawn.born());
    if (count > 0) {
      spawn.release();
      rest = encode(split.stage.slice(count), tables, 0, -1, () => imageNumbers.REST_ADDRESS);
    }
  } catch (error) {
    spawn.abandon();
    throw error;
  }
  const spawned = spawn.finish();
  // The memory we shared was made secret on the way, and our own /proc files so became root's (PR_SET_DUMPABLE, prctl(2)).
  const restored = entering === undefined ? 0 : sys("prctl", flags("PR_SET_DUMPABLE"), 1, 0, 0, 0);
  if (spawned.pid <= 0) throw notBorn(begun, split, -spawned.pid);
  try {
    if (restored < 0) throw syscallError("prctl(PR_SET_DUMPABLE)", -restored);
    if (rest !== undefined) sendRest(sync.ours, spawned.pidfd, rest);
  } catch (error) {
    endStage(spawned.pidfd);
    throw error;
  }
  return spawned;
}

/** Why there is no stage: a namespace, something to be entered, or clone3 itself. */
function notBorn({ plan, spec, spawn }: Begun, split: Split, errno: number): StageError {
  for (const { failed, detail } of [spawn.early, spawn.entered]) {
    if (failed !== undefined) return failureError(plan, spec, { ...failed, detail });
  }
  return failureError(plan, spec, { address: split.cloneAddress, errno, result: 0, detail: "" });
}

/** What the thread has still to do. @param done how many of its items it did at once */
function threadImage(plan: Plan, split: Split, prepared: Image, done: number): Image | undefined {
  const items = split.thread.slice(done);
  if (items.length === 0) return undefined;
  const image = makeImage(items, plan.registers);
  copyRegisters(prepared, image, plan.registers);
  return image;
}

/** Has systemd make the unit of a plan. @param pid of the stage's process; 0: there is none yet */
export function makeUnit(plan: Plan, { unit }: Split, pid: number): void {
  if (unit === undefined) return;
  startUnit(plan.unit!, unit.call.args[1] as StructValue, () => pid);
  if (unit.isAfterClone) checkPlace(pid, plan.cgroups, plan.unit!.name);
}

/** Whether the runtime has something to do while the stage's process waits. */
export const needsAttendance = ({ unit, mapping }: Split): boolean => unit?.isAfterClone === true || mapping.length > 0;

/** Runs the runtime's calls between clone3 and the stage's execve. */
export function map({ plan, spec }: Begun, split: Split, prepared: Image, pid: number): void {
  // Not born: `finish` says why.
  if (pid < 0) return;
  if (split.unit?.isAfterClone === true) makeUnit(plan, split, pid);
  if (split.mapping.length === 0) return;
  const image = makeImage(split.mapping, plan.registers);
  copyRegisters(prepared, image, plan.registers);
  setRegister(image, split.clone.out!.register, pid);
  run(plan, spec, image);
}

/** The stage's program, with the descriptors made so far in its registers. */
export function buildStage(
  plan: Plan,
  items: readonly Placed[],
  prepared: Image,
  sync: number,
  hasRest = false,
): Image {
  // One register more than the plan has: the sync socket, which no line names.
  const count = plan.registers + 1;
  const image = encode(items, tables, count, plan.registers, () => imageNumbers.PROGRAM_ADDRESS, hasRest);
  copyRegisters(prepared, image, plan.registers);
  setRegister(image, plan.registers, sync);
  return image;
}
