/**
 * Bind mounts: the clone of the source with its attributes, and a mount point like the source.
 *
 * Spec: config.md#mounts (source: absolute or relative to the bundle)
 * Kernel: open_tree(2), mount_setattr(2): on the detached clone, so nothing half-made is ever visible (S7)
 * Errors: EPERM clearing a flag that a user namespace locked (S3); ENOENT the source
 * @module
 */
import type { Mount } from "../spec/types.ts";
import { bindAttributes } from "./bind_attributes.ts";
import { handOver } from "./cloning.ts";
import type { Context } from "./context.ts";
import { isLockedTree } from "./locked_trees.ts";
import { mountAttr, type MountOptions } from "./mount_options.ts";
import { planPropagation, type PreparedMount } from "./mount_entry.ts";
import { openWay } from "./in_root.ts";
import { below, inRoot, isWithin } from "./paths.ts";
import { type Way, wayTo } from "./places.ts";
import type { Register, StructValue } from "./types.ts";

/** Runtime or stage: returns the register of the detached clone, ready to be attached. */
export function cloneSource(c: Context, mount: Mount, options: MountOptions, path: string): Register {
  const { plan } = c;
  const isRecursive = options.bind === "rbind";
  let flags = "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC";
  if (isRecursive) flags += "|AT_RECURSIVE";
  // A link bound as it is reads like the copy that copy-symlink asks for.
  if (options.sourceNoFollow || options.copySymlink) flags += "|AT_SYMLINK_NOFOLLOW";
  const tree = plan.open("open_tree", ["AT_FDCWD", below(c.options.bundle, mount.source!), flags]);
  makeReady(c, path, options, tree);
  if (!isLockedTree(c, options)) handOver(c, tree);
  return tree;
}

/**
 * A source in the container's own root that an earlier mount covers, or with `rbind` has below it: mounts are made "in the
 * listed order" (config.md#mounts), so it is what is there by then. Returns its in-root path; undefined: it is cloned early,
 * like all others, for what the container's root may reach by path makes no difference then. Told by the text of the
 * paths: a source that leads into the root by a link is as it was before.
 */
export function lateSource(
  c: Context,
  { source }: Mount,
  options: MountOptions,
  earlier: readonly PreparedMount[],
): string | undefined {
  if (earlier.length === 0 || source === undefined) return undefined;
  const root = inRoot(below(c.options.bundle, c.spec.root.path));
  const path = inRoot(below(c.options.bundle, source));
  // With "/" as its root every source is in it, and all that an engine binds would be looked up in the container.
  if (root === "" || !isWithin(path, root)) return undefined;
  const inner = path.slice(root.length + 1);
  for (const entry of earlier) {
    if (entry.options.remount) continue;
    if (isWithin(inner, entry.path) || (options.bind === "rbind" && isWithin(entry.path, inner))) return inner;
  }
  return undefined;
}

/** Stage: its clone, looked up below the container's root. */
export function cloneLate(c: Context, { pointer, path, options, late }: PreparedMount): Register {
  const { plan } = c;
  plan.at(`${pointer}/source`);
  const isRecursive = options.bind === "rbind";
  const open = options.sourceNoFollow || options.copySymlink ? "unfollowed" : "any";
  const found = late === "" ? c.root : openWay(c, wayTo(c, late!), open);
  const flags = "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH";
  const tree = plan.open("open_tree", [found, "", isRecursive ? `${flags}|AT_RECURSIVE` : flags], {
    why: "what an earlier mount has put there",
  });
  makeReady(c, path, options, tree);
  return tree;
}

function makeReady(c: Context, path: string, options: MountOptions, tree: Register): void {
  const { plan } = c;
  // CVE-2019-16884: whatever shows itself at /proc must be what the kernel says there.
  if (path === "proc") plan.call("verify_fs", [tree, "PROC_SUPER_MAGIC"]);
  planAttributes(c, options, tree, options.bind === "rbind");
}

function planAttributes(c: Context, options: MountOptions, tree: Register, isTree: boolean): void {
  const { plan } = c;
  const own = mountAttr(bindAttributes(c, options.own));
  const recursive = mountAttr(options.recursive);
  for (const name in options.superblock) {
    if (name === "ro") continue;
    plan.warn(`a bind mount shares its filesystem: ${Object.keys(options.superblock).join(",")} changes nothing`);
    break;
  }
  const set = (flags: string, attr: StructValue): void => plan.call("mount_setattr", [tree, "", flags, attr]);
  const tail = isTree ? "AT_EMPTY_PATH|AT_RECURSIVE" : "AT_EMPTY_PATH";
  // Nothing asked for: no peer of the host's mounts, like every other runtime.
  const single = options.propagation.length === 0 ? "MS_PRIVATE" : options.propagation[0]!.flag;
  const isSingle =
    options.propagation.length === 0 ||
    (options.propagation.length === 1 && (!isTree || options.propagation[0]!.recursive));
  // One call does it all where it reaches the same mounts: of a single mount recursive or not is the same.
  const last = recursive ?? (isTree ? undefined : own);
  if (own !== undefined && own !== last) set("AT_EMPTY_PATH", own);
  if (isSingle) set(tail, { ...last, propagation: single });
  else {
    if (last !== undefined) set(tail, last);
    planPropagation(c, options, tree);
  }
}

/**
 * Stage: makes a missing mount point. Only the kernel knows what the source is: opening it as a directory tells.
 */
export function makeBindTarget(c: Context, { from, rest }: Way, source: Register, out: Register): void {
  const { plan } = c;
  plan.alternative({
    attempt: () => plan.open("openat", [source, ".", "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]),
    then: () => plan.into(out, "create_in_root", [from, rest, "S_IFDIR|0755"]),
    branches: [
      {
        on: ["ENOTDIR"],
        why: "the source is no directory",
        items: () => plan.into(out, "create_in_root", [from, rest, "S_IFREG|0644"]),
      },
    ],
  });
}
