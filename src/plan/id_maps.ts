/**
 * Which ids of the host are which in the container's new user namespace. Pure.
 * In: config.json's mappings, the runtime's rights and, for an ordinary user, its subordinate ids (subuid(5)).
 * Out: mappings and how they can be written.
 *
 * Spec: config-linux.md#user-namespace-mappings
 * Kernel: user_namespaces(7): without privilege one id, the writer's own, and only after setgroups(2) was given up;
 *   more by newuidmap(1) and newgidmap(1)
 * @module
 */
import type { IdMapping } from "../spec/types.ts";
import type { Context } from "./context.ts";
import type { IdRange } from "./host.ts";

/** How a map is written: into the kernel's file with privilege, the one id without, by the set-user-id helper. */
export type MapWriter = "direct" | "single" | "helper";

export interface IdMap {
  readonly mappings: readonly IdMapping[];
  readonly writer: MapWriter;
  /** JSON Pointer of what asked for it. */
  readonly pointer: string;
}

export interface IdMaps {
  readonly uid: IdMap;
  readonly gid: IdMap;
  /** Whether setgroups(2) is of use: given up for good where one's own gid alone is mapped without privilege. */
  readonly setgroups: boolean;
}

/** /proc/PID/uid_map takes at most this many lines since Linux 4.15. */
const maxMappings = 340;

/** What the maps depend on. */
type Given = Pick<Context, "plan" | "spec" | "host" | "fresh">;

/** The maps of a new user namespace; undefined: it is joined, or there is none. Refuses what cannot be written. */
export function idMapsOf(c: Given): IdMaps | undefined {
  if (!c.fresh.has("user")) return undefined;
  const { spec, host } = c;
  const helpers = host.idHelpers;
  // An ordinary user's gid map is free only where setgroups stays: both maps go the same way.
  const uids = mappingsOf(spec.linux?.uidMappings, host.euid, helpers?.uids, helpers?.newuidmap ?? null);
  const gids = mappingsOf(spec.linux?.gidMappings, host.egid, helpers?.gids, helpers?.newgidmap ?? null);
  const isSingle = (mappings: readonly IdMapping[], own: number): boolean =>
    mappings.length === 1 && mappings[0]!.size === 1 && mappings[0]!.hostID === own;
  const single = isSingle(uids, host.euid) && isSingle(gids, host.egid);
  const writer: MapWriter = host.mayMapIds ? "direct" : single ? "single" : "helper";
  const maps = {
    uid: { mappings: uids, writer, pointer: "/linux/uidMappings" },
    gid: { mappings: gids, writer, pointer: "/linux/gidMappings" },
    // newgidmap gives it up, too, where it is to map no more than that.
    setgroups: writer === "direct" || !isSingle(gids, host.egid),
  };
  for (const map of [maps.uid, maps.gid]) check(c, map, map === maps.uid ? "newuidmap" : "newgidmap");
  return maps;
}

/**
 * The mappings asked for. None: root is whoever runs this, and the ids after it are the subordinate ones, as far as
 * there are helpers to map them (as crun).
 */
function mappingsOf(
  asked: readonly IdMapping[] | undefined,
  own: number,
  subordinate: readonly IdRange[] | undefined,
  helper: string | null,
): readonly IdMapping[] {
  if (asked !== undefined && asked.length > 0) return asked;
  const mappings: IdMapping[] = [{ containerID: 0, hostID: own, size: 1 }];
  if (helper === null) return mappings;
  let next = 1;
  for (const { first, count } of subordinate ?? []) {
    mappings.push({ containerID: next, hostID: first, size: count });
    next += count;
  }
  return mappings;
}

