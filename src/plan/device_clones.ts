/**
 * Device nodes for a user namespace, where mknod(2) gives EPERM: cloned from outside and attached by descriptor (C13).
 * In: Context, the nodes wanted. Out: registers of detached clones.
 *
 * Spec: config-linux.md#devices
 * Kernel: open_tree(2); of a mount that is attached nowhere since Linux 6.15. Nothing here opens a device
 * Order: with the other clones of the host's (cloning.ts)
 * Errors: ENOENT the host has no such node; EEXIST it is another device
 * @module
 */
import { clonesEarly, handOver, isGuest } from "./cloning.ts";
import type { Context } from "./context.ts";
import { type DeviceClones, isForeignDev, type Node, type Wanted, wantedNodes } from "./devices.ts";
import { hostIdOf } from "./id_maps.ts";
import { clonesDetached } from "./masked_paths.ts";
import type { PreparedMount } from "./mount_entry.ts";
import type { Register } from "./types.ts";

/**
 * Runtime or stage: the default devices are the host's nodes, with its owner and mode. Those of config.json are, too,
 * unless the runtime may make nodes: then they get the mode and the owner that are asked for. A FIFO is no device.
 */
export function cloneDevices(c: Context, prepared: readonly PreparedMount[]): DeviceClones {
  const clones = new Map<string, Register>();
  if (!isGuest(c) || !c.fresh.has("mount")) return clones;
  let nursery: Register | undefined;
  const wanted = wantedNodes(c, isForeignDev(prepared));
  for (let index = 0; index < wanted.length; index++) {
    const entry = wanted[index]!;
    if (entry.node.kind === "S_IFIFO") continue;
    const owner = ownerOf(c, entry);
    if (owner === undefined) clones.set(entry.path, cloneNode(c, entry));
    else clones.set(entry.path, makeNode(c, entry, owner, (nursery ??= makeNursery(c)), `${index}`));
  }
  return clones;
}

/** Whom the node belongs to on the host, where the runtime can make it; undefined: the host's node it is. */
function ownerOf(c: Context, { node, pointer }: Wanted): { uid: number; gid: number } | undefined {
  if (pointer === "" || c.maps === undefined || !clonesEarly(c) || c.host.inUserNamespace) return undefined;
  if (!clonesDetached(c.host)) return undefined;
  const uid = hostIdOf(c.maps.uid.mappings, node.uid);
  const gid = hostIdOf(c.maps.gid.mappings, node.gid);
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

/** A tmpfs that is mounted nowhere, for nodes to be made in and cloned from. */
function makeNursery(c: Context): Register {
  const { plan } = c;
  plan.at("/linux/devices");
  const context = plan.open("fsopen", ["tmpfs", "FSOPEN_CLOEXEC"]);
  plan.call("fsconfig", [context, "FSCONFIG_SET_STRING", "source", "devices", 0]);
  plan.call("fsconfig", [context, "FSCONFIG_CMD_CREATE", null, null, 0]);
  const nursery = plan.open("fsmount", [context, "FSMOUNT_CLOEXEC", attributes], {
    why: "nodes with an owner and a mode of their own",
  });
  plan.call("close", [context]);
  return nursery;
}

/** Never nodev: that is what it is for. */
const attributes = "MOUNT_ATTR_NOSUID|MOUNT_ATTR_NOEXEC";

function makeNode(
  c: Context,
  { node, path, pointer }: Wanted,
  owner: { uid: number; gid: number },
  nursery: Register,
  name: string,
): Register {
  const { plan } = c;
  const { kind, major, minor } = node;
  const mode = `0${node.mode.toString(8)}`;
  plan.at(pointer);
  const clone = plan.register();
  plan.alternative({
    attempt: () => plan.call("mknodat", [nursery, name, `${kind}|${mode}`, { major, minor }]),
    then: () => {
      plan.call("fchmodat", [nursery, name, mode], { why: "whatever the caller's mask is" });
      plan.call("fchownat", [nursery, name, owner.uid, owner.gid, "AT_SYMLINK_NOFOLLOW"]);
      plan.into(clone, "open_tree", [nursery, name, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_SYMLINK_NOFOLLOW"]);
      plan.call("mount_setattr", [clone, "", "AT_EMPTY_PATH", { propagation: "MS_PRIVATE" }]);
    },
    branches: [
      {
        on: ["EPERM"],
        why: "the runtime may not make it: the host's, with its owner and mode",
        items: () => cloneHostNode(c, clone, `/${path}`),
      },
    ],
  });
  verify(c, clone, node);
  return clone;
}

function cloneNode(c: Context, { node, path, pointer }: Wanted): Register {
  const clone = c.plan.at(pointer).register();
  cloneHostNode(c, clone, `/${path}`);
  verify(c, clone, node);
  return clone;
}

function cloneHostNode(c: Context, clone: Register, path: string): void {
  const { plan } = c;
  const flags = "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_SYMLINK_NOFOLLOW";
  plan.alternative({
    attempt: () => plan.into(clone, "open_tree", ["AT_FDCWD", path, flags], { why: "no mknod in a user namespace" }),
    then: () => {
      plan.call("mount_setattr", [clone, "", "AT_EMPTY_PATH", { attr_set: attributes, propagation: "MS_PRIVATE" }]);
    },
    branches: [
      {
        on: ["EPERM"],
        why: "it may not be cloned: the node is made instead",
        items: () => plan.into(clone, "openat", ["AT_FDCWD", path, "O_PATH|O_NOFOLLOW|O_CLOEXEC", 0]),
      },
    ],
  });
}

function verify(c: Context, clone: Register, { kind, major, minor }: Node): void {
  c.plan.call("verify_node", [clone, "", kind, { major, minor }]);
  handOver(c, clone);
}
