/**
 * What `update` tells systemd of a container's limits and, on cgroup v1, its device rules: without it, systemd would put its own back at a daemon-reload.
 * Input: the unit, resources. Output: the unit's properties changed, or HostError.
 * @module
 */
import { changeUnit } from "../cgroup/systemd.ts";
import { PlanBuilder } from "../plan/builder.ts";
import { settingsOf } from "../plan/cgroup_limits.ts";
import type { CurrentLimits } from "../plan/cgroup_settings.ts";
import type { Host } from "../plan/host.ts";
import { deviceChangeProperties, limitProperties } from "../plan/systemd_properties.ts";
import type { UnitAddress } from "../plan/types.ts";
import type { Resources } from "../spec/types.ts";

/** Changes the properties that resources stand for. @param current limits in force before */
export function updateUnit(
  unit: UnitAddress,
  resources: Resources,
  host: Pick<Host, "cgroup" | "euid" | "systemd">,
  current: CurrentLimits,
): void {
  // What cannot be done was refused already.
  const settings = settingsOf(new PlanBuilder(), host, resources, current);
  const { systemd } = host;
  const properties = limitProperties(settings, systemd !== undefined && "version" in systemd ? systemd.version : 0);
  const devices = host.cgroup.layout === "v1" ? deviceChangeProperties(resources.devices ?? []) : [];
  const changes = Object.keys(properties).length > 0 ? [properties, ...devices] : devices;
  if (changes.length > 0) changeUnit(unit, changes);
}
