/**
 * The state a container is in, as users see it: that of its process, or `paused`.
 * Input: StateDirectory, SeenRecord. Output: Status.
 * @module
 */
import { isFrozen } from "../cgroup/freezer.ts";
import type { StateDirectory } from "../state/directory.ts";
import type { SeenRecord } from "../state/record.ts";
import { statusOf } from "../state/status.ts";
import type { Status } from "./types.ts";

/** The state right now; a container may be paused before it is started, too (as with runc). */
export function currentStatus(directory: StateDirectory, seen: SeenRecord): Status {
  const status = statusOf(directory, seen);
  return (status === "running" || status === "created") && isFrozen(seen.record.cgroups) ? "paused" : status;
}
