/**
 * The likely cause of a failed call of a mount, a device or a kernel parameter, above all in a user namespace, where the
 * kernel says no more than EPERM. In: the call, its errno's name, the Spec, the mount table. Out: because, attempt.
 *
 * Kernel: mount_namespaces(7) on locked flags and mounts, user_namespaces(7), mount_too_revealing in fs/namespace.c
 * @module
 */
import { isMapped } from "../plan/id_maps.ts";
import type { Call, StructValue } from "../plan/types.ts";
import type { Mount, Spec } from "../spec/types.ts";
import { flagsAt, mountsBelow } from "./mount_table.ts";

export interface MountCause {
  readonly because: string;
  readonly attempt: string;
  /** The option that asked for it. */
  readonly pointer?: string;
}

/**
 * Explains a failure; undefined: nothing is known of it.
 * @param table reads /proc/self/mountinfo of the runtime
 */
export function mountCause(call: Call, errno: string, spec: Spec, table: () => string): MountCause | undefined {
  const mount = mountOf(call.from, spec);
  switch (call.call) {
    case "fsconfig":
      if (errno === "EINVAL") return unmappedId(call, mount) ?? unmappedOption(call, mount, spec);
      return errno === "EPERM" && call.args[1] === "FSCONFIG_CMD_CREATE" ? notOwned(mount) : undefined;
    case "fsopen":
      return errno === "EPERM" ? notOwned(mount) : undefined;
    case "fsmount":
      return errno === "EPERM" ? tooRevealing(mount, table) : undefined;
    case "verify_fs":
      return errno === "EOPNOTSUPP" ? wrongFilesystem(call) : undefined;
    case "open_tree":
      return sourceCause(call, errno, mount);
    case "mount_setattr":
      return errno === "EPERM" && mount !== undefined ? lockedFlags(call, mount, table) : undefined;
    case "mknodat":
      return errno === "EPERM"
        ? {
            because: "device nodes cannot be made in a user namespace, and the host's could not be bound",
            attempt: "a mount namespace of the container's own",
          }
        : undefined;
    case "verify_node":
      // By descriptor: the host's node. By name: the image's.
      return errno === "EEXIST" && call.args[1] === "" ? wrongNode(call) : undefined;
    case "create_in_root":
      return errno === "EACCES" || errno === "EPERM" ? notOwnFiles("make the mount point") : undefined;
    case "openat2":
    case "write":
      if (call.from.startsWith("/linux/sysctl/")) return parameterCause(errno);
      return call.call === "openat2" && errno === "EACCES" ? notOwnFiles("go there") : undefined;
    default:
      return undefined;
  }
}

function mountOf(pointer: string, spec: Spec): Mount | undefined {
  if (!pointer.startsWith("/mounts/")) return undefined;
  return spec.mounts?.[Number(pointer.split("/")[2])];
}

function isDevice({ from }: Call): boolean {
  return from === "" || from.startsWith("/linux/devices/");
}

function wrongNode(call: Call): MountCause {
  return isDevice(call)
    ? {
        because: "in a user namespace the device is the host's of that path, which has another type or number",
        attempt: "",
      }
    : { because: "the host's node there is not this device", attempt: "" };
}

function unmappedId({ args }: Call, mount: Mount | undefined): MountCause | undefined {
  const [, command, key, value] = args;
  if (command !== "FSCONFIG_SET_STRING" || (key !== "uid" && key !== "gid")) return undefined;
  if (mount === undefined || !/^\d+$/.test(String(value))) return undefined;
  return unmapped(key, String(value));
}

const unmapped = (key: string, value: string): MountCause => ({
  because: `${key} ${value} has no mapping in the container's user namespace`,
  attempt: `map it in linux.${key}Mappings, or leave "${key}=${value}" out of the mount's options`,
});

/** Some filesystems look at their options only when they are made, and do not say which is wrong (devpts of Linux 6.12). */
function unmappedOption({ args, from }: Call, mount: Mount | undefined, { linux }: Spec): MountCause | undefined {
  if (args[1] !== "FSCONFIG_CMD_CREATE" || mount?.options === undefined) return undefined;
  for (const [index, option] of mount.options.entries()) {
    const [key, value = ""] = option.split("=");
    const mappings = key === "uid" ? linux?.uidMappings : key === "gid" ? linux?.gidMappings : undefined;
    if (mappings === undefined || mappings.length === 0 || !/^\d+$/.test(value)) continue;
    if (isMapped(mappings, Number(value))) continue;
    return {
      ...unmapped(key!, value),
      pointer: `/mounts/${from.split("/")[2]!}/options/${index}`,
    };
  }
  return undefined;
}

/** Each of these filesystems shows a namespace, and belongs to whoever owns that. */
const namespaceOf: Readonly<Record<string, string>> = {
  proc: "pid",
  sysfs: "network",
  mqueue: "ipc",
  cgroup: "cgroup",
  cgroup2: "cgroup",
};

function notOwned(mount: Mount | undefined): MountCause | undefined {
  if (mount?.type === undefined) return undefined;
  const namespace = namespaceOf[mount.type];
  if (namespace === undefined) {
    return {
      because: `mounting "${mount.type}" takes CAP_SYS_ADMIN, for most filesystems that of the machine, not of a user namespace`,
      attempt: "",
    };
  }
  return {
    because: `"${mount.type}" takes CAP_SYS_ADMIN in the user namespace that owns the ${namespace} namespace it shows`,
    attempt: `a ${namespace} namespace of the container's own (linux.namespaces), or a bind mount of the host's`,
  };
}

