/**
 * The cgroups that an operation cannot do without. Input: StateRecord. Output: directories, or why there are none.
 * @module
 */
import { ownCgroups } from "../cgroup/directories.ts";
import { HostError } from "../errors.ts";
import type { StateRecord } from "../state/record.ts";

/** @param act what cannot be done without, for the message: "pause container" */
export function requireCgroups({ id, cgroups }: Pick<StateRecord, "id" | "cgroups">, act: string): readonly string[] {
  const own = ownCgroups(cgroups);
  if (own.length > 0) return own;
  throw new HostError(`Cannot ${act} "${id}": it has no cgroup of its own`, [
    cgroups.length === 0
      ? "because    it was created without one"
      : `because    somebody has removed it: ${cgroups.join(" ")}`,
  ]);
}
