/**
 * What state a container is in. Input: StateDirectory, a look at its record. Output: Status.
 *
 * Spec: runtime.md#state. The kernel tells, not a file: a process that was killed leaves no note. Nothing is locked, and the
 * container goes on between one question and the next: each is asked in the order that makes the answer one of a moment.
 * @module
 */
import { stageArgv } from "../stage/spawn.ts";
import { tryReadText } from "../stage/sys.ts";
import { isWaiting, type StateDirectory } from "./directory.ts";
import { isAlive } from "./process.ts";
import type { SeenRecord, StateRecord } from "./record.ts";

export type Status = "creating" | "created" | "running" | "stopped";

type Seen = Pick<SeenRecord, "isBeingMade"> & { readonly record: Pick<StateRecord, "pid" | "startTime"> };

/** The state right now. */
export function statusOf(directory: StateDirectory, seen: Seen): Status {
  const { pid, startTime } = seen.record;
  if (isCreating(seen)) return "creating";
  // What waits is alive; so who is alive after it was found not to wait, executes. The other way round the end of a created
  // container would be told as if it ran.
  const waits = pid !== 0 && isWaiting(directory);
  if (!isAlive(pid, startTime)) return "stopped";
  return waits ? "created" : "running";
}

/**
 * Whether its creation is not done. MUST runtime.md#kill, runtime.md#state: there is no process to be signalled or entered
 * yet, though the stage is there. The one who runs it learns of the user's program a little later than whoever reads what
 * it writes: where that is executed by now, the container is made.
 */
export function isCreating({ record: { pid, startTime }, isBeingMade }: Seen): boolean {
  if (!isBeingMade || pid === 0) return isBeingMade;
  const words = tryReadText(`/proc/${pid}/cmdline`) ?? "";
  // None: it executes right now, or has ended and nobody has said yet what is to become of the container.
  return words === "" || words === `${stageArgv.join("\0")}\0` || !isAlive(pid, startTime);
}
