/**
 * The operation `run`: create and start in one; in the foreground also wait, relay and delete.
 * @module
 */
import { events } from "../../syscalls/ops.ts";
import { BunkerError, HostError } from "../errors.ts";
import { becomeMonitor } from "../stage/monitor.ts";
import { selfCommand } from "../stage/self.ts";
import { post, receiveFd } from "../stage/sockets.ts";
import { close, flags, stable, sys } from "../stage/sys.ts";
import { closeStateDirectory } from "../state/directory.ts";
import { abandon, launch, type Launched } from "./launch.ts";
import { load, type Loaded } from "./load.ts";
import { runPoststart } from "./poststart.ts";
import { runPoststop } from "./poststop.ts";
import { writePidFile } from "./pid_file.ts";
import { accompany, awaitEvent, awaitExec } from "./settle.ts";
import type { RunOptions, RuntimeOptions } from "./types.ts";

/** Runs a container. Detached: 0 once its process executes. In the foreground: does not return, but throws. */
export function run(rt: RuntimeOptions, options: RunOptions): number {
  if (!options.detach) blockSignals();
  const loaded = load(rt, options, "run", options.detach);
  if (loaded.spec.process === undefined) throw new HostError("Cannot run a container: config.json has no process");
  // Orphans of the container's processes come to the monitor, which reaps them.
  if (!options.detach && !options.noSubreaper) sys("prctl", flags("PR_SET_CHILD_SUBREAPER"), 1, 0, 0, 0);
  const launched = launch(rt, loaded, options.consoleSocket);
  let master = -1;
  try {
    accompany(rt, loaded, launched);
    if (options.pidFile !== undefined) {
      awaitEvent(rt, loaded, launched, events.READY);
      writePidFile(options.pidFile, launched.pid);
    }
    // Posted early: the stage finds it waiting once it is ready, and the process table is as it should be by now.
    if (!post(launched.sync, events.START)) awaitEvent(rt, loaded, launched, events.EXEC);
    awaitExec(rt, loaded, launched);
    if (launched.console !== undefined) master = receiveFd(launched.console);
    runPoststart(rt, launched.record);
  } catch (error) {
    abandon(launched);
    runPoststop(rt, launched.record);
    throw error;
  }
  if (options.detach) {
    closeStateDirectory(launched.directory);
    return 0;
  }
  return monitor(rt, options, loaded, launched, master);
}

/** What the monitor removes when the container has ended; more than this, and it calls `delete`. */
const stateFiles = ["created", "state.json", "lock"];

function monitor(rt: RuntimeOptions, options: RunOptions, _loaded: Loaded, launched: Launched, master: number): never {
  const { directory, record, pid, pidfd } = launched;
  if (directory.lock !== undefined) close(directory.lock);
  rt.log.flush();
  becomeMonitor({
    id: record.id,
    pid,
    pidfd,
    master,
    state: options.keep ? undefined : { fd: directory.fd, rootFd: directory.rootFd, files: stateFiles },
    cgroups: record.cgroups,
    fallback: [...selfCommand(), "--root", rt.root, "delete", "--force", record.id],
    needsFallback: (record.hooks.poststop ?? []).length > 0,
  });
}

/**
 * From here to the monitor every signal waits; the monitor then forwards it. A thread of the engine that exists
 * already could still take one, so this is the first thing a foreground `run` does.
 */
function blockSignals(): void {
  const all = stable(8).fill(0xff);
  if (sys("rt_sigprocmask", flags("SIG_SETMASK"), all, null, 8) < 0) throw new BunkerError("Cannot block signals");
}
