/**
 * The operation `exec`: one more process in a container. Input: ExecOptions. Output: the process, as its monitor in the
 * foreground or left to the caller.
 * @module
 */
import { isFrozen } from "../cgroup/freezer.ts";
import { HostError, SpecError, StageError, UsageError } from "../errors.ts";
import { probeHost } from "../host/mod.ts";
import { probeSecurityModules } from "../host/security_modules.ts";
import { planExec } from "../plan/exec.ts";
import type { Host, PlanOptions } from "../plan/host.ts";
import { hasLabels } from "../plan/labels.ts";
import type { Image } from "../program/encode.ts";
import { type Split, splitPlan } from "../program/split.ts";
import { changeProcess } from "../spec/change_process.ts";
import { parseProcess } from "../spec/mod.ts";
import { recordedProcess, recordedSeccomp } from "../spec/recorded.ts";
import type { Process, Seccomp, Spec } from "../spec/types.ts";
import { holdSignals } from "../stage/hold_signals.ts";
import { becomeMonitor, type Monitor, prepareMonitor, watch } from "../stage/monitor.ts";
import { makeStageFile } from "../stage/program.ts";
import { connectConsole, receiveFd, socketPair } from "../stage/sockets.ts";
import { Spawn, type Spawned } from "../stage/spawn.ts";
import { close, errnoName } from "../stage/sys.ts";
import { closeStateDirectory, openStateDirectory } from "../state/directory.ts";
import { FilterStore } from "../state/filters.ts";
import { absolutePath } from "../state/paths.ts";
import { isAlive, openProcess, waitForEnd } from "../state/process.ts";
import { firstText, type StateRecord } from "../state/record.ts";
import { type Begun, closeInherited, endStage, inheritedFds, prepare } from "./birth.ts";
import { examine, type RecordedConfig } from "./exec_target.ts";
import { bearAnywhere } from "./joined_birth.ts";
import { checkPreservedFds, checkRefusals, readDocument } from "./load.ts";
import { sendPidfd } from "./pidfd_socket.ts";
import { writePidFile } from "./pid_file.ts";
import { madeRecordOf, notRunning } from "./record.ts";
import { accompany, awaitExec, leaveTo } from "./settle.ts";
import type { ExecOptions, RuntimeOptions } from "./types.ts";

/** Runs a process. Detached: 0 once it executes. In the foreground: does not return, but throws. */
export function exec(rt: RuntimeOptions, options: ExecOptions): number {
  const noted = options.detach ? -1 : holdSignals();
  const state = readState(rt, options.id);
  const { record } = state;
  // Before anything is read of its first process: from here on the pid is known to be that one's.
  const init = openProcess(record.pid, record.startTime);
  if (init === undefined) throw notRunning(record);
  try {
    return enter(rt, options, state, init, noted);
  } catch (error) {
    throw error instanceof UsageError ? error : reasonOf(record, init, error);
  }
}

/** The process itself. @param init pidfd of the container's first process  @param noted pipe of signals so far */
function enter(
  rt: RuntimeOptions,
  options: ExecOptions,
  { record, text, seccomp }: State,
  init: number,
  noted: number,
): number {
  if (!options.ignorePaused && isFrozen(record.cgroups)) {
    throw new HostError(`Container "${record.id}": cannot exec in a paused container`, [
      "try        --ignore-paused: the process runs once the container is resumed",
    ]);
  }
  const spec = specOf(record, processFor(record, text, options), seccomp);
  const console = consoleFor(spec.process!, options);
  const filters = seccomp === undefined ? undefined : new FilterStore(rt.root);
  const plan = planExec(
    spec,
    spec.process!,
    hostFor(spec.process!),
    {
      id: record.id,
      noNewKeyring: record.noNewKeyring,
      preserveFds: options.preserveFds,
      console,
      document: documentOf(options),
      bundle: record.bundle,
    },
    examine(record, options.cgroups),
    filters?.compile,
  );
  checkRefusals({ plan });
  checkPreservedFds(options.preserveFds);
  for (const warning of plan.warnings) rt.log.warn(warning);
  const begun: Begun = { spec, plan, early: 0, spawn: new Spawn(undefined) };
  let stage = launch(begun, options, console, init);
  let monitor: Monitor | undefined;
  let master = -1;
  try {
    // The stage is at work: time for what comes after it.
    if (!options.detach) monitor = monitorFor(record.id, stage, noted);
    filters?.keep();
    stage = { ...stage, ...accompany(rt, begun, stage) };
    if (monitor !== undefined) watch(monitor, stage);
    const mayLeave = stage.console === undefined && options.pidfdSocket === undefined && options.pidFile === undefined;
    awaitExec(rt, begun, stage, mayLeave && leaveTo(rt, monitor, stage.sync));
    if (stage.console !== undefined) master = receiveFd(stage.console);
    if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, stage.pidfd);
    if (options.pidFile !== undefined) writePidFile(options.pidFile, stage.pid);
  } catch (error) {
    endStage(stage.pidfd);
    throw error;
  }
  if (monitor === undefined) return 0;
  rt.log.flush();
  return becomeMonitor(monitor, master);
}

/** How long the last moments of a container may take after all others of its pid namespace were killed. */
const endMs = 100;

