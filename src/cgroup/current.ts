/**
 * The limits in force that new ones depend on. Input: the container's cgroup directories. Output: plain data.
 * @module
 */
import type { CurrentLimits } from "../plan/cgroup_settings.ts";
import type { UpdateTarget } from "../plan/update.ts";
import { readIfThere } from "./files.ts";

/** From here on version 1 means "no limit": the largest number of pages a counter holds, in bytes. */
const unlimited = 2 ** 62;

/** Reads them. @param directories none of them the top of a hierarchy */
export function currentLimits(directories: readonly string[]): UpdateTarget {
  let memory = Infinity;
  let quota = "max";
  let usage = 0;
  for (const directory of directories) {
    const legacy = Number(readIfThere(`${directory}/memory.limit_in_bytes`));
    const unified = readIfThere(`${directory}/memory.max`).trim();
    if (legacy > 0 && legacy < unlimited) memory = legacy;
    if (unified !== "" && unified !== "max") memory = Number(unified);
    const max = readIfThere(`${directory}/cpu.max`).split(" ")[0];
    if (max !== undefined && max !== "") quota = max;
    usage = Math.max(usage, Number(readIfThere(`${directory}/memory.current`)));
  }
  const current: CurrentLimits = { memory, quota };
  return { cgroups: directories, current, usage };
}
