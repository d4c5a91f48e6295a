/**
 * The operation `run`: create and start in one; in the foreground also wait, relay and delete.
 * @module
 */
import { events } from "../../syscalls/ops.ts";
import { HostError } from "../errors.ts";
import { holdSignals } from "../stage/hold_signals.ts";
import { becomeMonitor, type Monitor, prepareMonitor, watch } from "../stage/monitor.ts";
import { selfCommand } from "../stage/self.ts";
import { post, receiveFd } from "../stage/sockets.ts";
import { flags, sysOrThrow } from "../stage/sys.ts";
import { closeStateDirectory, unlockRecord } from "../state/directory.ts";
import { instanceOf, madeCgroups } from "../state/record.ts";
import { abandon, goOn, launch, type Launched } from "./launch.ts";
import { type Loaded, loadToExecute } from "./load.ts";
import { listenNotify, passReady } from "./notify.ts";
import { runPoststart } from "./poststart.ts";
import { runPoststop } from "./poststop.ts";
import { sendPidfd } from "./pidfd_socket.ts";
import { writePidFile } from "./pid_file.ts";
import { accompany, awaitEvent, awaitExec, leaveTo } from "./settle.ts";
import type { RunOptions, RuntimeOptions } from "./types.ts";

/** Runs a container. Detached: 0 once its process executes. In the foreground: does not return, but throws. */
export function run(rt: RuntimeOptions, options: RunOptions): number {
  const noted = options.detach ? -1 : holdSignals();
  const loaded = loadToExecute(rt, options, "run", options.detach);
  if (loaded.spec.process === undefined) throw new HostError("Cannot run a container: config.json has no process");
  // Orphans of the container's processes come to the monitor, which reaps them.
  if (!options.detach && !options.noSubreaper) sysOrThrow("prctl", flags("PR_SET_CHILD_SUBREAPER"), 1, 0, 0, 0);
  let launched = launch(rt, loaded, options.consoleSocket);
  let master = -1;
  let monitor: Monitor | undefined;
  let notify = -1;
  try {
    if (loaded.options.notify !== undefined) notify = listenNotify(launched.directory);
    if (launched.split.after.length > 0) launched = goOn(launched, accompany(rt, loaded, launched));
    if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, launched.pidfd);
    if (options.pidFile !== undefined) {
      awaitEvent(rt, loaded, launched, events.READY);
      writePidFile(options.pidFile, launched.pid);
    }
    // Posted early: the stage finds it waiting once it is ready, and the process table is as it should be by now.
    if (!post(launched.sync, events.START)) awaitEvent(rt, loaded, launched, events.EXEC);
    // The stage is at work: time for what comes after it.
    if (!options.detach) monitor = prepare(rt, options, launched, loaded, noted);
    loaded.filters?.keep();
    const mayLeave = launched.console === undefined && notify < 0 && launched.record.hooks.poststart === undefined;
    awaitExec(rt, loaded, launched, mayLeave && leaveTo(rt, monitor, launched.sync, launched.directory.record));
    unlockRecord(launched.directory);
    if (launched.console !== undefined) master = receiveFd(launched.console);
    runPoststart(rt, launched.record);
    if (notify >= 0) passReady(rt.log, notify, launched.pidfd, launched.pid, noted);
  } catch (error) {
    abandon(rt, launched);
    runPoststop(rt, launched.record);
    throw error;
  }
  if (monitor === undefined) {
    closeStateDirectory(launched.directory);
    return 0;
  }
  rt.log.flush();
  return becomeMonitor(monitor, master);
}

/** What the monitor removes when the container has ended; more than this, and it calls `delete`. */
const stateFiles = ["state.json"];

function prepare(
  rt: RuntimeOptions,
  options: RunOptions,
  launched: Launched,
  { host }: Loaded,
  noted: number,
): Monitor {
  const { directory, record } = launched;
  const cgroupFilesystem = host.cgroup.layout === "v2" ? "CGROUP2_SUPER_MAGIC" : "CGROUP_SUPER_MAGIC";
  const monitor = prepareMonitor({
    verb: "run",
    id: record.id,
    noted,
    state: options.keep
      ? undefined
      : {
          fd: directory.fd,
          rootFd: directory.rootFd,
          files: stateFiles,
          advice: `bunker --root ${rt.root} delete --force ${record.id}`,
        },
    cgroups: madeCgroups(record),
    cgroupFilesystem,
    fallback: [...selfCommand(), "--root", rt.root, "delete", "--force", "--instance", instanceOf(record), record.id],
    needsEnvironment: lacksEnvironment(record.hooks.poststop),
    // What systemd has made, it has to be told to forget.
    needsFallback:
      (record.hooks.poststop ?? []).length > 0 || record.unit !== undefined || record.resctrl !== undefined,
    hasTerminal: launched.console !== undefined,
  });
  watch(monitor, launched);
  return monitor;
}

/** Whether a hook gets the environment of the command that runs it. */
function lacksEnvironment(hooks: Launched["record"]["hooks"]["poststop"]): boolean {
  for (const { env } of hooks ?? []) if (env === undefined) return true;
  return false;
}
