/**
 * One entry of `mounts` on its way through the plan, and what every kind of mount does with it.
 * In: Context, PreparedMount. Out: registers.
 * @module
 */
import type { Mount } from "../spec/types.ts";
import type { Context } from "./context.ts";
import { how, openDirectory } from "./in_root.ts";
import type { MountOptions } from "./mount_options.ts";
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
  /** Made writable first, because something is put into it: read-only in the end (finishMounts). */
  readonly isReadOnlyLater: boolean;
  /** Its destination may turn out to be a symbolic link to "/". */
  mayCoverRoot?: boolean;
  /** The mount, once planned. */
  mounted?: Register;
}

/** Where a filesystem goes. CVE-2019-19921: proc and sysfs only on real directories. */
export function openTarget(c: Context, { path, mount, options }: PreparedMount): Register {
  if (path === "") return c.root;
  const isStrict = mount.type === "proc" || mount.type === "sysfs";
  const open = isStrict ? how.strictDirectory : options.destinationNoFollow ? how.unfollowed : how.any;
  return openDirectory(c, path, open);
}

/** R2: from now on a mount over "/" is the root. */
export function settle(c: Context, entry: PreparedMount, mounted: Register): void {
  entry.mounted = mounted;
  if (entry.mayCoverRoot === true) {
    // ".." of a root is the root itself, and then whatever is mounted over it: wherever it lies, unlike "/..".
    c.root = c.plan.open("openat2", [c.root, "..", how.directory], { why: "the destination may be a link to /" });
  }
  if (entry.path !== "") return;
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
