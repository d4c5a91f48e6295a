/**
 * The record of a container that an operation was asked to work on. Input: StateDirectory. Output: StateRecord.
 * @module
 */
import { HostError } from "../errors.ts";
import { isLocked, readRecord, type StateDirectory } from "../state/directory.ts";
import type { StateRecord } from "../state/record.ts";

/** The record; where there is none (yet, or any more) the container does not exist, and the detail says why. */
export function recordOf(directory: StateDirectory): StateRecord {
  const record = readRecord(directory);
  if (record !== undefined) return record;
  const detail = isLocked(directory)
    ? ["because    it is being created or deleted right now"]
    : ["because    its creation was interrupted", `try        bunker delete --force ${directory.id}`];
  throw new HostError(`Container "${directory.id}": container does not exist`, detail);
}
