/**
 * The line that has systemd make the container's unit. In: Unit, limits. Out: a call in the builder.
 *
 * systemd: org.freedesktop.systemd1(5), StartTransientUnit
 * @module
 */
import { hasLimits, settingsOf } from "./cgroup_limits.ts";
import type { Context } from "./context.ts";
import type { SystemdManager } from "./host.ts";
import { addAnnotated, deviceProperties, limitProperties, type Properties, quoted } from "./systemd_properties.ts";
import type { Unit } from "./systemd_unit.ts";
import type { Register } from "./types.ts";

/** Runtime. @param container the process to put into the unit; undefined: a slice, which systemd puts none into */
export function startUnit(c: Context, unit: Unit, container: Register | undefined): void {
  const { plan, host, spec } = c;
  const manager = host.systemd as SystemdManager;
  const isUnified = host.cgroup.layout === "v2";
  const { resources } = spec.linux ?? {};
  const limits =
    resources !== undefined && hasLimits(resources)
      ? limitProperties(settingsOf(plan, host, resources), manager.version)
      : {};
  addAnnotated(plan, limits, spec.annotations);
  const properties = {
    ...unitProperties(c, unit, isUnified),
    ...limits,
    ...(isUnified ? {} : deviceProperties(resources?.devices ?? [])),
    ...(container === undefined ? {} : { PIDs: [container] }),
  };
  const whose = manager.isUser ? "the user's systemd" : "the machine's systemd";
  const why = container === undefined ? "" : ", for a process that exists: before it executes";
  plan
    .on("runtime")
    .at("/linux/cgroupsPath")
    .call("start_unit", [unit.name, properties], { why: `${whose}${why}` });
}

/** What every container's unit has. */
function unitProperties(c: Context, unit: Unit, isUnified: boolean): Properties {
  const properties: Properties = { Description: quoted(`bunker container ${c.options.id}`) };
  if (!unit.isSlice) {
    properties["Slice"] = quoted(unit.slice);
    // The container's cgroup is its own to divide, and all controllers are there for it.
    properties["Delegate"] = "true";
  }
  // Else it would end before much of the machine when that is shut down, whatever the engine does.
  properties["DefaultDependencies"] = "false";
  for (const kind of ["CPU", "Memory", isUnified ? "IO" : "BlockIO", "Tasks"]) properties[`${kind}Accounting`] = "true";
  return properties;
}
