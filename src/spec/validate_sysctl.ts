/**
 * Rules for `linux.sysctl`. In: the map, the container's own namespaces. Out: nothing, or a SpecError.
 * Spec: config-linux.md#sysctl. A parameter of the whole machine is refused, as by runc and crun.
 * @module
 */
import { SpecError } from "../errors.ts";
import { describeValue } from "./issues.ts";
import { type OwnNamespaces, requireNamespace } from "./namespaces.ts";
import { pointerTo } from "./pointer.ts";
import { isSysctlPath, sysctlNamespace, sysctlPath } from "./sysctl.ts";

/** All rules of the map. */
export function validateSysctl(sysctl: Readonly<Record<string, string>>, own: OwnNamespaces): void {
  const keys = Object.keys(sysctl);
  for (const key of keys) {
    const path = sysctlPath(key);
    const message = problemOf(path, key, sysctl[key] ?? "");
    if (message !== undefined) throw new SpecError(pointerTo("linux", "sysctl", key), message);
    const namespace = sysctlNamespace(path);
    if (namespace !== undefined) requireNamespace(own, namespace, "linux", "sysctl", key);
  }
  if (keys.length > 1) refuseTwins(keys);
}

function problemOf(path: string, key: string, value: string): string | undefined {
  if (!isSysctlPath(path)) return `Expected the name of a kernel parameter but received ${describeValue(key)}`;
  if (path === "kernel/hostname") return "Expected /hostname to be used instead";
  if (sysctlNamespace(path) === undefined) {
    return `Expected a parameter that belongs to a namespace but received ${describeValue(key)}`;
  }
  // One write(2) is one line: the kernel takes what follows a newline as nothing, or as garbage.
  if (value.includes("\n")) return `Expected a value of one line but received ${describeValue(value)}`;
  return undefined;
}

/** "net.ipv4.ip_forward" and "net/ipv4/ip_forward" are one parameter: which value wins would be chance. */
function refuseTwins(keys: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const key of keys) {
    const twin = seen.get(sysctlPath(key));
    if (twin !== undefined) {
      throw new SpecError(pointerTo("linux", "sysctl", key), `Expected each parameter once but it is "${twin}" too`);
    }
    seen.set(sysctlPath(key), key);
  }
}