/** Whatever failed, a container that has ended meanwhile is the reason. */
function reasonOf(record: StateRecord, init: number, error: unknown): unknown {
  // Its namespaces are gone before it is (setns: ESRCH), and so are the other processes of its pid namespace.
  const mayBeEnding = error instanceof StageError && (error.pointer === "" || errnoName(error.errno) === "ESRCH");
  if (isAlive(record.pid, record.startTime) && !(mayBeEnding && waitForEnd(init, endMs))) return error;
  return notRunning(record, ["because    it ended while the process was to enter it"]);
}

interface State {
  readonly record: StateRecord;
  /** The record's own, with all digits of its numbers. */
  readonly text: string;
  /** The filter that every process of the container runs under. */
  readonly seccomp: Seccomp | undefined;
}

function readState(rt: RuntimeOptions, id: string): State {
  const directory = openStateDirectory(rt.root, id);
  try {
    const { record, text } = madeRecordOf(directory);
    const recorded = (record.config as RecordedConfig).linux?.seccomp;
    if (recorded === undefined || recorded === null) return { record, text, seccomp: undefined };
    return { record, text, seccomp: recordedSeccomp(recorded, () => firstText(text)) };
  } finally {
    closeStateDirectory(directory);
  }
}

const documentOf = ({ processFile }: ExecOptions): string =>
  processFile === undefined ? "config.json and options of exec:" : `process file "${processFile}":`;

/** The process file's, or the container's own without its terminal; changed by the options. */
function processFor({ id, config }: StateRecord, text: string, options: ExecOptions): Process {
  const { processFile, changes } = options;
  const recorded = (config as RecordedConfig).process;
  const own =
    recorded === undefined || recorded === null ? undefined : recordedProcess(recorded, () => firstText(text));
  if (processFile !== undefined) {
    try {
      return changeProcess(parseProcess(readDocument(absolutePath(processFile)), own), changes);
    } catch (error) {
      throw error instanceof SpecError ? error.of(documentOf(options)) : error;
    }
  }
  if (own === undefined) {
    throw new HostError(`Container "${id}": its config.json has no process to take as a pattern`, [
      "try        --process FILE",
    ]);
  }
  const { terminal: _, consoleSize: __, ...pattern } = own;
  return changeProcess(pattern, changes);
}

/** What the plan needs of the container's config: it was checked when the container was made. */
function specOf(record: StateRecord, process: Process, seccomp: Seccomp | undefined): Spec {
  const { annotations, linux } = record.config as RecordedConfig;
  const personality = (linux?.personality ?? undefined) as NonNullable<Spec["linux"]>["personality"];
  return {
    ociVersion: record.ociVersion,
    root: { path: record.rootfs },
    process,
    ...(annotations === undefined || annotations === null ? {} : { annotations }),
    linux: {
      ...(personality === undefined ? {} : { personality }),
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  };
}

/** The rarer facts are asked for only where they are wanted. */
function hostFor(process: Process): Host {
  const host = probeHost(undefined);
  return hasLabels(process) ? { ...host, securityModules: probeSecurityModules() } : host;
}

function consoleFor(process: Process, options: ExecOptions): PlanOptions["console"] {
  const hasTerminal = process.terminal === true;
  if (options.consoleSocket !== undefined) {
    if (!hasTerminal) throw new UsageError("--console-socket is given but the process has no terminal: --tty");
    return "socket";
  }
  if (!hasTerminal) return "none";
  if (options.detach) throw new UsageError("Cannot allocate a terminal without --console-socket when detached");
  return "foreground";
}

interface Stage extends Spawned {
  /** Our end of the sync socket. */
  readonly sync: number;
  /** Foreground terminal: our end of the socket that the master comes through. */
  readonly console: number | undefined;
  readonly split: Split;
  readonly prepared: Image;
  readonly subject: string;
}

/** Runs everything up to the stage's execve. A failure leaves no process. */
function launch(
  begun: Begun,
  { consoleSocket, preserveFds }: ExecOptions,
  console: PlanOptions["console"],
  init: number,
): Stage {
  const { plan, spec } = begun;
  const split = splitPlan(plan);
  const [sync, theirs] = socketPair();
  const values: Record<string, number> = { init };
  const own = [theirs];
  let ours: number | undefined;
  if (console === "socket") own.push((values["console"] = connectConsole(consoleSocket!)));
  if (console === "foreground") {
    const pair = socketPair();
    ours = pair[0];
    own.push((values["console"] = pair[1]));
  }
  const prepared = prepare(plan, spec, split, values);
  const file = makeStageFile();
  const inherit = inheritedFds(plan, prepared, own, preserveFds);
  const spawned = bearAnywhere(begun, { split, prepared, stage: file, inherit, sync: { ours: sync, stages: theirs } });
  for (const fd of own) close(fd);
  close(file);
  closeInherited(plan, split, prepared);
  return { ...spawned, sync, console: ours, split, prepared, subject: "The process" };
}

function monitorFor(id: string, { console }: Stage, noted: number): Monitor {
  return prepareMonitor({
    verb: "exec",
    id,
    noted,
    state: undefined,
    cgroups: [],
    cgroupFilesystem: "",
    fallback: [],
    needsFallback: false,
    needsEnvironment: false,
    hasTerminal: console !== undefined,
  });
}
