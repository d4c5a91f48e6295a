/**
 * The operation `start`: tells the waiting stage to become the user's process.
 * Spec: runtime.md#start, runtime.md#lifecycle steps 6 to 9
 * @module
 */
import { events } from "../../syscalls/ops.ts";
import { BunkerError, HostError, StageError } from "../errors.ts";
import { planCreate } from "../plan/mod.ts";
import { parseSpec } from "../spec/mod.ts";
import { connectAt, post, receive } from "../stage/sockets.ts";
import { close, errnoName, errnoText, sys } from "../stage/sys.ts";
import {
  closeStateDirectory,
  lockStateDirectory,
  openStateDirectory,
  type StateDirectory,
} from "../state/directory.ts";
import { configTextOf, type SeenRecord, type StateRecord } from "../state/record.ts";
import { removeFailed } from "./delete.ts";
import { failureError } from "./failure.ts";
import { startSocket } from "./launch.ts";
import { recordOf } from "./record.ts";
import { listenNotify, managerSocket, passReady } from "./notify.ts";
import { openProcess } from "../state/process.ts";
import { runPoststart } from "./poststart.ts";
import { currentStatus } from "./status.ts";
import type { RuntimeOptions } from "./types.ts";

const PATIENCE_MS = 10_000;

/** Starts a created container. Errors: HostError for a wrong state, StageError when its process cannot run. */
export function start(rt: RuntimeOptions, id: string): void {
  const directory = openStateDirectory(rt.root, id);
  let wait: (() => void) | undefined;
  try {
    lockStateDirectory(directory, PATIENCE_MS);
    const seen = recordOf(directory);
    const { record } = seen;
    const status = currentStatus(directory, seen);
    if (status !== "created") {
      const detail = status === "paused" ? [`try        bunker resume ${id}`] : [];
      throw new HostError(`Cannot start container "${id}" in state ${status}`, detail);
    }
    if ((record.config as { process?: unknown }).process === undefined) {
      throw new HostError(`Cannot start container "${id}": config.json has no process`);
    }
    if (record.planned?.options.notify !== undefined && managerSocket() !== undefined) {
      const [socket, pidfd] = [listenNotify(directory), openProcess(record.pid, record.startTime) ?? -1];
      wait = () => passReady(rt.log, socket, pidfd, record.pid, -1);
    }
    try {
      release(directory, seen);
      runPoststart(rt, record);
    } catch (error) {
      removeFailed(rt, directory, seen);
      throw error;
    }
  } finally {
    closeStateDirectory(directory);
  }
  // The container runs; other operations may go on meanwhile.
  wait?.();
}

/** Posts START and waits for execve: the connection closes without a failure then. */
function release(directory: StateDirectory, seen: SeenRecord): void {
  const { record } = seen;
  const fd = connectAt(directory.fd, startSocket);
  if (fd < 0) throw new HostError(`Cannot start container "${record.id}": ${errnoName(-fd)} (${errnoText(-fd)})`);
  try {
    if (!post(fd, events.START)) throw ended(record);
    let executes = false;
    for (;;) {
      const messages = receive(fd);
      if (messages.length === 0) break;
      for (const message of messages) {
        if (message.kind === "failed") throw explainFailure(seen, { ...message, errno: message.value });
        if (message.kind === "post" && message.value === events.EXEC) executes = true;
      }
    }
    if (!executes) throw ended(record);
    // ignored: nobody listens there any more, and `delete` removes it
    sys("unlinkat", directory.fd, startSocket, 0);
  } finally {
    close(fd);
  }
}

function ended({ id }: StateRecord): StageError {
  return new StageError(`The first process of container "${id}" ended before it could execute`, [], {
    address: -1,
    errno: 0,
    pointer: "",
  });
}

/** Plans again from the kept config: the same input gives the same lines. */
function explainFailure(
  { record, text }: SeenRecord,
  failure: { address: number; errno: number; result: number; detail: string },
): BunkerError {
  const spec = parseSpec(configTextOf(text));
  const { host, options } = record.planned!;
  return failureError(planCreate(spec, host, options), spec, failure);
}
