/**
 * Whether classes of cache and bandwidth can be had. Input: this machine. Output: Host.resctrl.
 * Looked at only where a config asks for one.
 * @module
 */
import type { Host } from "../plan/host.ts";
import { classOf, resctrlMount } from "../plan/resctrl.ts";
import { flags, mayAccess, stable, sys } from "../stage/sys.ts";

/** @param id name of a class for the container alone */
export function probeResctrl(closID: string | undefined, id: string): NonNullable<Host["resctrl"]> {
  const buffer = stable(120);
  const isMounted =
    sys("statfs", resctrlMount, buffer) === 0 &&
    new DataView(buffer.buffer).getUint32(0, true) === flags("RDTGROUP_SUPER_MAGIC");
  const group = `${resctrlMount}/${classOf(closID, id)}`;
  return { isMounted, hasGroup: isMounted && mayAccess(group, 0) };
}
