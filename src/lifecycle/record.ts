/**
 * The record of a container that an operation was asked to work on. Input: StateDirectory. Output: SeenRecord.
 * @module
 */
import { HostError } from "../errors.ts";
import { isLocked, isRemoved, noSuchContainer, readRecord, type StateDirectory } from "../state/directory.ts";
import type { SeenRecord, StateRecord } from "../state/record.ts";
import { isCreating } from "../state/status.ts";

/** The record; where there is none (yet, or any more) the container does not exist, and the detail says why. */
export function recordOf(directory: StateDirectory): SeenRecord {
  const seen = readRecord(directory);
  if (seen !== undefined) return seen;
  const { id, path } = directory;
  if (isLocked(directory)) throw notThere(id, ["because    it is being created or deleted right now"]);
  // Whoever had the lock is done: there is a record now, or no directory any more.
  const again = readRecord(directory);
  if (again !== undefined) return again;
  if (isRemoved(directory)) throw noSuchContainer(id, path.slice(0, -id.length - 1));
  throw notThere(id, ["because    its creation was interrupted", `try        bunker delete --force ${id}`]);
}

const notThere = (id: string, detail: readonly string[]): HostError =>
  new HostError(`Container "${id}": container does not exist`, detail);

/** What containerd and others match the words of. */
export const notRunning = ({ id }: Pick<StateRecord, "id">, detail: readonly string[] = []): HostError =>
  new HostError(`Container "${id}": container not running`, detail);

/**
 * As recordOf, of a container whose first process may be signalled, entered or listed.
 * MUST runtime.md#kill: one that is neither created nor running is an error, and has no effect on it.
 */
export function madeRecordOf(directory: StateDirectory): SeenRecord {
  const seen = recordOf(directory);
  if (isCreating(seen)) throw notRunning(seen.record, ["because    it is being created right now"]);
  return seen;
}
