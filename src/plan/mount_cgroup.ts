/**
 * Mounts of type `cgroup`: the container's view of its cgroups, in the layout of the machine.
 *
 * Spec: config-linux.md#default-filesystems; the v1 view is runc's: a tmpfs with a directory a hierarchy, symbolic
 *   links for hierarchies of several controllers
 * Kernel: cgroup_namespaces(7): mounted in a namespace of its own, the root of the view is the container's cgroup
 *   without one: clones of the host's, as a new mount would change the host's options (nsdelegate); a user namespace
 *   may not make one either (EPERM)
 * Order: clones with the other sources (cloning.ts); mounts after the cgroup namespace is made
 * @module
 */
import { planMountLabel } from "./labels.ts";
import type { Mount } from "../spec/types.ts";
import type { Cgroups } from "./cgroups.ts";
import { handOver, isGuest } from "./cloning.ts";
import type { Context } from "./context.ts";
import type { CgroupHierarchy } from "./host.ts";
import { attach } from "./in_root.ts";
import { fsmountFlags, mountAttr, writable } from "./mount_options.ts";
import { openTarget, planPropagation, type PreparedMount, settle } from "./mount_entry.ts";
import { planFilesystem } from "./mount_filesystem.ts";
import { cloneInstead, substituteFor } from "./mount_substitute.ts";
import { nameOf } from "./paths.ts";
import type { Register } from "./types.ts";

/** Whether it is a view of the container's cgroups, in the layout of the machine. */
export function isCgroupView(c: Context, { type }: Mount): boolean {
  return type === "cgroup" || (type === "cgroup2" && c.host.cgroup.layout === "v2");
}

/** Runtime or stage: clones of the host's hierarchies, in the order of the view; none where it is mounted anew. */
export function cloneCgroups(c: Context, cgroups: Cgroups): readonly Register[] {
  if (c.fresh.has("cgroup") || c.host.cgroup.layout === "none") return [];
  const clones: Register[] = [];
  if (c.host.cgroup.layout === "v2") clones.push(cloneHost(c, c.host.cgroup.v2!.mountPoint));
  else {
    for (const { path } of cgroups.v1) clones.push(cloneHost(c, path));
    if (cgroups.v1.length === 0 && isGuest(c)) {
      for (const { mountPoint } of c.host.cgroup.v1) clones.push(cloneHost(c, mountPoint));
    }
  }
  return clones;
}

function cloneHost(c: Context, path: string): Register {
  const { plan } = c;
  // What lies over a mount that a user namespace inherited cannot be left out (EINVAL).
  const isTree = c.cloner === "stage";
  const flags = isTree ? "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE" : "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC";
  const tree = plan.open("open_tree", ["AT_FDCWD", path, flags]);
  plan.call("mount_setattr", [
    tree,
    "",
    isTree ? "AT_EMPTY_PATH|AT_RECURSIVE" : "AT_EMPTY_PATH",
    { propagation: "MS_PRIVATE" },
  ]);
  handOver(c, tree);
  return tree;
}

/** Stage: makes and attaches the view. */
export function planCgroupView(c: Context, entry: PreparedMount, cgroups: Cgroups): void {
  const { layout } = c.host.cgroup;
  if (layout === "none") {
    c.plan.refuse(entry.pointer, "no cgroups are mounted on this machine");
    return;
  }
  if (layout === "v1") {
    planLegacyView(c, entry, cgroups);
    return;
  }
  const [clone] = entry.sources;
  if (clone === undefined) {
    const unified = { ...entry, mount: { ...entry.mount, type: "cgroup2", source: "cgroup" } };
    const { mount, target } = planFilesystem(c, unified, substituteFor(c, unified.mount));
    attach(c, mount, target);
    settle(c, entry, mount);
    return;
  }
  c.plan.at(`${entry.pointer}/destination`);
  const target = openTarget(c, entry);
  c.plan.at(entry.pointer);
  const attributes = mountAttr(entry.options.own);
  attach(c, clone, target);
  if (attributes !== undefined) c.plan.call("mount_setattr", [clone, "", "AT_EMPTY_PATH", attributes]);
  planPropagation(c, entry.options, clone);
  settle(c, entry, clone);
}

