/**
 * The operations `pause` and `resume`. Input: an id. Output: every process of the container stands still, or goes on.
 * @module
 */
import { ownCgroups } from "../cgroup/directories.ts";
import { freeze, isFrozen, thaw } from "../cgroup/freezer.ts";
import { HostError } from "../errors.ts";
import { closeStateDirectory, lockStateDirectory, openStateDirectory } from "../state/directory.ts";
import type { StateRecord } from "../state/record.ts";
import { requireCgroups } from "./own_cgroups.ts";
import { notRunning, recordOf } from "./record.ts";
import { currentStatus } from "./status.ts";
import type { RuntimeOptions, Status } from "./types.ts";

const patienceMs = 10_000;

/** Stops a container that is created or running. */
export function pause(rt: RuntimeOptions, id: string): void {
  change(rt, id, (record, status) => {
    if (status === "paused") throw new HostError(`Container "${id}" is paused already`);
    if (status !== "created" && status !== "running") throw notRunning(record);
    freeze(requireCgroups(record, "pause container"));
  });
}

/** Lets a paused container go on. */
export function resume(rt: RuntimeOptions, id: string): void {
  change(rt, id, (record, status) => {
    if (status !== "paused") throw new HostError(`Container "${id}": container not paused`);
    const cgroups = ownCgroups(record.cgroups);
    thaw(cgroups);
    if (isFrozen(cgroups)) {
      throw new HostError(`Cannot resume container "${id}": it stays frozen`, [
        "because    a cgroup above it is frozen, or this user may not write to its own",
      ]);
    }
  });
}

function change(rt: RuntimeOptions, id: string, act: (record: StateRecord, status: Status) => void): void {
  const directory = openStateDirectory(rt.root, id);
  try {
    lockStateDirectory(directory, patienceMs);
    const seen = recordOf(directory);
    act(seen.record, currentStatus(directory, seen));
  } finally {
    closeStateDirectory(directory);
  }
}
