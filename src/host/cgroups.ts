/**
 * Input: /sys/fs/cgroup and /proc/self/cgroup. Output: the cgroup part of Host.
 * The mount points are the customary ones, each checked by its filesystem's magic number: the mount table is not read.
 * @module
 */
import type { CgroupHierarchy, Host } from "../plan/host.ts";
import { AT_FDCWD, flags, mayAccess, readText, stable, sys, syscallError, tryReadText } from "../stage/sys.ts";

const MOUNT_POINT = "/sys/fs/cgroup";

const ENOENT = 2;
const EACCES = 13;
const ENOTDIR = 20;

/**
 * Magic number of the filesystem that a path is on (statfs(2)); 0 where there is no such path, or nobody may look.
 * Errors: SyscallError where that stays unknown: what is not known to be missing must not be left out.
 */
export function filesystemOf(path: string): number {
  const buffer = stable(120);
  const result = sys("statfs", path, buffer);
  if (result >= 0) return new DataView(buffer.buffer).getUint32(0, true);
  if (result === -ENOENT || result === -ENOTDIR || result === -EACCES) return 0;
  throw syscallError(`statfs "${path}"`, -result);
}

const W_OK = 2;

/**
 * What an ordinary user may do. A process moves only within what was delegated: the file of processes of the cgroup
 * above both places must be writable (cgroups(7), "Cgroups delegation: containment rules").
 */
function mayMake(own: string): "anywhere" | "beside" | "nowhere" {
  const mayWrite = (path: string): boolean => mayAccess(path, W_OK);
  if (mayWrite(MOUNT_POINT) && mayWrite(`${MOUNT_POINT}/cgroup.procs`)) return "anywhere";
  const above = aboveOf(own);
  return mayWrite(above) && mayWrite(`${above}/cgroup.procs`) ? "beside" : "nowhere";
}

/** The directory above the runtime's own place. */
const aboveOf = (own: string): string => `${MOUNT_POINT}${own.slice(0, Math.max(0, own.lastIndexOf("/")))}`;

/** Which of the rarer facts are wanted. */
export interface WantedFacts {
  /** Limits are asked: which controllers there are. */
  readonly controllers: boolean;
  /** The cgroup is given away: which files go along. */
  readonly delegate: boolean;
}

/** Words of a file; none where it cannot be read. */
function wordsOf(path: string): string[] {
  return (tryReadText(path) ?? "").split(/\s+/).filter(Boolean);
}

/**
 * Layout, mount points and the runtime's own place. A hybrid machine counts as v1: its controllers are there.
 * @param isRoot of the machine: nothing is asked about rights then
 */
export function probeCgroups(isRoot: boolean, wanted: WantedFacts): Host["cgroup"] {
  const magic = filesystemOf(MOUNT_POINT);
  if (magic === flags("CGROUP2_SUPER_MAGIC")) {
    let own = "/";
    for (const { controllers, path } of ownPlaces()) if (controllers.length === 0) own = path;
    const mine = isRoot ? undefined : mayMake(own);
    const givesAll = mine === undefined || mine === "anywhere";
    const directory = givesAll ? MOUNT_POINT : aboveOf(own);
    const controllers = wanted.controllers ? wordsOf(`${directory}/cgroup.controllers`) : [];
    const delegate = wanted.delegate ? wordsOf("/sys/kernel/cgroup/delegate") : [];
    const v2 = { mountPoint: MOUNT_POINT, own, controllers, ...(delegate.length > 0 ? { delegate } : {}) };
    return { layout: "v2", v2, v1: [], ...(mine === undefined ? {} : { mayMake: mine }) };
  }
  if (magic !== flags("TMPFS_MAGIC")) return { layout: "none", v2: null, v1: [] };
  return probeLegacy(isRoot);
}

function probeLegacy(isRoot: boolean): Host["cgroup"] {
  const v1: CgroupHierarchy[] = [];
  const legacy = flags("CGROUP_SUPER_MAGIC");
  for (const { controllers, path } of ownPlaces()) {
    if (controllers.length === 0) continue;
    const joined = controllers.join(",");
    const name = joined.startsWith("name=") ? joined.slice(5) : joined;
    const mountPoint = `${MOUNT_POINT}/${name}`;
    if (filesystemOf(mountPoint) === legacy) v1.push({ controllers, mountPoint, own: path });
  }
  // Delegating version 1 is not safe (cgroups(7)), and nobody does.
  return { layout: v1.length > 0 ? "v1" : "none", v2: null, v1, ...(isRoot ? {} : { mayMake: "nowhere" }) };
}

/** cgroups(7): lines `hierarchy:controllers:path`, in /proc/self/cgroup; v2 has no controllers. */
function ownPlaces(): { controllers: string[]; path: string }[] {
  const places: { controllers: string[]; path: string }[] = [];
  for (const line of readText(AT_FDCWD, "/proc/self/cgroup").split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (second < 0) continue;
    const controllers = line.slice(first + 1, second);
    places.push({ controllers: controllers === "" ? [] : controllers.split(","), path: line.slice(second + 1) });
  }
  return places;
}
