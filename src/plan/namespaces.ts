/**
 * The call that makes the stage, in the container's new namespaces.
 *
 * Spec: config-linux.md#namespaces
 * Kernel: clone3(2) since Linux 5.3, CLONE_INTO_CGROUP since Linux 5.7
 * Order: last of the runtime's calls but hooks. The cgroup namespace is made later by the stage: its root is the
 * cgroup of the process that makes it (cgroup_namespaces(7)), which must be the container's by then
 * Errors: EPERM without CAP_SYS_ADMIN; EBUSY the cgroup has children with controllers; ENOSPC too many namespaces
 * @module
 */
import type { NamespaceType } from "../spec/types.ts";
import type { Context } from "./context.ts";
import type { Register } from "./types.ts";

const cloneFlags: readonly (readonly [NamespaceType, string])[] = [
  ["mount", "CLONE_NEWNS"],
  ["pid", "CLONE_NEWPID"],
  ["ipc", "CLONE_NEWIPC"],
  ["uts", "CLONE_NEWUTS"],
  ["network", "CLONE_NEWNET"],
];

/** Runtime: returns the register of the stage's pid. */
export function planClone(c: Context, cgroup: Register | undefined): Register {
  const flags: string[] = [];
  for (const [type, flag] of cloneFlags) if (c.fresh.has(type)) flags.push(flag);
  if (cgroup !== undefined) flags.push("CLONE_INTO_CGROUP");
  return c.plan.at("/linux/namespaces").open("clone3", [
    {
      ...(flags.length === 0 ? {} : { flags: flags.join("|") }),
      exit_signal: "SIGCHLD",
      ...(cgroup === undefined ? {} : { cgroup }),
    },
  ]);
}
