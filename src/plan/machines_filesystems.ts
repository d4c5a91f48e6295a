/**
 * Filesystems of which the machine has one: a container that mounts one anew is given the machine's, and options of the
 * filesystem would be changed for everybody.
 * In: an entry of `mounts`. Out: nothing, or a SpecError.
 *
 * Kernel: get_tree_single and a reconfiguration behind it (devtmpfs, debugfs, tracefs, pstore, …; to which mounts of older
 *   kernels came by mount_single); cgroup2 takes the options of a mount that is made in the machine's first cgroup
 *   namespace for the hierarchy's, and those that are not given for taken back (cgroups(7), nsdelegate)
 * @module
 */
import { SpecError } from "../errors.ts";
import type { Mount } from "../spec/types.ts";
import { isGuest } from "./cloning.ts";
import type { Context } from "./context.ts";
import type { MountOptions } from "./mount_options.ts";

const single = [
  "binfmt_misc",
  "configfs",
  "debugfs",
  "devtmpfs",
  "efivarfs",
  "fusectl",
  "pstore",
  "resctrl",
  "securityfs",
  "selinuxfs",
  "smackfs",
  "tracefs",
];

/** Whether a new mount of this type is one of the machine's only instance. */
export function isMachinesOnly(type: string | undefined): boolean {
  return type !== undefined && single.includes(type);
}

/** Attributes of the mount are its own; everything else would be the machine's. */
export function checkMachinesOnly({ type, options: given = [] }: Mount, options: MountOptions, pointer: string): void {
  const [own] = options.data;
  let name = own?.option ?? "";
  for (const flag in options.superblock) if (flag !== "ro" && name === "") name = flag;
  if (name === "") return;
  const index = own?.index ?? given.indexOf(name);
  throw new SpecError(
    index < 0 ? `${pointer}/options` : `${pointer}/options/${index}`,
    `Expected no option of the filesystem but received "${name}"`,
    [
      `because    the machine has one ${type}, whose options would change for everybody`,
      "try        options of the mount alone, such as ro, nosuid, nodev, noexec",
    ],
  );
}

/** cgroup2 beside version 1, where it is no view of the container's cgroups (mount_cgroup.ts). */
export function refuseMachinesCgroups(c: Context, pointer: string): void {
  const isOwn = c.fresh.has("cgroup") || (c.joined.has("cgroup") && c.host.hostNamespaces?.includes("cgroup") !== true);
  // A user namespace may not make it without (EPERM).
  if (isOwn || isGuest(c)) return;
  c.plan.refuse(`${pointer}/type`, "Expected a cgroup namespace of the container's own for a new mount of cgroup2", [
    "because    made in the host's, it would set options of the machine's hierarchy (nsdelegate)",
    "try        type cgroup in /linux/namespaces, or a bind mount of the host's cgroup2",
  ]);
}
