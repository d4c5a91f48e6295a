/**
 * Whether a container ran out of memory. Input: its cgroup directories. Output: counts, text for messages.
 * Kernel: v2 memory.events, v1 memory.oom_control (oom_kill since Linux 4.13)
 * @module
 */
import { readIfThere } from "./files.ts";

/** How often the kernel killed a process here for want of memory. */
export function outOfMemoryKills(directories: readonly string[]): number {
  let kills = 0;
  for (const directory of directories) {
    for (const file of ["memory.events", "memory.oom_control"]) {
      const line = readIfThere(`${directory}/${file}`)
        .split("\n")
        .find((text) => text.startsWith("oom_kill "));
      if (line !== undefined) kills = Math.max(kills, Number(line.slice(9)));
    }
  }
  return kills;
}

/** "limit of 65536 bytes", or just that there is one. */
export function memoryText(directories: readonly string[]): string {
  for (const directory of directories) {
    const limit = readIfThere(`${directory}/memory.max`) || readIfThere(`${directory}/memory.limit_in_bytes`);
    if (limit !== "") return `limit of ${limit.trim()} bytes`;
  }
  return "limit";
}
