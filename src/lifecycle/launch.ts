/**
 * Makes a container up to the stage's start: state directory, sockets, the runtime's calls, the stage's process.
 * Input: Loaded plan. Output: Launched. A failure undoes what was made (L5).
 * @module
 */
import { dropLeftOvers } from "../cgroup/device_programs.ts";
import { ownCgroups } from "../cgroup/directories.ts";
import { isFrozen } from "../cgroup/freezer.ts";
import { killAll, processesIn } from "../cgroup/processes.ts";
import { removeCgroup, removeCgroups } from "../cgroup/remove.ts";
import { disconnect, hasStarted, stopUnit } from "../cgroup/systemd.ts";
import { BunkerError, HostError, StageError } from "../errors.ts";
import { isMachinesRoot } from "../plan/context.ts";
import { below } from "../plan/paths.ts";
import { callAt } from "../program/addresses.ts";
import type { Image } from "../program/encode.ts";
import { type Split, splitPlan } from "../program/split.ts";
import type { Spec } from "../spec/types.ts";
import { makeStageFile } from "../stage/program.ts";
import { connectConsole, listenAt, socketPair } from "../stage/sockets.ts";
import type { Spawned } from "../stage/spawn.ts";
import { close, errnoName, sys } from "../stage/sys.ts";
import {
  addProcess,
  closeStateDirectory,
  createStateDirectory,
  bindCreatedSocket,
  removeStateDirectory,
  type StateDirectory,
  writeRecord,
} from "../state/directory.ts";
import { processFacts } from "../state/process.ts";
import { madeCgroups, printRecord, type StateRecord } from "../state/record.ts";
import { timestamp } from "../state/timestamp.ts";
import { closeInherited, endStage, inheritedFds, makeUnit, prepare } from "./birth.ts";
import { bearAnywhere } from "./joined_birth.ts";
import { checkPreservedFds, checkRefusals, type Executable, type Loaded } from "./load.ts";
import { sharesPidNamespace } from "./namespaces.ts";
import { makeNotifyDirectory } from "./notify.ts";
import { isTaken, removeClasses } from "./resctrl.ts";
import type { RuntimeOptions } from "./types.ts";

const PATIENCE_MS = 2000;

/** Name of the socket on which a created container waits for `start`, in its state directory. */
export const startSocket = "start.sock";

/** What later operations need to know, without the config's text. */
export type NewRecord = Omit<StateRecord, "config">;

/** A container whose stage runs. */
export interface Launched {
  readonly directory: StateDirectory;
  readonly record: NewRecord;
  readonly pid: number;
  readonly pidfd: number;
  /** Our end of the sync socket. */
  readonly sync: number;
  /** Foreground terminal: our end of the socket that the master comes through. */
  readonly console: number | undefined;
  readonly spec: Spec;
  readonly split: Split;
  /** The program that ran before the clone: its registers. */
  readonly prepared: Image;
}

