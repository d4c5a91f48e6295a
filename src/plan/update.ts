/**
 * The plan of `update`: other limits and device rules for a container that exists. What is not set stays as it is.
 * In: Resources, the cgroup part of Host, the container's cgroups with the limits in force. Out: Plan. Pure.
 *
 * Order: controllers above first (v2), then file by file as for a new cgroup, then device rules
 * Errors: as of cgroup_limits.ts; EBUSY less memory than is in use (v1)
 * @module
 */
import type { Resources } from "../spec/types.ts";
import { PlanBuilder } from "./builder.ts";
import { directoriesAbove, enableControllers, missingController } from "./cgroup_controllers.ts";
import {
  available,
  availableLegacy,
  resourcesPointer,
  settingsOf,
  warnOfIgnored,
  writeSettings,
} from "./cgroup_limits.ts";
import type { CurrentLimits } from "./cgroup_settings.ts";
import type { Host } from "./host.ts";
import { planResctrlUpdate, type ResctrlChange } from "./resctrl.ts";
import type { Plan } from "./types.ts";
import { type DevicesInForce, type DeviceUpdate, planDeviceUpdate, unchanged } from "./update_devices.ts";

/** The container's place. */
export interface UpdateTarget {
  /** Its directories: one of v2, or one of each v1 hierarchy; absolute host paths, none the top of a hierarchy. */
  readonly cgroups: readonly string[];
  readonly current: CurrentLimits;
  /** v2 memory.current; bytes. Version 1's kernels look for themselves. */
  readonly usage: number;
  /** Looked for only where device rules are given. */
  readonly devices?: DevicesInForce;
  /** Another schema for its class of resctrl. */
  readonly resctrl?: {
    readonly change: ResctrlChange;
    readonly isMounted: boolean;
    readonly group: string | undefined;
  };
}

/** Plans the change. @param document where the resources come from, for messages */
export function planUpdate(
  resources: Resources,
  host: Pick<Host, "cgroup" | "euid" | "inUserNamespace" | "systemd">,
  target: UpdateTarget,
  document: string,
): Plan & DeviceUpdate {
  const plan = new PlanBuilder();
  warnOfIgnored(plan, resources);
  checkMemory(plan, resources, host, target);
  if (plan.refusals.length > 0) return { ...plan.build(), document, ...unchanged };
  const wanted = settingsOf(plan, host, resources, target.current);
  if (host.cgroup.layout === "v1") {
    const settings = availableLegacy(plan, wanted, host.cgroup.v1);
    writeSettings(plan, settings, (controller) => ({ path: placeOf(host, target.cgroups, controller) }));
  } else {
    const { controllers, mountPoint } = host.cgroup.v2!;
    const [path = ""] = target.cgroups;
    const settings = available(plan, wanted, controllers, missingController(host));
    enableControllers(plan, settings, controllers, directoriesAbove(host, path.slice(mountPoint.length + 1)));
    writeSettings(plan, settings, () => ({ path }));
  }
  const devices = planDeviceUpdate(
    plan,
    host,
    resources.devices ?? [],
    devicePlace(host, target.cgroups),
    target.devices,
  );
  // Last: what is written before can be put back.
  if (target.resctrl !== undefined) {
    const { change, isMounted, group } = target.resctrl;
    planResctrlUpdate(plan, change, isMounted, group);
  }
  return { ...plan.build(), document, ...devices };
}

/** Where device rules are kept: the container's place in v2, or in v1's hierarchy of devices; "": nowhere. */
export function devicePlace(host: Pick<Host, "cgroup">, cgroups: readonly string[]): string {
  return host.cgroup.layout === "v1" ? placeOf(host, cgroups, "devices") : (cgroups[0] ?? "");
}

/** The container's directory in the hierarchy that has the controller. */
function placeOf({ cgroup }: Pick<Host, "cgroup">, directories: readonly string[], controller: string): string {
  for (const { controllers, mountPoint } of cgroup.v1) {
    if (!controllers.includes(controller)) continue;
    for (const directory of directories) if (directory.startsWith(`${mountPoint}/`)) return directory;
  }
  return "";
}

/** What depends on the limits in force, and on what is in use. */
function checkMemory(
  plan: PlanBuilder,
  { memory }: Resources,
  { cgroup }: Pick<Host, "cgroup">,
  { current, usage }: UpdateTarget,
): void {
  if (memory === undefined) return;
  const { limit = 0, swap = 0, checkBeforeUpdate } = memory;
  const refuse = (key: string, message: string): void => plan.refuse(`${resourcesPointer}/memory/${key}`, message);
  if (swap > 0 && limit === 0) {
    if (current.memory === Infinity) refuse("swap", "Expected a limit beside it, for memory itself has none");
    else if (swap < current.memory) refuse("swap", `Expected at least the limit in force, ${current.memory}`);
  }
  if (checkBeforeUpdate !== true || cgroup.layout === "v1") return;
  for (const [key, value] of [
    ["limit", limit],
    ["swap", swap],
  ] as const) {
    if (value > 0 && value <= usage) refuse(key, `Expected more than is in use, ${usage} bytes, but received ${value}`);
  }
}
