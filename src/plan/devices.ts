/**
 * Calls that make the device nodes and the symbolic links of /dev.
 *
 * Spec: config-linux.md#devices, config-linux.md#default-devices, runtime-linux.md#dev-symbolic-links
 * Kernel: mknodat(2); all below descriptors opened without following links: the rootfs is not to be trusted
 *   (CVE-2026-41579)
 * Order: after mounts; before a read-only /dev or root is made so
 * Errors: EEXIST another thing stands there (MUST be an error); EPERM in a user namespace
 * @module
 */
import type { Context } from "./context.ts";
import { how, openDirectory } from "./in_root.ts";
import type { PreparedMount } from "./mount_entry.ts";
import { inRoot, isWithin, nameOf, parentOf } from "./paths.ts";
import type { Register } from "./types.ts";

interface Node {
  readonly name: string;
  readonly kind: "S_IFCHR" | "S_IFBLK" | "S_IFIFO";
  /** Permission bits. */
  readonly mode: number;
  readonly major: number;
  readonly minor: number;
  readonly uid: number;
  readonly gid: number;
}

const character = (name: string, major: number, minor: number): Node => ({
  name,
  kind: "S_IFCHR",
  mode: 0o666,
  major,
  minor,
  uid: 0,
  gid: 0,
});

/** Supplied whatever config.json says. */
export const defaultDevices: readonly Node[] = [
  character("null", 1, 3),
  character("zero", 1, 5),
  character("full", 1, 7),
  character("random", 1, 8),
  character("urandom", 1, 9),
  character("tty", 5, 0),
];

const links: readonly (readonly [name: string, target: string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
];

const nodeKinds = { c: "S_IFCHR", u: "S_IFCHR", b: "S_IFBLK", p: "S_IFIFO" } as const;

/**
 * Whether /dev is a bind mount: then it is somebody's own, and nothing is made in it (as runc).
 */
export function isForeignDev(prepared: readonly PreparedMount[]): boolean {
  for (const { path, isBind } of prepared) if (path === "dev" && isBind) return true;
  return false;
}

/** Stage: everything in /dev but the console. */
export function planDevices(c: Context, prepared: readonly PreparedMount[]): void {
  const isForeign = isForeignDev(prepared);
  const { plan } = c;
  const devices = c.spec.linux?.devices ?? [];
  const directories = new Map<string, Register>();
  if (!isForeign) {
    plan.at("");
    const dev = openDirectory(c, "dev", how.strictDirectory);
    directories.set("dev", dev);
    const configured = new Set<string>();
    for (const { path } of devices) configured.add(inRoot(path));
    for (const node of defaultDevices) if (!configured.has(`dev/${node.name}`)) planNode(c, dev, node);
  }
  for (let index = 0; index < devices.length; index++) {
    const device = devices[index]!;
    const path = inRoot(device.path);
    if (isForeign && isWithin(path, "dev")) continue;
    plan.at(`/linux/devices/${index}`);
    const parent = parentOf(path);
    let directory = directories.get(parent);
    if (directory === undefined) {
      directory = openDirectory(c, parent, how.strictDirectory);
      directories.set(parent, directory);
    }
    const isFifo = device.type === "p";
    planNode(c, directory, {
      name: nameOf(path),
      kind: nodeKinds[device.type],
      mode: (device.fileMode ?? 0o666) & 0o7777,
      major: isFifo ? 0 : device.major!,
      minor: isFifo ? 0 : device.minor!,
      uid: device.uid ?? 0,
      gid: device.gid ?? 0,
    });
  }
  const dev = directories.get("dev");
  if (!isForeign && dev !== undefined) planLinks(c, dev);
}

/** The mask of the stage is 0, so that the mode is the one given. */
function planNode(c: Context, directory: Register, node: Node): void {
  const { plan } = c;
  const { name, kind, mode, major, minor } = node;
  const isOwned = node.uid !== 0 || node.gid !== 0;
  plan.alternative({
    attempt: () => plan.call("mknodat", [directory, name, `${kind}|0${mode.toString(8)}`, { major, minor }]),
    ...(isOwned
      ? { then: () => plan.call("fchownat", [directory, name, node.uid, node.gid, "AT_SYMLINK_NOFOLLOW"]) }
      : {}),
    branches: [
      {
        on: ["EEXIST"],
        why: "it exists",
        items: () => plan.call("verify_node", [directory, name, kind, { major, minor }]),
      },
    ],
  });
}

function planLinks(c: Context, dev: Register): void {
  const { plan } = c;
  plan.at("");
  for (const [name, target] of links) plan.call("symlinkat", [target, dev, name], { allow: ["EEXIST"] });
  plan.alternative({
    attempt: () => plan.open("openat2", [c.root, "proc/kcore", how.any]),
    then: () => plan.call("symlinkat", ["/proc/kcore", dev, "core"], { allow: ["EEXIST"] }),
    branches: [{ on: ["ENOENT", "ENOTDIR"], why: "no /proc/kcore, no /dev/core" }],
  });
  plan.alternative({
    attempt: () => plan.call("symlinkat", ["pts/ptmx", dev, "ptmx"]),
    branches: [
      {
        on: ["EEXIST"],
        why: "the image has one: only the container's own devpts will do",
        items: () => {
          plan.call("unlinkat", [dev, "ptmx", 0]);
          plan.call("symlinkat", ["pts/ptmx", dev, "ptmx"]);
        },
      },
    ],
  });
}
