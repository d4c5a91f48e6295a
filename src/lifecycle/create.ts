/**
 * The operation `create`: everything but the user's process, which waits as the stage for `start`.
 * Spec: runtime.md#create, runtime.md#lifecycle steps 1 to 5
 * @module
 */
import { events } from "../../syscalls/ops.ts";
import { closeStateDirectory } from "../state/directory.ts";
import { abandon, goOn, launch } from "./launch.ts";
import { loadToExecute } from "./load.ts";
import { runPoststop } from "./poststop.ts";
import { sendPidfd } from "./pidfd_socket.ts";
import { writePidFile } from "./pid_file.ts";
import { accompany, awaitEvent } from "./settle.ts";
import type { CreateOptions, RuntimeOptions } from "./types.ts";

/** Creates a container. Errors: SpecError, HostError, StageError; nothing is left of it then. */
export function create(rt: RuntimeOptions, options: CreateOptions): void {
  const loaded = loadToExecute(rt, options, "create", true);
  let launched = launch(rt, loaded, options.consoleSocket);
  try {
    launched = goOn(launched, accompany(rt, loaded, launched));
    awaitEvent(rt, loaded, launched, events.READY);
    if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, launched.pidfd);
    if (options.pidFile !== undefined) writePidFile(options.pidFile, launched.pid);
    loaded.filters?.keep();
  } catch (error) {
    abandon(rt, launched);
    // Step 13: poststop hooks run although the container never was (L3).
    runPoststop(rt, launched.record);
    throw error;
  }
  closeStateDirectory(launched.directory);
}
