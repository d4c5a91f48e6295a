/**
 * Names of network devices: those of the host, and those in the container. In: `linux.netDevices`. Out: nothing, or a
 * SpecError.
 * Spec: config-linux.md#network-devices; names as the kernel takes them (dev_valid_name), and as runc
 * @module
 */
import { SpecError } from "../errors.ts";
import { describeValue } from "./issues.ts";
import { pointerTo } from "./pointer.ts";
import type { Linux } from "./types.ts";

/** IFNAMSIZ without the NUL. */
const maxBytes = 15;

/** All of them; two may not be given the same name, unless the kernel numbers them. */
export function validateNetDevices(devices: NonNullable<Linux["netDevices"]>): void {
  const taken = new Set<string>();
  for (const name of Object.keys(devices)) {
    check(name, pointerTo("linux", "netDevices", name), false);
    const given = devices[name]!.name;
    const pointer = pointerTo("linux", "netDevices", name, "name");
    if (given !== undefined) check(given, pointer, true);
    const target = given ?? name;
    if (taken.has(target) && !target.includes("%")) {
      throw new SpecError(pointer, `Expected every name once but received ${describeValue(target)} twice`);
    }
    taken.add(target);
  }
}

function check(name: string, pointer: string, mayCount: boolean): void {
  const bytes = new TextEncoder().encode(name).length;
  const isSpecial = name === "." || name === "..";
  const rest = mayCount ? name.replace("%d", "") : name;
  if (bytes > 0 && bytes <= maxBytes && !isSpecial && !/[\s/:%]/.test(rest)) return;
  const numbered = mayCount ? ', in which "%d" may stand once' : "";
  throw new SpecError(
    pointer,
    `Expected a device name of 1 to ${maxBytes} bytes${numbered}, but received ${describeValue(name)}`,
  );
}
