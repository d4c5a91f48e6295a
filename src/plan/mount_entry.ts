/**
 * One entry of `mounts` on its way through the plan, and what every kind of mount does with it.
 * In: Context, PreparedMount. Out: registers.
 * @module
 */
import type { Mount } from "../spec/types.ts";
import type { Context } from "./context.ts";
import { type Check, type Found, openDirectoryBy, openOrMake } from "./in_root.ts";
import type { MountOptions } from "./mount_options.ts";
import { isWithin } from "./paths.ts";
import { contentOf, how, type Hows, isGuardedPlace, isStrict, type Way, wayTo } from "./places.ts";
import type { Register } from "./types.ts";

/** One entry, read. */
export interface PreparedMount {
  readonly pointer: string;
  readonly mount: Mount;
  /** In-root destination, "" is the root itself. */
  readonly path: string;
  readonly options: MountOptions;
  readonly isBind: boolean;
  /** Clones made by the runtime: one for a bind, one a hierarchy for a v1 cgroup view, else none. */
  sources: readonly Register[];
  /** In-root path of a bind's source that earlier mounts have to do with: cloned when these are there. */
  readonly late?: string;
  /** Made writable first, because something is put into it: read-only in the end (finishMounts). */
  readonly isReadOnlyLater: boolean;
  /** To its destination, once everything before it is planned; undefined: that is the root. */
  way?: Way;
  /** How that is opened. */
  opening?: keyof Hows;
  /** Links may lead to another place than config.json names. */
  mayStray?: boolean;
  /** The mount, once planned. */
  mounted?: Register;
}

/** What lxcfs gives containers of their own; anything else below a procfs would hide what the kernel says there. */
const allowedInProc = [
  "cpuinfo",
  "diskstats",
  "loadavg",
  "meminfo",
  "slabinfo",
  "stat",
  "swaps",
  "sys/crypto/fips_enabled",
  "sys/kernel/ns_last_pid",
  "uptime",
];

/** Whether a path below a procfs may have a mount. */
export const mayCoverInProc = (rest: string): boolean => allowedInProc.includes(rest);

/** How its destination is reached: `mounts` before it are planned. */
export function findWay(c: Context, entry: PreparedMount): void {
  const { path } = entry;
  if (path === "") return;
  const way = wayTo(c, path);
  const opening = openingOf(entry);
  entry.way = way;
  entry.opening = opening;
  entry.mayStray = (way.place === undefined || way.mayLeave) && !isStrict(opening);
}

/** CVE-2019-19921: proc, sysfs and a /dev of our own only on real directories; in /proc no link at all. */
function openingOf({ path, mount, options, isBind }: PreparedMount): keyof Hows {
  if (!isBind && (mount.type === "proc" || mount.type === "sysfs" || path === "dev")) return "strictDirectory";
  if (path.startsWith("proc/")) return "strictAny";
  return options.destinationNoFollow ? "unfollowed" : "any";
}

/** Where a filesystem goes. @param found appended where that has not to be made */
export function openTarget(c: Context, entry: PreparedMount, found?: Found): Register {
  const { way } = entry;
  if (way === undefined) {
    found?.(c.root);
    return c.root;
  }
  return openDirectoryBy(c, way, entry.opening!, checkOf(c, entry), found);
}

/** Where a bind goes. */
export function openBindTarget(c: Context, entry: PreparedMount, make: (out: Register, way: Way) => void): Register {
  const { way } = entry;
  if (way === undefined) return c.root;
  return openOrMake(c, way, entry.opening!, make, checkOf(c, entry));
}

/**
 * The place that was opened, for its path says little where links were followed: nothing but a procfs may cover
 * anything of a procfs (CVE-2019-16884, "/lnk" → "/proc/self/attr"), and of sysfs only what is named as such.
 */
function checkOf(c: Context, { path, mayStray, isBind }: PreparedMount): Check | undefined {
  if (mayStray !== true || (path === "proc" && isBind)) return undefined;
  const isNamed = isWithin(path, "sys");
  return (out, { place }) => {
    const sysfs = isNamed || place !== undefined ? 0 : "SYSFS_MAGIC";
    c.plan.call("verify_outside", [out, "PROC_SUPER_MAGIC", sysfs], { why: "no link led there" });
  };
}

/** R2: from now on a mount over "/" is the root. */
export function settle(c: Context, entry: PreparedMount, mounted: Register): void {
  entry.mounted = mounted;
  const { path, way, mount, options, isBind, pointer, mayStray } = entry;
  if (mayStray === true) {
    // ".." of a root is the root itself, and then whatever is mounted over it: wherever it lies, unlike "/..".
    c.root = c.plan.open("openat2", [c.root, "..", how.directory], { why: "the destination may be a link to /" });
  }
  const { list } = c.places;
  if (mayStray === true) c.places.certainFrom = list.length;
  const content = contentOf(mount, options, isBind, path);
  list.push({
    path,
    pointer,
    mount: mounted,
    content,
    type: isBind ? undefined : mount.type,
    isGuarded: isGuardedPlace(content, path),
    isInRoot: way?.place === undefined || way.mayLeave || (way.rest === "" && way.place.isInRoot),
    isStrict: entry.opening === "strictDirectory",
  });
  if (path !== "") return;
  c.root = mounted;
  c.stacked++;
}

/** Each change of propagation in the order of the options: they add up (a shared slave). */
export function planPropagation(c: Context, options: MountOptions, mount: Register): void {
  for (const { flag, recursive } of options.propagation) {
    c.plan.call("mount_setattr", [
      mount,
      "",
      recursive ? "AT_EMPTY_PATH|AT_RECURSIVE" : "AT_EMPTY_PATH",
      { propagation: flag },
    ]);
  }
}
