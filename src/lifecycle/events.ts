/**
 * The operation `events`: what a container uses, now or again and again, and when memory ran out.
 * Input: an id. Output: lines of JSON, in runc's shape.
 * @module
 */
import { ownCgroups } from "../cgroup/directories.ts";
import { outOfMemoryKills } from "../cgroup/memory.ts";
import { type Json, jsonLine, statisticsOf } from "../cgroup/statistics.ts";
import { HostError } from "../errors.ts";
import { close } from "../stage/sys.ts";
import { closeStateDirectory, openStateDirectory } from "../state/directory.ts";
import { openProcess, waitForEnd } from "../state/process.ts";
import type { StateRecord } from "../state/record.ts";
import { requireCgroups } from "./own_cgroups.ts";
import { madeRecordOf, notRunning } from "./record.ts";
import type { RuntimeOptions } from "./types.ts";

/** How often it is looked whether memory ran out, at least. */
const lookMs = 250;

/** One line with everything that is counted right now. */
export function stats(rt: RuntimeOptions, id: string, print: (line: string) => void): void {
  withProcess(rt, id, (record) => print(statsLine(record)));
}

/** A line each interval and one for each time memory ran out, until the container has ended. */
export function events(rt: RuntimeOptions, id: string, intervalMs: number, print: (line: string) => void): void {
  withProcess(rt, id, (record, pidfd) => {
    const cgroups = requireCgroups(record, counting);
    let kills = outOfMemoryKills(cgroups);
    let left = intervalMs;
    for (;;) {
      const pause = Math.min(left, lookMs);
      const hasEnded = waitForEnd(pidfd, pause);
      const now = outOfMemoryKills(cgroups);
      // Where the cgroup is gone the count is 0 again.
      for (; kills < now; kills++) print(`${jsonLine({ type: "oom", id })}\n`);
      if (hasEnded) return;
      left -= pause;
      if (left > 0) continue;
      if (ownCgroups(cgroups).length === 0 && waitForEnd(pidfd, 0)) return;
      print(statsLine(record));
      left = intervalMs;
    }
  });
}

/** What cannot be done without a cgroup: its counters would all be 0. */
const counting = "count what is used by container";

function statsLine(record: StateRecord): string {
  const line: Json = { type: "stats", id: record.id, data: statisticsOf(requireCgroups(record, counting)) };
  return `${jsonLine(line)}\n`;
}

function withProcess(rt: RuntimeOptions, id: string, act: (record: StateRecord, pidfd: number) => void): void {
  const directory = openStateDirectory(rt.root, id);
  let record: StateRecord;
  try {
    ({ record } = madeRecordOf(directory));
  } finally {
    closeStateDirectory(directory);
  }
  const pidfd = openProcess(record.pid, record.startTime);
  if (pidfd === undefined) throw notRunning(record);
  try {
    act(record, pidfd);
  } catch (error) {
    // It has ended meanwhile, and its cgroups are gone.
    if (error instanceof HostError && waitForEnd(pidfd, 0)) throw notRunning(record);
    throw error;
  } finally {
    close(pidfd);
  }
}
