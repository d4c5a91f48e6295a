/**
 * state.json: what later commands must know about a container. Input and output: StateRecord.
 * One JSON text with pid 0, written before anything else is made, and a small second one with the process, added when it
 * exists: writing the whole again would cost another file. More are added where `update` exchanges device rules; of what
 * several say the last counts.
 * @module
 */
import type { Host, PlanOptions } from "../plan/host.ts";
import type { ResctrlGroups, UnitAddress } from "../plan/types.ts";
import type { DeviceRule } from "../spec/types.ts";
import type { Hook } from "../stage/hooks.ts";
import { recordFault } from "./check_record.ts";
import { DamagedRecord } from "./record_file.ts";

/** Content of state.json, one JSON object. */
export interface StateRecord {
  readonly id: string;
  /** As the runtime's pid namespace sees it; 0 until the process exists. */
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks; 0 with pid 0. */
  readonly startTime: number;
  /** Absolute. */
  readonly bundle: string;
  /** Absolute. */
  readonly rootfs: string;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly created: string;
  /** uid of the user that created it. */
  readonly owner: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** The container's cgroup directories, absolute host paths. */
  readonly cgroups: readonly string[];
  /** Those of them that were there before: neither emptied nor removed at the end. Absent: none. */
  readonly found?: readonly string[];
  /** Classes of resctrl, where config.json asks for one. */
  readonly resctrl?: ResctrlGroups;
  readonly cgroupManager: "cgroupfs" | "systemd" | "disabled";
  /** The unit of systemd's that its cgroup belongs to. */
  readonly unit?: UnitAddress;
  /** Those that run later than `create`. */
  readonly hooks: { readonly poststart?: readonly Hook[]; readonly poststop?: readonly Hook[] };
  readonly ociVersion: string;
  /** Its processes keep the session keyring of their caller. */
  readonly noNewKeyring: boolean;
  /** What `create` planned by, so that `start` can name the line that failed; absent after `run`. */
  readonly planned?: { readonly host: Host; readonly options: PlanOptions };
  /** Device rules in force, where `update` exchanged those of config.json; null: it did not come to its end. */
  readonly deviceRules?: readonly DeviceRule[] | null;
  /** The whole config.json as it was at `create`. */
  readonly config: unknown;
}

/** A record as one look shows it. */
export interface SeenRecord {
  readonly record: StateRecord;
  /** As it was read. */
  readonly text: string;
  /** Whoever creates the container is not done with it. */
  readonly isBeingMade: boolean;
}

/** Tells a container from an earlier or a later one of the same id. */
export const instanceOf = ({ pid, startTime }: Pick<StateRecord, "pid" | "startTime">): string => `${pid}:${startTime}`;

/** The cgroups that were made for the container. MUST runtime.md#delete: what `create` did not make stays */
export function madeCgroups({ cgroups, found }: Pick<StateRecord, "cgroups" | "found">): readonly string[] {
  if (found === undefined) return cgroups;
  const made: string[] = [];
  for (const directory of cgroups) if (!found.includes(directory)) made.push(directory);
  return made;
}

/** state.json as text; `configText` is put in as it was read, JSON already. */
export function printRecord(record: Omit<StateRecord, "config">, configText: string): string {
  return `${JSON.stringify(record).slice(0, -1)},"config":${configText.trim()}}\n`;
}

/** config.json's text out of state.json's, as it was read: numbers above 2^53 with all their digits. */
export function configTextOf(text: string): string {
  const first = firstText(text).trimEnd();
  const { config: _, ...rest } = JSON.parse(first) as StateRecord;
  // What printRecord wrote before it, which the same members give again.
  return first.slice(JSON.stringify(rest).length - 1 + `,"config":`.length, -1);
}

/** RFC 7464 (JSON text sequences): stands before a text that follows another; it cannot occur within one. */
const separator = "\x1e";

/** What is added to state.json once the container's process exists. */
export function printProcess(pid: number, startTime: number): string {
  return `${separator}{"pid":${pid},"startTime":${startTime}}\n`;
}

/** What is added to state.json where device rules are exchanged. */
export function printDeviceRules(rules: readonly DeviceRule[] | null): string {
  return `${separator}{"deviceRules":${JSON.stringify(rules)}}\n`;
}

/** The first of the texts in state.json: everything but what came later. */
export function firstText(text: string): string {
  const end = text.indexOf(separator);
  return end < 0 ? text : text.slice(0, end);
}

/**
 * The record out of state.json. Errors: DamagedRecord, where it says what no record of that container can say.
 * @param path for messages
 */
export function parseRecord(text: string, id: string, path: string): StateRecord {
  let record: unknown;
  try {
    const end = text.indexOf(separator);
    record = JSON.parse(firstText(text));
    for (let at = end; at >= 0;) {
      const next = text.indexOf(separator, at + 1);
      const added = text.slice(at + 1, next < 0 ? undefined : next);
      // Without the newline it is just being added.
      if (added.endsWith("\n")) Object.assign(record as object, JSON.parse(added));
      at = next;
    }
  } catch {
    throw new DamagedRecord(path, "it is not whole");
  }
  const fault = recordFault(record, id);
  if (fault !== "") throw new DamagedRecord(path, fault);
  return record as StateRecord;
}
