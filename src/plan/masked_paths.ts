/**
 * Calls that hide `linux.maskedPaths` and write-protect `linux.readonlyPaths`.
 *
 * Spec: config-linux.md#masked-paths, config-linux.md#readonly-paths
 * Kernel: one empty read-only tmpfs is cloned over directories, /dev/null of the host over files, by descriptor
 * Order: after all mounts and the hooks that may add to them; before the root is read-only and entered
 * Errors: a missing path is no error; any other one is: what cannot be hidden must not run (CVE-2025-31133)
 * @module
 */
import type { Context } from "./context.ts";
import type { Host } from "./host.ts";
import { attach, how } from "./in_root.ts";
import { planMountLabel } from "./labels.ts";
import { mountsByDescriptor } from "./missing.ts";
import { inRoot } from "./paths.ts";
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

/** Stage: one clone over each path that exists. */
export function planMaskedPaths(c: Context, masks: Masks | undefined): void {
  if (masks === undefined) return;
  const { plan } = c;
  const cover = (over: Register, mask: Register): void => {
    const tree = plan.open("open_tree", [mask, "", clone]);
    attach(c, tree, over);
  };
  const paths = c.spec.linux!.maskedPaths!;
  for (let index = 0; index < paths.length; index++) {
    plan.at(`/linux/maskedPaths/${index}`);
    const place = inRoot(paths[index]!);
    const found = plan.register();
    plan.alternative({
      attempt: () => plan.into(found, "openat2", [c.root, place, how.directory]),
      then: () => cover(found, masks.directory),
      branches: [
        { on: ["ENOENT"], why: "it does not exist" },
        {
          on: ["ENOTDIR"],
          why: "it is no directory",
          items: () => {
            plan.into(found, "openat2", [c.root, place, how.any]);
            cover(found, masks.file);
          },
        },
      ],
    });
  }
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
  const { plan } = c;
  const paths = c.spec.linux?.readonlyPaths ?? [];
  for (let index = 0; index < paths.length; index++) {
    plan.at(`/linux/readonlyPaths/${index}`);
    const found = plan.register();
    plan.alternative({
      attempt: () => plan.into(found, "openat2", [c.root, inRoot(paths[index]!), how.any]),
      then: () => {
        const tree = plan.open("open_tree", [found, "", `${clone}|AT_RECURSIVE`]);
        plan.call("mount_setattr", [tree, "", "AT_EMPTY_PATH", { attr_set: "MOUNT_ATTR_RDONLY" }]);
        attach(c, tree, found);
      },
      branches: [{ on: ["ENOENT"], why: "it does not exist" }],
    });
  }
}