function tooRevealing(mount: Mount | undefined, table: () => string): MountCause | undefined {
  const place = mount?.type === "proc" ? "/proc" : mount?.type === "sysfs" ? "/sys" : undefined;
  if (place === undefined) return undefined;
  const covered = mountsBelow(table(), place);
  const what =
    covered === undefined
      ? `no ${place} is mounted where the runtime runs`
      : covered.length === 0
        ? `the ${place} where the runtime runs is not mounted whole, or read-only`
        : `something is mounted over ${listed(covered)} where the runtime runs`;
  return {
    because: `${what}, and a user namespace gets no new ${mount!.type} that would show more than is in sight`,
    attempt: `run the outer container without masked paths (podman: --security-opt unmask=ALL, docker: --security-opt systempaths=unconfined), or bind ${place} of the outer one ("rbind")`,
  };
}

function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, 8).join(", ");
  return paths.length > 8 ? `${shown} and ${paths.length - 8} more` : shown;
}

function wrongFilesystem({ args }: Call): MountCause | undefined {
  return args[1] === "MQUEUE_MAGIC"
    ? {
        because: "the container has no ipc namespace of its own, and the host has no message queues at /dev/mqueue",
        attempt: 'an ipc namespace of the container\'s own, or no mount of type "mqueue"',
      }
    : undefined;
}

function sourceCause(call: Call, errno: string, mount: Mount | undefined): MountCause | undefined {
  const path = String(call.args[1]);
  if (mount === undefined) {
    return errno === "ENOENT" && isDevice(call)
      ? {
          because: `the host has no ${path}, and in a user namespace a container's devices are the host's`,
          attempt: "",
        }
      : undefined;
  }
  const isTree = String(call.args[2]).includes("AT_RECURSIVE");
  if (errno === "EINVAL" && !isTree) {
    return {
      because: "mounts below the source cannot be left out in a user namespace: what they hide would show",
      attempt: 'the option "rbind" in place of "bind"',
    };
  }
  return errno === "EACCES" && call.side === "stage"
    ? { because: "the container's root may not go there", attempt: "" }
    : undefined;
}

/** Attribute, the option that takes it away, the option that it is. */
const attributes: readonly (readonly [flag: string, clearing: string, locked: string])[] = [
  ["MOUNT_ATTR_RDONLY", "rw", "ro"],
  ["MOUNT_ATTR_NOSUID", "suid", "nosuid"],
  ["MOUNT_ATTR_NODEV", "dev", "nodev"],
  ["MOUNT_ATTR_NOEXEC", "exec", "noexec"],
  ["MOUNT_ATTR_NODIRATIME", "diratime", "nodiratime"],
];

/** S3: which of the attributes that were to change cannot. */
function lockedFlags({ args, from }: Call, mount: Mount, table: () => string): MountCause | undefined {
  const change = args[3] as StructValue | null;
  const cleared = String(change?.["attr_clr"] ?? "").split("|");
  const set = String(change?.["attr_set"] ?? "").split("|");
  const source = mount.source ?? "";
  const present = source.startsWith("/") ? flagsAt(table(), source) : undefined;
  const locked: string[] = [];
  const asked: string[] = [];
  for (const [flag, clearing, word] of attributes) {
    if (!cleared.includes(flag) || present?.includes(word) === false) continue;
    locked.push(word);
    asked.push(clearing);
  }
  if (cleared.includes("MOUNT_ATTR__ATIME") || set.includes("MOUNT_ATTR_NODIRATIME")) {
    const mode = accessTime(present);
    const wanted = wantedAccessTime(set);
    if (mode !== wanted) {
      locked.push(mode);
      asked.push(wanted);
    }
  }
  const [first] = asked;
  if (first === undefined) return undefined;
  const options = mount.options ?? [];
  const index = options.findLastIndex((option) => option === first || option === `r${first}`);
  return {
    because: `the mount of the source is ${locked.join(", ")}, which is locked: a user namespace may not take it away`,
    attempt: `the same without the option ${asked.map((option) => `"${option}"`).join(", ")}, or a source on another mount`,
    ...(index < 0 ? {} : { pointer: `/mounts/${from.split("/")[2]!}/options/${index}` }),
  };
}

function accessTime(present: readonly string[] | undefined): string {
  if (present === undefined) return "of another mode of access times";
  return present.includes("noatime") ? "noatime" : present.includes("relatime") ? "relatime" : "strictatime";
}

function wantedAccessTime(set: readonly string[]): string {
  if (set.includes("MOUNT_ATTR_NOATIME")) return "noatime";
  if (set.includes("MOUNT_ATTR_STRICTATIME")) return "strictatime";
  return set.includes("MOUNT_ATTR_NODIRATIME") ? "nodiratime" : "relatime";
}

function notOwnFiles(what: string): MountCause {
  return {
    because: `the container's root may not ${what}: outside its user namespace it is another user`,
    attempt: "files of the root filesystem that belong to the ids mapped into the container",
  };
}

function parameterCause(errno: string): MountCause | undefined {
  if (errno === "EROFS") {
    return { because: "/proc/sys is read-only where the runtime runs, and a new procfs was refused", attempt: "" };
  }
  return errno === "EACCES" || errno === "EPERM"
    ? {
        because:
          "the parameter belongs to a namespace that the container's user namespace does not own, or to the machine",
        attempt: "a network, ipc or uts namespace of the container's own beside its user namespace",
      }
    : undefined;
}
