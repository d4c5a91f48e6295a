/**
 * What would change the host through a namespace that is joined by path and turns out to be the host's: refused.
 * Such a namespace counts as not given; joined it still may be, for it is where the container would be anyhow.
 * In: Context. Out: a SpecError; a line for each namespace that is joined.
 *
 * Spec: config-linux.md#sysctl, config.md#hostname, config-linux.md#network-devices. Needing nothing but the type, the
 *   other rules are those of spec/validate.ts: an own namespace, which offsets of clocks and mounts take, has no path
 * Order: the facts are looked at before anything is planned; what is joined is compared once more when it is open, for
 *   the pid in a path may be another process's by then, and a file another one's
 * Errors: EEXIST it has become the runtime's own
 * @module
 */
import { SpecError } from "../errors.ts";
import { pointerTo } from "../spec/pointer.ts";
import { sysctlNamespace, sysctlPath } from "../spec/sysctl.ts";
import type { NamespaceType } from "../spec/types.ts";
import type { Context } from "./context.ts";
import type { Register } from "./types.ts";

/** Fails with the first property that belongs to a namespace of the host's. Only where Host knows of one. */
export function refuseHostNamespaces(c: Context): void {
  const { hostname, domainname, linux } = c.spec;
  if (hostname !== undefined) refuse(c, "uts", "hostname");
  if (domainname !== undefined) refuse(c, "uts", "domainname");
  for (const key of Object.keys(linux?.sysctl ?? {})) {
    const type = sysctlNamespace(sysctlPath(key));
    if (type !== undefined) refuse(c, type, "linux", "sysctl", key);
  }
  // Moved where it is already, a device would get its new name there.
  for (const name of Object.keys(linux?.netDevices ?? {})) refuse(c, "network", "linux", "netDevices", name);
}

function refuse({ host, joined }: Context, type: NamespaceType, ...keys: readonly string[]): void {
  const entry = joined.get(type);
  if (entry === undefined || host.hostNamespaces?.includes(type) !== true) return;
  const { path, pointer } = entry;
  throw new SpecError(
    pointerTo(...keys),
    `Expected the container's own ${type} namespace but "${path}" is the host's`,
    [
      `because    ${pointer} names the runtime's own ${type} namespace, or the machine's first one: the host would be changed`,
      `try        the same without ${pointer}, for a new namespace, or without ${pointerTo(...keys)}`,
    ],
  );
}

/** Runtime: what was not the host's when it was looked at is not the runtime's own now that it is open. */
export function proveForeign({ plan, host }: Context, type: NamespaceType, namespace: Register): void {
  if (host.hostNamespaces?.includes(type) === true) return;
  plan.call("verify_other", [namespace, ownNamespacePath(type)]);
}

/** Where the runtime's own namespace of a type is found. */
export function ownNamespacePath(type: NamespaceType): string {
  return `/proc/self/ns/${type === "mount" ? "mnt" : type === "network" ? "net" : type}`;
}
