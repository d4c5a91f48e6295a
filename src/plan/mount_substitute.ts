/**
 * What takes a filesystem's place where the kernel refuses a user namespace a new instance: the host's, cloned.
 * In: Context, mount entry. Out: Substitute, for planFilesystem.
 *
 * Kernel: sysfs belongs to a network namespace, mqueue to an ipc namespace, proc to a pid namespace, cgroup2 to a cgroup
 *   namespace: EPERM unless the user namespace owns that one. proc and sysfs besides want an instance in sight that
 *   nothing covers (mount_too_revealing in fs/namespace.c; user_namespaces(7)): the host's mounts are still there
 * @module
 */
import { isGuest } from "./cloning.ts";
import type { Context } from "./context.ts";
import { mountsByDescriptor } from "./missing.ts";
import type { Attributes } from "./mount_options.ts";
import type { Mount } from "../spec/types.ts";
import type { Register } from "./types.ts";

export interface Substitute {
  readonly why: string;
  /** Of the host's instance. */
  readonly path: string;
  /** Whatever was asked. */
  readonly isReadOnly: boolean;
  /** Name in the call table of what the filesystem there must be; "": it is not asked. */
  readonly magic: string;
}

/** undefined: the kernel does not refuse it, or nothing else will do. */
export function substituteFor(c: Context, { type }: Mount): Substitute | undefined {
  if (!isGuest(c)) return undefined;
  switch (type) {
    case "sysfs":
      return {
        path: "/sys",
        isReadOnly: true,
        magic: "SYSFS_MAGIC",
        why: c.fresh.has("network")
          ? "something covers part of the host's /sys: the host's, read-only"
          : "no network namespace of its own: the host's /sys, read-only",
      };
    case "mqueue":
      if (c.fresh.has("ipc")) return undefined;
      return {
        path: "/dev/mqueue",
        isReadOnly: false,
        magic: "MQUEUE_MAGIC",
        why: "no ipc namespace of its own: the host's",
      };
    case "proc":
      // In any other pid namespace the host's would show other processes, under other numbers.
      if (c.fresh.has("pid") || c.joined.has("pid")) return undefined;
      return {
        path: "/proc",
        isReadOnly: false,
        magic: "PROC_SUPER_MAGIC",
        why: "no pid namespace of its own: the host's",
      };
    case "cgroup2":
      return {
        path: c.host.cgroup.v2?.mountPoint ?? "/sys/fs/cgroup",
        isReadOnly: false,
        magic: "CGROUP2_SUPER_MAGIC",
        why: "a user namespace may not mount it: the host's",
      };
    default:
      return undefined;
  }
}

/** Stage: the clone, with the attributes that were asked for; its mode of access times is locked and stays. */
export function planSubstitute(c: Context, mount: Register, substitute: Substitute, own: Attributes): void {
  const set: string[] = [];
  for (const flag of own.set) set.push(flag);
  if (substitute.isReadOnly && !set.includes("MOUNT_ATTR_RDONLY")) set.push("MOUNT_ATTR_RDONLY");
  cloneInstead(c, mount, substitute.path, set.join("|"), substitute.magic);
}

/**
 * Stage: clones a path of the host with everything below: of mounts that a user namespace inherited nothing can be left
 * out. So `flags` are for all of them: "ro" is to hold for the whole of /sys.
 */
export function cloneInstead(c: Context, mount: Register, path: string, flags: string, magic = ""): void {
  const { plan } = c;
  plan.into(mount, "open_tree", ["AT_FDCWD", path, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE"]);
  if (magic !== "") plan.call("verify_fs", [mount, magic]);
  const tree = "AT_EMPTY_PATH|AT_RECURSIVE";
  const isChanged = flags !== "" && flags !== "0";
  if (isChanged && !mountsByDescriptor(c.host)) {
    // mount(2) changes one mount at a time: the topmost, like every runtime that knows no other call.
    plan.call("mount_setattr", [mount, "", "AT_EMPTY_PATH", { attr_set: flags }]);
    plan.call("mount_setattr", [mount, "", tree, { propagation: "MS_PRIVATE" }]);
  } else {
    plan.call("mount_setattr", [
      mount,
      "",
      tree,
      { ...(isChanged ? { attr_set: flags } : {}), propagation: "MS_PRIVATE" },
    ]);
  }
}