/** Rules of user_namespaces(7) that can be told beforehand. */
function check(c: Given, { mappings, writer, pointer }: IdMap, helper: "newuidmap" | "newgidmap"): void {
  if (mappings.length > maxMappings) {
    c.plan.refuse(pointer, `the kernel takes at most ${maxMappings} mappings but ${mappings.length} are given`);
  }
  const overlap = findOverlap(mappings);
  if (overlap !== undefined) {
    const { index, earlier, key } = overlap;
    c.plan.refuse(`${pointer}/${index}/${key}`, `overlaps mapping ${earlier}: an id can be mapped only once`);
    return;
  }
  if (writer === "helper" && (c.host.idHelpers?.[helper] ?? null) === null) {
    c.plan.refuse(
      pointer,
      `an ordinary user needs ${helper} for this mapping, and it is not installed (package uidmap); without it only its own id can be mapped`,
    );
  }
}

/** The first mapping that has ids of an earlier one, and on which side; undefined: every id is mapped once. */
export function findOverlap(
  mappings: readonly IdMapping[],
): { readonly index: number; readonly earlier: number; readonly key: "containerID" | "hostID" } | undefined {
  for (let index = 0; index < mappings.length; index++) {
    const a = mappings[index]!;
    for (let earlier = 0; earlier < index; earlier++) {
      const b = mappings[earlier]!;
      for (const key of ["containerID", "hostID"] as const) {
        if (a[key] < b[key] + b.size && b[key] < a[key] + a.size) return { index, earlier, key };
      }
    }
  }
  return undefined;
}

/** Refuses ids of the process that no mapping has. */
export function checkProcessIds(c: Given, maps: IdMaps | undefined): void {
  const user = c.spec.process?.user;
  if (maps === undefined || user === undefined) return;
  const refuse = (key: string, id: number): void =>
    c.plan.refuse(`/process/user/${key}`, `${id} is not mapped in the container's user namespace`);
  if (!isMapped(maps.uid.mappings, user.uid)) refuse("uid", user.uid);
  if (!isMapped(maps.gid.mappings, user.gid)) refuse("gid", user.gid);
  const groups = user.additionalGids ?? [];
  for (let i = 0; i < groups.length; i++) {
    if (!maySetGroups(maps)) {
      c.plan.refuse(
        "/process/user/additionalGids",
        "an ordinary user who maps a single group cannot set others: that takes newgidmap and /etc/subgid",
      );
      return;
    }
    if (!isMapped(maps.gid.mappings, groups[i]!)) refuse(`additionalGids/${i}`, groups[i]!);
  }
}

/** Whether setgroups(2) is of use in the container. */
export function maySetGroups(maps: IdMaps | undefined): boolean {
  return maps === undefined || maps.setgroups;
}

/** The mapping that has an id of the container; undefined: the id is not mapped. */
export function mappingOf(mappings: readonly IdMapping[], id: number): IdMapping | undefined {
  for (const mapping of mappings) {
    if (id >= mapping.containerID && id < mapping.containerID + mapping.size) return mapping;
  }
  return undefined;
}

/** Whether an id of the container is mapped. */
export function isMapped(mappings: readonly IdMapping[], id: number): boolean {
  return mappingOf(mappings, id) !== undefined;
}

/** The id outside that an id of the container is; undefined: it is not mapped. */
export function hostIdOf(mappings: readonly IdMapping[], id: number): number | undefined {
  const mapping = mappingOf(mappings, id);
  return mapping === undefined ? undefined : mapping.hostID + id - mapping.containerID;
}

/** The text of uid_map: a line a mapping. */
export function mapText(mappings: readonly IdMapping[]): string {
  let text = "";
  for (const { containerID, hostID, size } of mappings) text += `${containerID} ${hostID} ${size}\n`;
  return text;
}

/** The mappings of a text of uid_map, where the kernel shows columns. */
export function parseMap(text: string): IdMapping[] {
  const mappings: IdMapping[] = [];
  for (const line of text.split("\n")) {
    const numbers: number[] = [];
    for (const word of line.split(" ")) if (word !== "") numbers.push(Number(word));
    if (numbers.length === 3) mappings.push({ containerID: numbers[0]!, hostID: numbers[1]!, size: numbers[2]! });
  }
  return mappings;
}
