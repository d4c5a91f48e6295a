/**
 * Calls that hide `linux.maskedPaths` and write-protect `linux.readonlyPaths`.
 *
 * Spec: config-linux.md#masked-paths, config-linux.md#readonly-paths
 * Kernel: one empty read-only tmpfs is cloned over directories, /dev/null of the host over files, by descriptor
 * Order: after all mounts and the hooks that may add to them; before the root is read-only and entered
 * Errors: a missing path is no error; any other one is: what cannot be hidden must not run (CVE-2025-31133)
 * @module
 */
import { SpecError } from "../errors.ts";
import type { Context } from "./context.ts";
import type { Host } from "./host.ts";
import { attach, leaving } from "./in_root.ts";
import { planMountLabel } from "./labels.ts";
import { mountsByDescriptor } from "./missing.ts";
import { inRoot } from "./paths.ts";
import { type Way, wayFromRoot, wayTo } from "./places.ts";
import type { Register } from "./types.ts";

const clone = "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH";

/** What hides. */
export interface Masks {
  readonly directory: Register;
  readonly file: Register;
  /** The tmpfs is attached in the host's tree. */
  readonly isAttached: boolean;
  /** And lies over its "/". */
  readonly isStacked: boolean;
}

/** open_tree(2): a detached mount can be cloned itself. */
export function clonesDetached({ kernel: { major, minor } }: Host): boolean {
  return major > 6 || (major === 6 && minor >= 15);
}

/**
 * Stage: undefined where nothing is to be hidden.
 * @param place where it is attached if it must be: "/" before the root is attached there; "/dev" after hooks that may
 * look around in the host's tree
 */
export function planMasks(c: Context, place: "/" | "/dev"): Masks | undefined {
  const { plan, spec } = c;
  if ((spec.linux?.maskedPaths ?? []).length === 0 || !c.fresh.has("mount")) return undefined;
  plan.at("/linux/maskedPaths");
  const file = plan.open("openat", ["AT_FDCWD", "/dev/null", "O_PATH|O_NOFOLLOW|O_CLOEXEC", 0]);
  plan.call("verify_node", [file, "", "S_IFCHR", { major: 1, minor: 3 }]);
  const context = plan.open("fsopen", ["tmpfs", "FSOPEN_CLOEXEC"]);
  plan.call("fsconfig", [context, "FSCONFIG_SET_STRING", "source", "tmpfs", 0]);
  plan.call("fsconfig", [context, "FSCONFIG_SET_FLAG", "ro", null, 0]);
  if (spec.linux?.mountLabel !== undefined) planMountLabel(c, "tmpfs", context);
  plan.call("fsconfig", [context, "FSCONFIG_CMD_CREATE", null, null, 0]);
  const directory = plan.open("fsmount", [context, "FSMOUNT_CLOEXEC", "MOUNT_ATTR_RDONLY"]);
  plan.call("close", [context]);
  // Without the newer calls nothing is detached to begin with.
  const isAttached = mountsByDescriptor(c.host) && !clonesDetached(c.host);
  if (isAttached) {
    plan.call("move_mount", [directory, "", "AT_FDCWD", place, "MOVE_MOUNT_F_EMPTY_PATH"], {
      why: "only attached mounts can be cloned before Linux 6.15; goes with the old root",
    });
  }
  return { directory, file, isAttached, isStacked: isAttached && place === "/" };
}

/**
 * Stage: one clone over each path that exists. Below a mount of ours it is looked up from that mount, and what is
 * missing there is not there (places.ts). Elsewhere it is looked up from the root, and a path that is missing at this
 * moment counts as absent: who may rename in that directory, of the image or of a volume, can keep a mask off by an
 * exchange, here or by having it cover the other file, as with every runtime. It hides nothing of the kernel's then,
 * only what whoever renames has in hand anyway.
 */
export function planMaskedPaths(c: Context, masks: Masks | undefined): void {
  if (masks === undefined) return;
  const paths = c.spec.linux!.maskedPaths!;
  for (let index = 0; index < paths.length; index++) {
    const pointer = `/linux/maskedPaths/${index}`;
    const path = inRoot(paths[index]!);
    if (path === "") throw new SpecError(pointer, `Expected a path below the root but received "${paths[index]!}"`);
    c.plan.at(pointer);
    const way = wayTo(c, path);
    hide(c, way, masks, way.place === undefined || !way.mayLeave || way.place.content === "other");
    noteCover(c, way, pointer);
  }
}

