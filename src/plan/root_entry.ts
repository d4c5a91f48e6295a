/**
 * How the container's root becomes the process's root: a decision, and the calls of each way.
 *
 * Kernel: pivot_root(2), chroot(2); open_tree(2) OPEN_TREE_NAMESPACE since Linux 7.0
 * Order: after hooks, masked and read-only paths, which need both roots in reach
 * Errors: EINVAL from pivot_root: the runtime's root is the initial ramfs; use --no-pivot
 * @module
 */
import type { NamespaceType, Spec } from "../spec/types.ts";
import type { Context } from "./context.ts";
import { freshNamespaces, joinedNamespaces } from "./context.ts";
import type { Host, PlanOptions } from "./host.ts";

/**
 * - `namespace` the root is a mount namespace of its own, entered by setns: the host's mounts are never copied
 * - `pivot`     own mount namespace, the host's mounts are detached
 * - `move`      own mount namespace, they stay out of reach below (--no-pivot)
 * - `chroot`    the runtime's mount namespace, or one that is joined
 */
export type RootEntry = "namespace" | "pivot" | "move" | "chroot";

export interface RootDecision {
  readonly entry: RootEntry;
  readonly reason: string;
}

/**
 * Chooses the way in. Pure.
 * @param allowNamespace `namespace` may be chosen; off until its calls are proven on such a kernel, so that `pivot`
 * stands in for it everywhere
 */
export function rootEntry(spec: Spec, host: Host, options: PlanOptions, allowNamespace = false): RootDecision {
  const fresh = freshNamespaces(spec, host);
  if (joinedNamespaces(spec).has("mount")) return { entry: "chroot", reason: "the mount namespace is joined" };
  if (!fresh.has("mount")) return { entry: "chroot", reason: "no mount namespace of its own" };
  if (options.noPivot) return { entry: "move", reason: "--no-pivot" };
  const obstacle = namespaceObstacle(spec, host, fresh);
  if (obstacle !== undefined) return { entry: "pivot", reason: obstacle };
  if (!allowNamespace) return { entry: "pivot", reason: "OPEN_TREE_NAMESPACE is not used yet" };
  return { entry: "namespace", reason: `Linux ${host.kernel.major}.${host.kernel.minor} has OPEN_TREE_NAMESPACE` };
}

/** Why a namespace made by open_tree will not do; undefined: it will. */
function namespaceObstacle(spec: Spec, host: Host, fresh: ReadonlySet<NamespaceType>): string | undefined {
  if (host.kernel.major < 7) return `Linux ${host.kernel.major}.${host.kernel.minor} lacks OPEN_TREE_NAMESPACE (7.0)`;
  return otherObstacle(spec, host, fresh);
}

function otherObstacle(spec: Spec, host: Host, fresh: ReadonlySet<NamespaceType>): string | undefined {
  if (fresh.has("user") || joinedNamespaces(spec).has("user")) return "the container has a user namespace";
  // After setns there, /proc of the outer user namespace is gone and a new one may not be mounted.
  if (host.inUserNamespace) return "the runtime is inside a user namespace";
  for (const kind of ["prestart", "createRuntime", "createContainer"] as const) {
    // They are to see the container's mounts beside the host's.
    if ((spec.hooks?.[kind] ?? []).length > 0) return `${kind} hooks run before the root is entered`;
  }
  return undefined;
}

/**
 * Stage: from here on "/" is the container's root and so is the working directory.
 * @param stacked mounts of ours that lie over the host's "/" besides the container's root
 */
export function enterRoot(c: Context, stacked: number): void {
  const { plan } = c;
  plan.at("/root/path");
  const { entry, reason } = rootEntry(c.spec, c.host, c.options);
  plan.call("fchdir", [c.root]);
  if (entry === "pivot" || entry === "namespace") {
    plan.call("pivot_root", [".", "."], { why: `entry "${entry}": ${reason}` });
    // The old root lies over the new one now (pivot_root(2), NOTES), slave of the host's mounts since the start.
    // umount2 takes the topmost mount there: first those that lay over the old root.
    for (let i = 0; i < stacked; i++) plan.call("umount2", [".", "MNT_DETACH"], { why: "laid over the host's root" });
    plan.call("umount2", [".", "MNT_DETACH"], { why: "the host's mounts" });
    proveAlone(c);
  } else enterByChroot(c, entry, reason);
  plan.call("chdir", ["/"]);
}

function enterByChroot({ plan }: Context, entry: RootEntry, reason: string): void {
  if (entry === "move") {
    // R7: a full procfs or sysfs out of reach would still let a user namespace within mount a full one.
    for (const path of ["/proc", "/sys"]) {
      plan.call("umount2", [path, "MNT_DETACH"], { allow: ["EINVAL", "ENOENT"], why: "the host's, hidden below" });
    }
  }
  plan.call("chroot", ["."], { why: `entry "${entry}": ${reason}` });
}

/**
 * Nothing may be left over the new root: ".." of the process's root is the topmost mount there, so a host root left
 * behind would be one step away. RESOLVE_NO_XDEV answers EXDEV then. Mounts that lay over the host's "/" before us
 * (seldom, and none of our making) are the way it could happen.
 */
function proveAlone(c: Context): void {
  const { plan } = c;
  const prove = (): void => {
    plan.call("openat2", ["AT_FDCWD", "..", { flags: "O_PATH|O_DIRECTORY|O_CLOEXEC", resolve: "RESOLVE_NO_XDEV" }], {
      why: "no mount is left over the root",
    });
  };
  plan.alternative({
    attempt: prove,
    branches: [
      {
        on: ["EXDEV"],
        why: "the host had a mount over its own root",
        items: () => {
          plan.call("umount2", [".", "MNT_DETACH"]);
          prove();
        },
      },
    ],
  });
}
