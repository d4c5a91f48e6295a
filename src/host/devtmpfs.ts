/**
 * Which filesystem is the machine's devtmpfs, where the runtime's own /dev may be another: in a container with rights
 * enough to have containers of its own, whose root is the machine's.
 * In: this machine's mount table, which is read only where a container may be shown such a /dev. Out: Host.devtmpfs.
 *
 * Kernel: proc_pid_mountinfo(5); there is one devtmpfs, and statfs(2) takes it for a tmpfs
 * @module
 */
import type { Host } from "../plan/host.ts";
import { inRoot } from "../plan/paths.ts";
import type { Mount } from "../spec/types.ts";
import { tryReadText } from "../stage/sys.ts";

/** Whether config.json leaves the container with whatever its root has at /dev. */
export function hasRootsDev(mounts: readonly Mount[] | undefined): boolean {
  for (const { destination } of mounts ?? []) if (destination === "/dev" || inRoot(destination) === "dev") return false;
  return true;
}

/** Its device number; undefined: it is mounted nowhere in sight. */
export function probeDevtmpfs(): Host["devtmpfs"] {
  const table = tryReadText("/proc/self/mountinfo") ?? "";
  const at = table.indexOf(" - devtmpfs ");
  if (at < 0) return undefined;
  // 24 27 0:6 / /dev rw,relatime - devtmpfs …
  const [, , device = ""] = table.slice(table.lastIndexOf("\n", at) + 1, at).split(" ", 3);
  const [major, minor] = device.split(":", 2);
  return { major: Number(major), minor: Number(minor) };
}