/** @param mayMiss a link that leads out of the mount may lead nowhere; those of our own /dev do not */
function hide(c: Context, way: Way, masks: Masks, mayMiss: boolean): void {
  const { plan } = c;
  const { from, rest, how } = way;
  const found = rest === "" ? from : plan.register();
  const cover = (mask: Register): void => {
    const tree = plan.open("open_tree", [mask, "", clone]);
    if (mask === masks.file) plan.call("mount_setattr", [tree, "", "AT_EMPTY_PATH", asMask]);
    attach(c, tree, found);
  };
  const branches = [
    {
      on: ["ENOTDIR"],
      why: "it is no directory",
      items: () => {
        if (rest !== "") plan.into(found, "openat2", [from, rest, how.any]);
        cover(masks.file);
      },
    },
  ];
  const then = (): void => cover(masks.directory);
  if (rest === "") {
    plan.alternative({ attempt: () => plan.open("openat2", [from, ".", how.directory]), then, branches });
    return;
  }
  if (way.mayLeave) {
    const items = (): void => hide(c, wayFromRoot(c, way.path), masks, mayMiss);
    branches.push({ on: ["EXDEV"], why: leaving, items });
  }
  plan.alternative({
    attempt: () => plan.into(found, "openat2", [from, rest, how.directory]),
    then,
    branches: mayMiss ? [absent, ...branches] : branches,
  });
}

/**
 * The file is the host's: its mount is writable, and what the host mounts or unmounts there would show up here. Each clone
 * by itself: one made ready for all would be taken down in the end, for which the kernel waits (dropMasks).
 */
const asMask = { attr_set: "MOUNT_ATTR_RDONLY", propagation: "MS_PRIVATE" };

const absent = { on: ["ENOENT"], why: "it does not exist" };

/** A mask, or a copy, that may lie over mounts of ours: what is below it is not what was mounted there. */
function noteCover({ places: { list } }: Context, { path, rest, place }: Way, pointer: string): void {
  if (place !== undefined && rest !== "" && place.content !== "other") return;
  list.push({
    path,
    pointer,
    mount: undefined,
    content: "other",
    type: undefined,
    isGuarded: false,
    isInRoot: true,
    isStrict: false,
  });
}

/**
 * Stage, last before the root is entered: the tmpfs goes where the host's mounts go. Left detached it would be taken down
 * when the user's program is executed and its descriptor closed, and the kernel waits for all processors then (RCU),
 * 0.1 to 0.6 ms. It takes the host's /dev, from which nothing is wanted any more.
 */
export function dropMasks(c: Context, masks: Masks | undefined): void {
  if (masks === undefined || masks.isAttached || !mountsByDescriptor(c.host)) return;
  c.plan
    .at("/linux/maskedPaths")
    .call("move_mount", [masks.directory, "", "AT_FDCWD", "/dev", "MOVE_MOUNT_F_EMPTY_PATH"], {
      why: "goes with the old root",
    });
}

/** Stage: each path becomes a read-only mount of itself, with the flags it has (C22). */
export function planReadonlyPaths(c: Context): void {
  if (!c.fresh.has("mount")) return;
  const paths = c.spec.linux?.readonlyPaths ?? [];
  for (let index = 0; index < paths.length; index++) {
    const pointer = `/linux/readonlyPaths/${index}`;
    const way = wayTo(c, inRoot(paths[index]!));
    c.plan.at(pointer);
    if (way.rest === "") {
      c.plan.call("mount_setattr", [way.from, "", "AT_EMPTY_PATH", readOnly], { why: "it is a mount already" });
      continue;
    }
    protect(c, way, way.place === undefined || !way.mayLeave || way.place.content === "other");
    noteCover(c, way, pointer);
  }
}

const readOnly = { attr_set: "MOUNT_ATTR_RDONLY" };

function protect(c: Context, way: Way, mayMiss: boolean): void {
  const { plan } = c;
  const found = plan.register();
  const branches: { on: readonly string[]; why: string; items?: () => void }[] = mayMiss ? [absent] : [];
  if (way.mayLeave) {
    const items = (): void => protect(c, wayFromRoot(c, way.path), mayMiss);
    branches.push({ on: ["EXDEV"], why: leaving, items });
  }
  const attempt = (): void => plan.into(found, "openat2", [way.from, way.rest, way.how.any]);
  const then = (): void => {
    const tree = plan.open("open_tree", [found, "", `${clone}|AT_RECURSIVE`]);
    plan.call("mount_setattr", [tree, "", "AT_EMPTY_PATH", readOnly]);
    attach(c, tree, found);
  };
  if (branches.length > 0) plan.alternative({ attempt, then, branches });
  else {
    attempt();
    then();
  }
}