/** As runc: nothing in the view is a program, a device or set-id. */
const viewFlags = ["MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV", "MOUNT_ATTR_NOEXEC"];

function planLegacyView(c: Context, entry: PreparedMount, cgroups: Cgroups): void {
  const { plan } = c;
  const { options, pointer } = entry;
  plan.at(`${pointer}/destination`);
  const target = openTarget(c, entry);
  plan.at(pointer);
  const own = writable(options.own);
  const context = plan.open("fsopen", ["tmpfs", "FSOPEN_CLOEXEC"]);
  plan.call("fsconfig", [context, "FSCONFIG_SET_STRING", "source", "tmpfs", 0]);
  plan.call("fsconfig", [context, "FSCONFIG_SET_STRING", "mode", "755", 0]);
  if (c.spec.linux?.mountLabel !== undefined) planMountLabel(c, "tmpfs", context);
  plan.call("fsconfig", [context, "FSCONFIG_CMD_CREATE", null, null, 0]);
  const view = plan.open("fsmount", [context, "FSMOUNT_CLOEXEC", fsmountFlags(own, viewFlags)]);
  plan.call("close", [context]);
  planPropagation(c, options, view);
  attach(c, view, target);
  const flags = fsmountFlags(options.own, viewFlags);
  const cloneFlags = fsmountFlags({ ...options.own, atime: "" }, viewFlags);
  const hierarchies: CgroupHierarchy[] = [];
  for (const { hierarchy } of cgroups.v1) hierarchies.push(hierarchy);
  if (cgroups.v1.length === 0) hierarchies.push(...c.host.cgroup.v1);
  for (let index = 0; index < hierarchies.length; index++) {
    const hierarchy = hierarchies[index]!;
    const name = nameOf(hierarchy.mountPoint);
    plan.call("mkdirat", [view, name, "0755"]);
    const clone = entry.sources[index];
    const mount = clone ?? mountHierarchy(c, hierarchy, flags);
    if (clone !== undefined) plan.call("mount_setattr", [clone, "", "AT_EMPTY_PATH", { attr_set: cloneFlags }]);
    // The tmpfs is new and ours: no link can be in the way of a name in it.
    plan.call("move_mount", [mount, "", view, name, "MOVE_MOUNT_F_EMPTY_PATH"]);
    if (name.includes(",")) for (const part of name.split(",")) plan.call("symlinkat", [name, view, part]);
  }
  if (options.own.set.includes("MOUNT_ATTR_RDONLY")) {
    plan.call("mount_setattr", [view, "", "AT_EMPTY_PATH", { attr_set: "MOUNT_ATTR_RDONLY" }]);
  }
  settle(c, entry, view);
}

/** One hierarchy mounted again: "name=systemd" is a text, controllers are switches. */
function mountHierarchy(c: Context, { controllers, mountPoint }: CgroupHierarchy, flags: string): Register {
  const { plan } = c;
  const context = plan.register();
  const mount = plan.register();
  const attempt = (): void => {
    plan.into(context, "fsopen", ["cgroup", "FSOPEN_CLOEXEC"]);
    const source = nameOf(mountPoint) === "systemd" ? "systemd" : "cgroup";
    plan.call("fsconfig", [context, "FSCONFIG_SET_STRING", "source", source, 0]);
    for (const controller of controllers) {
      if (controller.startsWith("name=")) {
        plan.call("fsconfig", [context, "FSCONFIG_SET_STRING", "name", controller.slice(5), 0]);
      } else plan.call("fsconfig", [context, "FSCONFIG_SET_FLAG", controller, null, 0]);
    }
    plan.call("fsconfig", [context, "FSCONFIG_CMD_CREATE", null, null, 0]);
    plan.into(mount, "fsmount", [context, "FSMOUNT_CLOEXEC", flags]);
  };
  const then = (): void => plan.call("close", [context]);
  if (isGuest(c)) {
    const why = "a user namespace may not mount it: the host's";
    const items = (): void => cloneInstead(c, mount, mountPoint, flags);
    plan.alternative({ attempt, then, branches: [{ on: ["EPERM"], why, items }] });
  } else {
    attempt();
    then();
  }
  return mount;
}
