/**
 * What is known of a container's first process, for one more to join it. Input: StateRecord, the places asked for.
 * Output: ExecTarget. /proc is the runtime's own, never the container's.
 *
 * Kernel: namespaces(7), user_namespaces(7), cgroups(7)
 * @module
 */
import { HostError } from "../errors.ts";
import { filesystemOf } from "../host/cgroups.ts";
import type { ExecTarget } from "../plan/exec.ts";
import { type IdMap, type IdMaps, parseMap } from "../plan/id_maps.ts";
import { namespaceTypes } from "../plan/namespaces.ts";
import type { NamespaceType } from "../spec/types.ts";
import { AT_FDCWD, errnoName, errnoText, flags, mayAccess, readLink, readText, tryReadText } from "../stage/sys.ts";
import type { StateRecord } from "../state/record.ts";
import type { SubCgroup } from "./types.ts";

/** The part of a recorded config.json that matters here; what writers mean alike is not made alike yet. */
export interface RecordedConfig {
  readonly process?: unknown;
  readonly annotations?: Record<string, string> | null;
  readonly linux?: {
    readonly namespaces?: readonly { readonly type: string; readonly path?: string | null }[] | null;
    readonly personality?: object | null;
    readonly seccomp?: unknown;
  } | null;
}

/** Gathers the facts. Errors: HostError. */
export function examine(record: StateRecord, subCgroups: readonly SubCgroup[]): ExecTarget {
  const own = ownTypes(record.config as RecordedConfig);
  const namespaces: NamespaceType[] = [];
  for (const [type, , file] of namespaceTypes) {
    // Made for the container, so surely not ours.
    if (own.includes(type) || differs(record, file)) namespaces.push(type);
  }
  const layout = layoutOf(record.cgroups);
  return {
    pid: record.pid,
    namespaces,
    isChrooted: !own.includes("mount"),
    ...(namespaces.includes("user") ? { maps: mapsOf(record.pid) } : {}),
    sharesUserNamespace: !namespaces.includes("user") && mayAccess("/proc/self/ns/user", 0),
    cgroups: layout === "none" ? [] : placesOf(record, layout, subCgroups),
    cgroupLayout: layout,
    ...(record.resctrl === undefined ? {} : { resctrl: record.resctrl.groups }),
  };
}

function ownTypes(config: RecordedConfig): string[] {
  const types: string[] = [];
  for (const { type, path } of config.linux?.namespaces ?? []) {
    if (path === undefined || path === null || path === "") types.push(type);
  }
  return types;
}

const ENOENT = 2;
/** "net:[4026531840]" is shorter. */
const NAMESPACE_BYTES = 64;

function differs({ id, pid }: StateRecord, file: string): boolean {
  const ours = readLink(`/proc/self/ns/${file}`, NAMESPACE_BYTES);
  const theirs = readLink(`/proc/${pid}/ns/${file}`, NAMESPACE_BYTES);
  if (typeof theirs === "string" && typeof ours === "string") return theirs !== ours;
  if (typeof theirs === "string") throw new HostError(`Cannot look at the own namespaces: ${errnoName(-ours)}`);
  if (theirs === -ENOENT) {
    // A kernel without that kind, unless it is the process that is gone.
    if (typeof ours !== "string") return false;
    throw new HostError(`Container "${id}": container not running`);
  }
  throw new HostError(
    `Cannot look at the namespaces of container "${id}": ${errnoName(-theirs)} (${errnoText(-theirs)})`,
    ["because    they belong to another user"],
  );
}

function mapsOf(pid: number): IdMaps {
  // "deny" is for good (user_namespaces(7)).
  const setgroups = !readText(AT_FDCWD, `/proc/${pid}/setgroups`).startsWith("deny");
  const map = (file: string, pointer: string): IdMap => ({
    mappings: parseMap(readText(AT_FDCWD, `/proc/${pid}/${file}`)),
    writer: "direct",
    pointer,
  });
  return { uid: map("uid_map", "/linux/uidMappings"), gid: map("gid_map", "/linux/gidMappings"), setgroups };
}

function layoutOf(cgroups: readonly string[]): ExecTarget["cgroupLayout"] {
  if (cgroups.length === 0) return "none";
  if (cgroups.length > 1) return "v1";
  // Its own may be gone, the one it is mounted in is not.
  const isThere = mayAccess(cgroups[0]!, 0);
  return filesystemOf(isThere ? cgroups[0]! : "/sys/fs/cgroup") === flags("CGROUP2_SUPER_MAGIC") ? "v2" : "v1";
}

/** The directories to enter: the container's, or those below it that were asked for. */
function placesOf(record: StateRecord, layout: "v1" | "v2", asked: readonly SubCgroup[]): string[] {
  const places: string[] = [];
  const used = new Set<SubCgroup>();
  for (const directory of record.cgroups) {
    const names = layout === "v2" ? [] : controllersOf(directory);
    let place = asked.length === 0 ? placeOf(record, directory, layout, names) : directory;
    for (const sub of asked) {
      if (sub.controllers.length > 0 && !sub.controllers.some((name) => names.includes(name))) continue;
      used.add(sub);
      place = `${directory}/${sub.path}`;
    }
    places.push(place);
  }
  for (const sub of asked) {
    if (used.has(sub)) continue;
    throw new HostError(`Container "${record.id}" has no cgroup of its own for "${sub.controllers.join(",")}"`, [
      "asked by   --cgroup",
      ...(layout === "v2" ? ["because    cgroup version 2 has one directory for all controllers"] : []),
    ]);
  }
  return places;
}

/**
 * The container's own; where that is gone, because its processes were moved and somebody has removed it, the one of its
 * first process. As runc.
 */
function placeOf(record: StateRecord, directory: string, layout: "v1" | "v2", names: readonly string[]): string {
  if (mayAccess(directory, 0)) return layout === "v2" ? openPlace(record, directory) : directory;
  for (const line of (tryReadText(`/proc/${record.pid}/cgroup`) ?? "").split("\n")) {
    // A hierarchy without controllers has a name: "1:name=systemd:/web".
    const [, controllers = "", path = ""] = /^\d+:(?:name=)?([^:]*):(.*)$/.exec(line) ?? [];
    const isIts =
      layout === "v2" ? line.startsWith("0::") : names.every((name) => controllers.split(",").includes(name));
    if (!isIts || !path.startsWith("/") || `${path}/`.includes("/../")) continue;
    return `/sys/fs/cgroup${layout === "v2" ? "" : `/${names.join(",")}`}${path}`;
  }
  return directory;
}

/** "cpu,cpuacct" of /sys/fs/cgroup/cpu,cpuacct/web. */
function controllersOf(directory: string): string[] {
  const top = "/sys/fs/cgroup/";
  const rest = directory.slice(top.length);
  const slash = rest.indexOf("/");
  return (slash < 0 ? rest : rest.slice(0, slash)).split(",");
}

/**
 * A container that manages its own cgroups (systemd in it) has given controllers to those below, and then its topmost
 * one takes no process (cgroups(7), "no internal processes" rule): there the first process's own cgroup is the place.
 */
function openPlace({ pid }: StateRecord, directory: string): string {
  // Where either cannot be read, opening the directory says what is wrong.
  if ((tryReadText(`${directory}/cgroup.subtree_control`) ?? "").trim() === "") return directory;
  const line = tryReadText(`/proc/${pid}/cgroup`) ?? "";
  const path = line.slice(line.indexOf("::") + 2).split("\n")[0]!;
  const place = `/sys/fs/cgroup${path}`;
  return place.startsWith(`${directory}/`) && !place.includes("/..") ? place : directory;
}
