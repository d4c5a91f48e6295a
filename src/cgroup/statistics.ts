/**
 * What a container uses, as runc's `events` prints it. Input: its cgroup directories. Output: Statistics.
 * Names, units and what is left out where it is 0 are runc's (types/events.go): programs parse them.
 * @module
 */
import { readIfThere } from "./files.ts";
import { legacyStatistics } from "./statistics_v1.ts";
import { unifiedStatistics } from "./statistics_v2.ts";

/** JSON with integers of 64 bits; an absent member is left out. */
export type Json = bigint | number | string | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** Everything that is counted. */
export function statisticsOf(directories: readonly string[]): Json {
  const [first = ""] = directories;
  const isUnified = directories.length === 1 && readIfThere(`${first}/cgroup.controllers`) !== "";
  const hasType = directories.length === 1 && readIfThere(`${first}/cgroup.type`) !== "";
  return isUnified || hasType ? unifiedStatistics(first) : legacyStatistics(directories);
}

/** One line of JSON. JavaScript's own writes no integers beyond 2^53. */
export function jsonLine(value: Json): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(jsonLine).join(",")}]`;
  const members = Object.entries(value).flatMap(([key, member]) =>
    member === undefined ? [] : [`${JSON.stringify(key)}:${jsonLine(member)}`],
  );
  return `{${members.join(",")}}`;
}
