/**
 * Calls that have systemd make the container's cgroup around the stage's process, and what it does not take of its limits.
 *
 * Spec: config-linux.md#cgroups-path, config-linux.md#control-groups
 * Kernel: cgroups(7)
 * Order: while the stage's process waits to execute. A scope is made for processes that exist, so this one cannot be born
 *   into its cgroup; but it has executed nothing yet, and the memory it shares stays charged to the runtime's cgroup. What
 *   it executes is charged to the container's from its first page on: no JavaScript is.
 *   Limits and device rules follow, by files, for what systemd has no property for or rounds
 * Errors: "UnitExists" another container has the name; a job that ends otherwise than "done"
 * @module
 */
import { planDeviceRules } from "./cgroup_devices.ts";
import { writeSettings } from "./cgroup_limits.ts";
import { planOwner } from "./cgroup_owner.ts";
import { applyLegacy, type Cgroups, planUnifiedLimits } from "./cgroups.ts";
import type { Context } from "./context.ts";
import { startUnit } from "./systemd_start.ts";
import type { Register } from "./types.ts";

/** What `Delegate` switches on for a unit. */
const delegated = ["cpu", "cpuset", "io", "memory", "pids"];

/** Runtime: the scope with the waiting process in it, and its limits. */
export function planScope(c: Context, { unit, v1 }: Cgroups, container: Register): void {
  if (unit === undefined) return;
  const { plan, host } = c;
  startUnit(c, unit, container);
  if (host.cgroup.layout === "v1") {
    applyLegacy(c, v1);
    return;
  }
  const place = `${host.cgroup.v2!.mountPoint}/${unit.path}`;
  const directory = plan.open("openat", ["AT_FDCWD", place, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);
  planDeviceRules(c, { directory });
  // The process is in already: there is no "later" for any of them.
  writeSettings(plan, planUnifiedLimits(c, unit.path, directory, delegated), () => ({ directory }));
  planOwner(c, directory);
}
