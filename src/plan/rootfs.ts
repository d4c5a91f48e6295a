/**
 * Calls that open the root filesystem once, clone it, and stack the clone over "/" of the new namespace.
 *
 * Spec: config.md#root, config-linux.md#rootfs-mount-propagation
 * Kernel: open_tree(2), move_mount(2) since Linux 5.2; mount_setattr(2) since Linux 5.12
 * Order: opened before clone3 by the runtime (a path swapped later changes nothing, R1), or by the stage where only
 *   that may (cloning.ts); attached first in the stage
 * Errors: ENOENT, ENOTDIR the path; EINVAL from mount_setattr: the runtime's own "/" is no mount point
 * @module
 */
import { handOver } from "./cloning.ts";
import type { Context } from "./context.ts";
import { attach } from "./in_root.ts";
import { below } from "./paths.ts";
import type { Register } from "./types.ts";

/** Runtime or stage: the directory, or where mounts are the container's own a detached clone of its mounts. */
export function openRootfs(c: Context): Register {
  const { plan, spec } = c;
  plan.at("/root/path");
  const rootfs = plan.open("openat", [
    "AT_FDCWD",
    below(c.options.bundle, spec.root.path),
    "O_PATH|O_DIRECTORY|O_CLOEXEC",
    0,
  ]);
  if (!c.fresh.has("mount")) {
    handOver(c, rootfs);
    return rootfs;
  }
  const tree = plan.open("open_tree", [rootfs, "", "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH|AT_RECURSIVE"]);
  // pivot_root(2) refuses a shared root, and no mount of the container may show up on the host.
  const isSlave = spec.linux?.rootfsPropagation?.endsWith("slave") === true;
  plan.call(
    "mount_setattr",
    [tree, "", "AT_EMPTY_PATH|AT_RECURSIVE", { propagation: isSlave ? "MS_SLAVE" : "MS_PRIVATE" }],
    {
      from: "/linux/rootfsPropagation",
      why: "no peer of the host's mounts",
    },
  );
  handOver(c, tree);
  return tree;
}

/** Stage: cuts the namespace off the host's, before anything is mounted in it. */
export function isolateMounts(c: Context): void {
  if (!c.fresh.has("mount")) return;
  const isPrivate = c.spec.linux?.rootfsPropagation?.endsWith("private") === true;
  // "shared" too: the host's mounts are dropped with the old root; only clones of them stay, taken beforehand.
  c.plan
    .at("/linux/rootfsPropagation")
    .call("mount_setattr", ["AT_FDCWD", "/", "AT_RECURSIVE", { propagation: isPrivate ? "MS_PRIVATE" : "MS_SLAVE" }], {
      why: "mounts made here stay here",
    });
}

/** Hooks that may look for the container's mounts, or add some, below the path that the state tells them. */
const mountingHooks = ["prestart", "createRuntime", "createContainer"] as const;

/** Whether there are any. */
export function hasMountingHooks({ spec: { hooks } }: Context): boolean {
  if (hooks === undefined) return false;
  for (const kind of mountingHooks) if ((hooks[kind] ?? []).length > 0) return true;
  return false;
}

/**
 * Stage: the clone becomes the topmost mount at "/"; the process's own root stays the one below. With hooks it lies
 * over its own path instead, as with runc and crun. Should that path have been swapped, the clone would cover some
 * other directory of the host for hooks, which are the host's programs: hence the comparison.
 * @param over what lies over the root's path in the stage's namespace already
 */
export function attachRootfs(c: Context, over: Register | undefined): void {
  if (!c.fresh.has("mount")) return;
  const { plan } = c;
  plan.at("/root/path");
  const overRoot = (): void => plan.call("move_mount", [c.root, "", "AT_FDCWD", "/", "MOVE_MOUNT_F_EMPTY_PATH"]);
  if (!hasMountingHooks(c)) {
    overRoot();
    return;
  }
  attachAtItsPath(c, over, overRoot);
}

function attachAtItsPath(c: Context, over: Register | undefined, overRoot: () => void): void {
  const { plan } = c;
  const place = plan.register();
  const path = below(c.options.bundle, c.spec.root.path);
  plan.alternative({
    attempt: () => plan.into(place, "openat", ["AT_FDCWD", path, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]),
    then: () => {
      plan.call("verify_same", [place, over ?? c.root]);
      attach(c, c.root, place, "hooks find the container's mounts at its path");
    },
    branches: [
      {
        on: ["EACCES"],
        why: "the container's root may not pass a directory above it: hooks find the bare image there",
        items: overRoot,
      },
    ],
  });
}

/** Stage: the propagation asked for, which the way in did not allow before. */
export function finishPropagation(c: Context): void {
  const asked = c.spec.linux?.rootfsPropagation;
  if (asked === undefined || !c.fresh.has("mount")) return;
  const flag = asked.endsWith("shared") ? "MS_SHARED" : asked.endsWith("unbindable") ? "MS_UNBINDABLE" : undefined;
  if (flag === undefined) return;
  const isRecursive = asked.startsWith("r");
  c.plan
    .at("/linux/rootfsPropagation")
    .call("mount_setattr", [
      c.root,
      "",
      isRecursive ? "AT_EMPTY_PATH|AT_RECURSIVE" : "AT_EMPTY_PATH",
      { propagation: flag },
    ]);
}

/** Stage: `root.readonly`, after everything that writes below it. */
export function planReadonlyRoot(c: Context): void {
  if (c.spec.root.readonly !== true || !c.fresh.has("mount")) return;
  c.plan.at("/root/readonly").call("mount_setattr", [c.root, "", "AT_EMPTY_PATH", { attr_set: "MOUNT_ATTR_RDONLY" }]);
}
