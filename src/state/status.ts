/**
 * What state a container is in. Input: StateDirectory, StateRecord. Output: Status.
 *
 * Spec: runtime.md#state. The kernel tells, not a file: a process that was killed leaves no note.
 * @module
 */
import { isLocked, isWaiting, type StateDirectory } from "./directory.ts";
import { isAlive } from "./process.ts";
import type { StateRecord } from "./record.ts";

export type Status = "creating" | "created" | "running" | "stopped";

/** The state right now. */
export function statusOf(directory: StateDirectory, record: Pick<StateRecord, "pid" | "startTime">): Status {
  if (record.pid === 0) return directory.lock === undefined && isLocked(directory) ? "creating" : "stopped";
  if (!isAlive(record.pid, record.startTime)) return "stopped";
  return isWaiting(directory) ? "created" : "running";
}
