/**
 * Recursive binds for a user namespace, cloned with the runtime's rights and locked all the same: root in the container
 * may neither take away a mount below the source, which would show what it covers, nor the flags of one.
 *
 * Kernel: mount_namespaces(7): mounts are locked when a namespace is copied for another user namespace, and only then;
 *   a detached clone that is passed on is not. So the clones are attached in a mount namespace of the thread, in a tmpfs
 *   that is the working directory: clone3 copies the namespace, locked, and the working directory leads into the copy,
 *   whatever the container's root may reach by path
 * Order: after the sources are cloned; before a user namespace is joined; cloned again first of all by the stage
 * @module
 */
import { clonesEarly } from "./cloning.ts";
import type { Context } from "./context.ts";
import { type PreparedMount, planPropagation } from "./mount_entry.ts";
import type { MountOptions } from "./mount_options.ts";
import { below, inRoot } from "./paths.ts";
import type { Register } from "./types.ts";

/** Whether a bind's clone goes this way. A single mount has nothing below that could be uncovered. */
export function isLockedTree(c: Context, options: MountOptions): boolean {
  return (
    options.bind === "rbind" && c.hasUserNamespace && clonesEarly(c) && c.fresh.has("mount") && placeOf(c) !== undefined
  );
}

/** Where the tmpfs lies in the thread's namespace: nobody looks below the root's path; undefined: that is "/". */
function placeOf(c: Context): string | undefined {
  const path = below(c.options.bundle, c.spec.root.path);
  return inRoot(path) === "" ? undefined : path;
}

/** Runtime and thread: attaches the clones where the namespace is copied from. */
export function planLockedTrees(c: Context, prepared: readonly PreparedMount[]): void {
  const { plan } = c;
  let store: Register | undefined;
  for (let index = 0; index < prepared.length; index++) {
    const { options, sources, pointer } = prepared[index]!;
    if (sources.length === 0 || !isLockedTree(c, options)) continue;
    plan.at(`${pointer}/source`);
    store ??= openStore(c);
    makePlace(c, store, `${index}`, sources[0]!);
  }
  if (store === undefined) return;
  plan.on("thread").at("");
  plan.call("unshare", ["CLONE_NEWNS"], { why: "mounts are locked when this is copied" });
  plan.call("mount_setattr", ["AT_FDCWD", "/", "AT_RECURSIVE", { propagation: "MS_SLAVE" }]);
  plan.call("move_mount", [store, "", "AT_FDCWD", placeOf(c)!, "MOVE_MOUNT_F_EMPTY_PATH"]);
  for (let index = 0; index < prepared.length; index++) {
    const { options, sources, pointer } = prepared[index]!;
    if (sources.length === 0 || !isLockedTree(c, options)) continue;
    plan.at(`${pointer}/source`).call("move_mount", [sources[0]!, "", store, `${index}`, "MOVE_MOUNT_F_EMPTY_PATH"]);
  }
  plan.at("").call("fchdir", [store], { why: "the stage finds the copy by it" });
  plan.on("runtime");
}

function openStore(c: Context): Register {
  const { plan } = c;
  const context = plan.open("fsopen", ["tmpfs", "FSOPEN_CLOEXEC"]);
  plan.call("fsconfig", [context, "FSCONFIG_SET_STRING", "source", "sources", 0]);
  plan.call("fsconfig", [context, "FSCONFIG_SET_STRING", "mode", "755", 0]);
  plan.call("fsconfig", [context, "FSCONFIG_CMD_CREATE", null, null, 0]);
  const store = plan.open("fsmount", [context, "FSMOUNT_CLOEXEC", "0"]);
  plan.call("close", [context]);
  return store;
}

/** A directory or a file, like the source. */
function makePlace(c: Context, store: Register, name: string, source: Register): void {
  const { plan } = c;
  plan.alternative({
    attempt: () => plan.open("openat", [source, ".", "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]),
    then: () => plan.call("mkdirat", [store, name, "0755"]),
    branches: [
      {
        on: ["ENOTDIR"],
        why: "the source is no directory",
        items: () => plan.call("mknodat", [store, name, "S_IFREG|0644", { major: 0, minor: 0 }]),
      },
    ],
  });
}

/**
 * Stage: clones of the locked copies. Returns the directory that they were in, which lies over the root's path; undefined:
 * there are none.
 */
export function takeLockedTrees(c: Context, prepared: readonly PreparedMount[]): Register | undefined {
  const { plan } = c;
  let isAny = false;
  for (let index = 0; index < prepared.length; index++) {
    const entry = prepared[index]!;
    if (entry.sources.length === 0 || !isLockedTree(c, entry.options)) continue;
    isAny = true;
    plan.at(`${entry.pointer}/source`);
    const flags = "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE";
    const tree = plan.open("open_tree", ["AT_FDCWD", `${index}`, flags], { why: "locked" });
    // Copied for another user namespace a shared mount has become a slave.
    planPropagation(c, entry.options, tree);
    entry.sources = [tree];
  }
  return isAny ? plan.at("").open("openat", ["AT_FDCWD", ".", "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]) : undefined;
}
