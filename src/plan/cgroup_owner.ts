/**
 * Whose the container's cgroup is: delegation to the user of the container's process.
 *
 * Spec: config-linux.md#cgroup-ownership: v2, a new cgroup namespace, and /sys/fs/cgroup mounted writable
 * Kernel: cgroups(7), "Cgroups delegation: delegating a hierarchy to a less privileged user"; which files go along is
 *   in /sys/kernel/cgroup/delegate since Linux 4.15
 * @module
 */
import { findNamespace } from "../spec/namespaces.ts";
import type { Spec } from "../spec/types.ts";
import type { Context } from "./context.ts";
import { hostIdOf } from "./id_maps.ts";
import { inRoot } from "./paths.ts";
import type { Register } from "./types.ts";

/** Those of the first kernels that had delegation. */
const oldest = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

/** Whether config.json gives the cgroup away to its process's user, whoever that is. */
export function delegatesCgroup(spec: Spec): boolean {
  const namespace = findNamespace(spec.linux, "cgroup");
  return namespace !== undefined && namespace.path === undefined && hasWritableView(spec);
}

function hasWritableView({ mounts = [] }: Spec): boolean {
  for (const { type, destination, options = [] } of mounts) {
    if ((type !== "cgroup" && type !== "cgroup2") || inRoot(destination) !== "sys/fs/cgroup") continue;
    let isReadOnly = false;
    for (const option of options) {
      if (option === "ro" || option === "rro") isReadOnly = true;
      else if (option === "rw" || option === "rrw") isReadOnly = false;
    }
    return !isReadOnly;
  }
  return false;
}

/** Runtime: gives the directory and its files of delegation to the process's user; nothing where they are its own. */
export function planOwner(c: Context, directory: Register): void {
  const { plan, spec, host } = c;
  if (!delegatesCgroup(spec)) return;
  const owner = hostUid(c, spec.process?.user.uid ?? 0);
  // An ordinary user's files belong to nobody else's ids; those of its own are its own already.
  if (owner === undefined || owner === host.euid || host.euid !== 0) return;
  plan.at("/process/user/uid");
  plan.call("fchownat", [directory, "", owner, -1, "AT_EMPTY_PATH"]);
  for (const file of host.cgroup.v2?.delegate ?? oldest) {
    plan.call("fchownat", [directory, file, owner, -1, 0], { allow: ["ENOENT"] });
  }
}

/** The host's id of one in the container; undefined: it has none, or only whoever made its user namespace knows. */
function hostUid(c: Context, uid: number): number | undefined {
  return c.hasUserNamespace ? hostIdOf(c.maps?.uid.mappings ?? [], uid) : uid;
}
