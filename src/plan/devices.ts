/**
 * Calls that make the device nodes and the symbolic links of /dev.
 *
 * Spec: config-linux.md#devices, config-linux.md#default-devices, runtime-linux.md#dev-symbolic-links
 * Kernel: mknodat(2), in a user namespace the host's nodes by open_tree(2) and move_mount(2); all below descriptors opened without following links: the rootfs is not to be trusted
 *   (CVE-2026-41579)
 * Order: after mounts; before a read-only /dev or root is made so
 * Errors: ENOENT a user namespace's container asks for what the host has not; EEXIST another thing stands there (MUST be an error)
 * @module
 */
import { SpecError } from "../errors.ts";
import { isGuest } from "./cloning.ts";
import type { Context } from "./context.ts";
import { attach, openDirectory, openWay } from "./in_root.ts";
import { isDevtmpfs, isMountedAnew, unlessMachines } from "./machines_dev.ts";
import type { PreparedMount } from "./mount_entry.ts";
import { inRoot, isWithin, nameOf, parentOf } from "./paths.ts";
import { how, wayTo } from "./places.ts";
import type { Register } from "./types.ts";

/** A device node or a FIFO. */
export interface Node {
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

const ptmx = character("ptmx", 5, 2);

/** The kernel's device, whoever may use it. */
const isSame = (one: Node, other: Node): boolean =>
  one.kind === other.kind && one.major === other.major && one.minor === other.minor;

const links: readonly (readonly [name: string, target: string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
];

const nodeKinds = { c: "S_IFCHR", u: "S_IFCHR", b: "S_IFBLK", p: "S_IFIFO" } as const;

/** A node to be made, and what asked for it. */
export interface Wanted {
  readonly node: Node;
  /** In-root path. */
  readonly path: string;
  readonly pointer: string;
}

/**
 * Whether /dev is a bind mount: then it is somebody's own, and nothing is made in it (as runc). Or the machine's, anew.
 */
export function isForeignDev(prepared: readonly PreparedMount[]): boolean {
  for (const entry of prepared) if (entry.path === "dev" && (entry.isBind || isDevtmpfs(entry))) return true;
  return false;
}

/**
 * Default devices that config.json does not give itself, then its own, each path once. Left out: /dev/ptmx, which is a link to
 * the container's own devpts (the host's opens a terminal of the host's; runc and crun leave the link, too), and what
 * another entry makes already. Entries for one path that differ are an error: the second finds another device there.
 */
export function wantedNodes(c: Context, isForeign: boolean): Wanted[] {
  const devices = c.spec.linux?.devices ?? [];
  const wanted: Wanted[] = [];
  const own = new Map<string, Node>();
  if (!isForeign) {
    const configured = new Set<string>();
    for (const { path } of devices) configured.add(inRoot(path));
    for (const node of defaultDevices) {
      const path = `dev/${node.name}`;
      if (!configured.has(path)) wanted.push({ node, path, pointer: "" });
    }
  }
  for (let index = 0; index < devices.length; index++) {
    const device = devices[index]!;
    const path = inRoot(device.path);
    if (isForeign && isWithin(path, "dev")) continue;
    const isFifo = device.type === "p";
    const node: Node = {
      name: nameOf(path),
      kind: nodeKinds[device.type],
      mode: (device.fileMode ?? 0o666) & 0o7777,
      major: isFifo ? 0 : device.major!,
      minor: isFifo ? 0 : device.minor!,
      uid: device.uid ?? 0,
      gid: device.gid ?? 0,
    };
    const pointer = `/linux/devices/${index}`;
    if (path === "dev/ptmx" && isSame(node, ptmx)) continue;
    const earlier = own.get(path);
    own.set(path, earlier ?? node);
    if (earlier === undefined) wanted.push({ node, path, pointer });
    else if (!isSame(node, earlier))
      throw new SpecError(pointer, `"${device.path}" is another device by an entry before`);
  }
  return wanted;
}

/** Clones of nodes by in-root path: device_clones.ts. */
export type DeviceClones = ReadonlyMap<string, Register>;

/** Stage: everything in /dev but the console. */
export function planDevices(c: Context, prepared: readonly PreparedMount[], clones: DeviceClones): void {
  const isForeign = isForeignDev(prepared);
  c.places.isFilled = true;
  const groups = new Map<string, Wanted[]>();
  if (!isForeign) groups.set("dev", []);
  for (const wanted of wantedNodes(c, isForeign)) {
    const parent = parentOf(wanted.path);
    const group = groups.get(parent);
    if (group === undefined) groups.set(parent, [wanted]);
    else group.push(wanted);
  }
  for (const [parent, group] of groups) {
    c.plan.at(group[0]?.pointer ?? "");
    const directory = openDirectory(c, parent, "strictDirectory");
    const hasLinks = parent === "dev" && !isForeign;
    const make = (): void => {
      for (const wanted of group) makeWanted(c, directory, wanted, clones);
      if (hasLinks) planLinks(c, directory);
    };
    const verify = (): void => {
      for (const { node, pointer } of group) verifyNode(c.plan.at(pointer), directory, node);
    };
    unlessMachines(c, directory, isMountedAnew(prepared, parent), make, verify);
  }
}

function makeWanted(c: Context, directory: Register, { node, path, pointer }: Wanted, clones: DeviceClones): void {
  c.plan.at(pointer);
  const clone = clones.get(path);
  if (clone === undefined) planNode(c, directory, node, pointer === "");
  else attachNode(c, directory, node, clone);
}

function verifyNode(plan: Context["plan"], directory: Register, { name, kind, major, minor }: Node): void {
  plan.call("verify_node", [directory, name, kind, { major, minor }]);
}

/** The mask of the stage is 0, so that the mode is the one given. */
function planNode(c: Context, directory: Register, node: Node, isDefault: boolean): void {
  const { plan } = c;
  const { name, kind, mode, major, minor } = node;
  const isOwned = node.uid !== 0 || node.gid !== 0;
  plan.alternative({
    attempt: () => plan.call("mknodat", [directory, name, `${kind}|0${mode.toString(8)}`, { major, minor }]),
    ...(isOwned ? { then: () => planOwner(c, directory, node) } : {}),
    branches: [
      {
        on: ["EEXIST"],
        why: "it exists",
        items: () => verifyNode(plan, directory, node),
      },
      // Only in the root of somebody else's mount namespace, or of nobody's.
      ...(isDefault && isGuest(c)
        ? [{ on: ["EPERM"], why: "a user namespace makes no device nodes, and nothing is mounted here" }]
        : []),
    ],
  });
}

/** By descriptor: whoever shares the directory might put another file in the place of the node. */
function planOwner({ plan }: Context, directory: Register, { name, kind, major, minor, uid, gid }: Node): void {
  const made = plan.open("openat", [directory, name, "O_PATH|O_NOFOLLOW|O_CLOEXEC", 0]);
  plan.call("verify_node", [made, "", kind, { major, minor }]);
  plan.call("fchownat", [made, "", uid, gid, "AT_EMPTY_PATH"]);
  plan.call("close", [made]);
}

/** Stage: the clone over a file of ours, or over what the image has in that place. */
function attachNode(c: Context, directory: Register, node: Node, clone: Register): void {
  const { plan } = c;
  const { name, kind, mode, major, minor } = node;
  const bits = `0${mode.toString(8)}`;
  const over = (file: Register, instead: () => void): void =>
    plan.alternative({
      attempt: () => attach(c, clone, file),
      branches: [{ on: ["EINVAL"], why: "it is no clone: the node is made instead", items: instead }],
    });
  const file = plan.register();
  plan.alternative({
    attempt: () => plan.into(file, "openat", [directory, name, newFile, bits]),
    then: () =>
      over(file, () => {
        plan.call("unlinkat", [directory, name, 0], { why: "made just now" });
        plan.call("mknodat", [directory, name, `${kind}|${bits}`, { major, minor }]);
      }),
    branches: [
      {
        on: ["EEXIST"],
        why: "it exists",
        items: () => {
          plan.into(file, "openat2", [directory, name, how.strictAny]);
          over(file, () => verifyNode(plan, directory, node));
        },
      },
    ],
  });
}

/**
 * Made for nobody but us, and not open for writing: the descriptor is held until the program is executed, and a mount
 * that anything is open for writing on cannot become read-only (EBUSY: /dev with `ro`, `root.readonly` without a /dev).
 */
const newFile = "O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC";

/** Stage: a file to mount over, new or as it is; never a link, and never opened for what it is. */
export function makeFile(c: Context, directory: Register, name: string, mode: string): Register {
  const { plan } = c;
  const file = plan.register();
  plan.alternative({
    attempt: () => plan.into(file, "openat", [directory, name, newFile, mode]),
    branches: [
      { on: ["EEXIST"], why: "it exists", items: () => plan.into(file, "openat2", [directory, name, how.strictAny]) },
    ],
  });
  return file;
}

function planLinks(c: Context, dev: Register): void {
  const { plan } = c;
  plan.at("");
  for (const [name, target] of links) plan.call("symlinkat", [target, dev, name], { allow: ["EEXIST"] });
  plan.alternative({
    attempt: () => openWay(c, wayTo(c, "proc/kcore"), "any"),
    then: () => plan.call("symlinkat", ["/proc/kcore", dev, "core"], { allow: ["EEXIST"] }),
    branches: [{ on: ["ENOENT", "ENOTDIR"], why: "no /proc/kcore, no /dev/core" }],
  });
  planTerminals(c, dev);
}

/** Of mounts that others see nothing is asked: theirs are theirs. */
function planTerminals(c: Context, dev: Register): void {
  const { plan } = c;
  if (!c.fresh.has("mount")) {
    plan.call("symlinkat", ["pts/ptmx", dev, "ptmx"], { allow: ["EEXIST"], why: "what others see is theirs" });
    return;
  }
  const found = plan.register();
  const way = wayTo(c, "dev/ptmx");
  const verifyFound = (): void => {
    plan.alternative({
      attempt: () => {
        plan.into(found, "openat2", [way.from, way.rest, way.how.any]);
        plan.call("verify_fs", [found, "DEVPTS_SUPER_MAGIC"]);
      },
      branches: [
        { on: ["ENOENT"], why: "a link to where no devpts is" },
        {
          on: ["EOPNOTSUPP"],
          why: "no file of a devpts: a node does as well, which takes the devpts beside it (since Linux 4.7)",
          items: () => plan.call("verify_node", [dev, "ptmx", "S_IFCHR", { major: 5, minor: 2 }]),
        },
      ],
    });
  };
  plan.alternative({
    attempt: () => plan.call("symlinkat", ["pts/ptmx", dev, "ptmx"]),
    branches: [{ on: ["EEXIST"], why: "it exists and stays: the image may be others', too", items: verifyFound }],
  });
}