/** Runs everything up to the stage's clone3, in the order that leaves something to clean by at every moment. */
export function launch(rt: RuntimeOptions, loaded: Executable, consoleSocket: string | undefined): Launched {
  checkRefusals(loaded);
  if (loaded.options.preserveFds > 0) checkPreservedFds(loaded.options.preserveFds);
  for (const warning of loaded.plan.warnings) rt.log.warn(warning);
  for (const note of loaded.plan.notes) rt.log.debug(note);
  const split = splitPlan(loaded.plan);
  const directory = createStateDirectory(rt.root, loaded.options.id);
  const opened: number[] = [];
  let spawned: Spawned | undefined;
  /** Those that a failure may end: none before it is known that nobody else is in them. */
  let cgroups: readonly string[] = [];
  /** The plan's calls were made, as far as they went. */
  let hasBegun = false;
  let found: readonly string[] = [];
  try {
    found = refuseOccupied(loaded);
    cgroups = loaded.plan.cgroups;
    let record = newRecord(rt, loaded, found);
    // Before anything outside the state directory is made: whatever happens now, `delete --force` knows of it.
    writeRecord(directory, printRecord(record, loaded.text));
    const inputs = openInputs(directory, loaded, consoleSocket, opened);
    hasBegun = true;
    if (split.unit?.isAfterClone === false) makeUnit(loaded.plan, split, 0);
    const prepared = prepare(loaded.plan, loaded.spec, split, inputs.values);
    // Claimed by now, and nobody is in them.
    if (found.length > 0 && loaded.host.cgroup.layout === "v2" && isMachinesRoot(loaded.host)) dropLeftOvers(found);
    const stage = makeStageFile();
    opened.push(stage);
    const inherit = inheritedFds(loaded.plan, prepared, inputs.inherit, loaded.options.preserveFds);
    const sync = { ours: inputs.sync, stages: inputs.stageSync };
    spawned = bearAnywhere(loaded, { split, prepared, stage, inherit, sync });
    record = { ...record, pid: spawned.pid, startTime: processFacts(spawned.pid)?.startTime ?? 0 };
    addProcess(directory, record.pid, record.startTime);
    for (const fd of opened) close(fd);
    closeInherited(loaded.plan, split, prepared);
    disconnect();
    return {
      directory,
      record,
      ...spawned,
      sync: inputs.sync,
      console: inputs.console,
      spec: loaded.spec,
      split,
      prepared,
    };
  } catch (error) {
    for (const fd of opened) close(fd);
    const made = hasBegun && !isTaken(error) ? loaded.plan.resctrl : undefined;
    const places =
      cgroups.length === 0 || isClaimed(loaded, error) ? { cgroups: [] } : { cgroups, found, unit: loaded.plan.unit };
    undo(rt, directory, { ...places, resctrl: made }, spawned?.pidfd, sharesPidNamespace(loaded.spec));
    throw error;
  }
}

/** The container whose process is another one from here on, where the stage has forked it: later operations are to know. */
export function goOn(launched: Launched, process: Spawned): Launched {
  if (process.pid === launched.pid) return launched;
  const { directory } = launched;
  const record = { ...launched.record, pid: process.pid, startTime: processFacts(process.pid)?.startTime ?? 0 };
  try {
    addProcess(directory, record.pid, record.startTime);
  } catch (error) {
    endStage(process.pidfd);
    throw error;
  }
  return { ...launched, ...process, record };
}

/**
 * A cgroup that holds processes already is another container's or the caller's: whatever ends this container, its failed
 * creation included, would end them too. runc refuses it as well; runtime-spec config-linux.md#cgroups-path allows it.
 * This look is for the directories that are there by now, sub-cgroups included; who comes later meets `claim_cgroup`.
 * Returns those directories; of a unit's, systemd knows better.
 */
function refuseOccupied({ options, plan }: Loaded): readonly string[] {
  const occupied = ownCgroups(plan.cgroups);
  if (occupied.length === 0) return occupied;
  const processes = processesIn(occupied);
  if (processes.length > 0) throw notEmpty(options.id, occupied, processes.length);
  if (isFrozen(occupied)) throw frozen(options.id, occupied);
  return plan.unit === undefined ? occupied : [];
}

/** Somebody else has come first: whatever is there is theirs. Other errors of the look say nothing of that kind. */
function isClaimed({ plan }: Loaded, error: unknown): boolean {
  if (!(error instanceof StageError) || callAt(plan, error.address)?.call !== "claim_cgroup") return false;
  const errno = errnoName(error.errno);
  return errno === "EAGAIN" || errno === "EBUSY";
}

/** The stage would stand still from its first moment on, and whoever waits for it, too. */
function frozen(id: string, occupied: readonly string[]): HostError {
  return new HostError(`Cannot create container "${id}": its cgroup is frozen`, [
    "asked by   config.json /linux/cgroupsPath",
    `because    it was there before and is frozen: ${occupied.join(" ")}`,
  ]);
}

function notEmpty(id: string, occupied: readonly string[], count: number): HostError {
  return new HostError(`Cannot create container "${id}": its cgroup is not empty`, [
    "asked by   config.json /linux/cgroupsPath",
    `because    ${count} process(es) are in ${occupied.join(" ")}`,
  ]);
}

/** Undoes a launch whose container must not be: the stage's process, its cgroups, its state. */
export function abandon(rt: RuntimeOptions, { directory, record, pidfd, spec }: Launched): void {
  undo(rt, directory, record, pidfd, sharesPidNamespace(spec));
}

type Places = Pick<StateRecord, "cgroups" | "found"> & {
  readonly unit?: StateRecord["unit"] | undefined;
  readonly resctrl?: StateRecord["resctrl"] | undefined;
};

/** Each step whatever became of the one before. The error is what made the launch fail; what is left is a warning. */
function undo(
  rt: RuntimeOptions,
  directory: StateDirectory,
  places: Places,
  pidfd: number | undefined,
  sharesPids: boolean,
): void {
  if (pidfd !== undefined) attempt(rt, () => endStage(pidfd));
  attempt(rt, () => removeClasses(places.resctrl?.made));
  attempt(rt, () => endCgroups(rt, places, pidfd !== undefined && sharesPids));
  attempt(rt, () => removeStateDirectory(directory));
  closeStateDirectory(directory);
}

function attempt(rt: RuntimeOptions, step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof BunkerError)) throw error;
    rt.log.warn(error.message);
  }
}

/** Directories that nobody is in and systemd knows nothing of. */
function removeEmpty(directories: readonly string[]): void {
  // ignored: one that is in use, or gone, is whoever's took the name
  for (const path of directories) removeCgroup(path);
}

/** @param hasOthers without a pid namespace of its own, the container may have left more than its first process (hooks) */
function endCgroups(rt: RuntimeOptions, places: Places, hasOthers: boolean): void {
  const { unit } = places;
  const own = ownCgroups(madeCgroups(places));
  if (unit !== undefined && !hasStarted(unit)) {
    // Somebody else's, who was first to take the name.
    removeEmpty(own);
    return;
  }
  // ignored: who is left keeps the cgroup from being removed, and that is told
  if (hasOthers) killAll(own, PATIENCE_MS);
  if (unit !== undefined) attempt(rt, () => stopUnit(unit));
  const busy = removeCgroups(own);
  if (busy !== undefined) rt.log.warn(`${busy.message}: ${busy.detail.join("; ").replace(/^because +/, "")}`);
}

function newRecord(rt: RuntimeOptions, loaded: Loaded, found: readonly string[]): NewRecord {
  const { spec, options, plan } = loaded;
  return {
    id: options.id,
    pid: 0,
    startTime: 0,
    bundle: options.bundle,
    rootfs: below(options.bundle, spec.root.path),
    created: timestamp(),
    owner: sys("geteuid"),
    annotations: spec.annotations ?? {},
    cgroups: plan.cgroups,
    ...(found.length === 0 ? {} : { found }),
    ...(plan.resctrl === undefined ? {} : { resctrl: plan.resctrl }),
    cgroupManager: rt.cgroupManager,
    ...(plan.unit === undefined ? {} : { unit: plan.unit }),
    hooks: {
      ...(spec.hooks?.poststart === undefined ? {} : { poststart: spec.hooks.poststart }),
      ...(spec.hooks?.poststop === undefined ? {} : { poststop: spec.hooks.poststop }),
    },
    ociVersion: spec.ociVersion,
    noNewKeyring: options.noNewKeyring,
    ...(options.verb === "create" ? { planned: { host: loaded.host, options } } : {}),
  };
}

interface Inputs {
  readonly values: Readonly<Record<string, number>>;
  /** Descriptors for the stage, besides those of the plan. */
  readonly inherit: readonly number[];
  readonly sync: number;
  readonly stageSync: number;
  readonly console: number | undefined;
}

/** Opens what the plan only names: sockets and the one that tells `created` from `running`. */
function openInputs(
  directory: StateDirectory,
  { options, plan }: Loaded,
  consoleSocket: string | undefined,
  opened: number[],
): Inputs {
  if (options.notify !== undefined) makeNotifyDirectory(directory);
  const [sync, theirs] = socketPair();
  const values: Record<string, number> = {};
  opened.push(theirs);
  let console: number | undefined;
  if (options.console === "socket") opened.push((values["console"] = connectConsole(consoleSocket!)));
  if (options.console === "foreground") {
    const pair = socketPair();
    console = pair[0];
    opened.push((values["console"] = pair[1]));
  }
  if (plan.inputs["listen"] !== undefined) opened.push((values["listen"] = listenAt(directory.fd, startSocket)));
  if (options.verb === "create") opened.push((values["created"] = bindCreatedSocket(directory)));
  return { values, inherit: [theirs, ...Object.values(values)], sync, stageSync: theirs, console };
}
