/**
 * Causes about the sources of bind mounts and about id maps, and about what cannot be made below the root.
 * In: Failed. Out: Cause. Whatever else a mount or a user namespace does not allow is in cause_mount.ts.
 * Kernel: open_tree(2), mount_setattr(2), mount_namespaces(7)
 * @module
 */
import { callsOf } from "../program/addresses.ts";
import { sys } from "../stage/sys.ts";
import {
  because,
  type Cause,
  errnoOf,
  errnoWords,
  type Failed,
  fieldText,
  makerOf,
  nothing,
  someOf,
} from "./cause_form.ts";
import { closedTo, missingPart, modeText, mountsAt, nodeAt } from "./host_facts.ts";

/** Cloning the source of a bind mount, the root, or something of the host's. */
export function openTreeCause(failed: Failed): Cause {
  const { call, spec } = failed;
  const path = String(call.args[1]);
  const bind = /^\/mounts\/(\d+)\/source/.exec(call.from)?.[1];
  const message =
    bind === undefined
      ? ""
      : `mounts[${bind}] "${spec.mounts?.[Number(bind)]?.destination ?? ""}": Cannot open bind source "${spec.mounts?.[Number(bind)]?.source ?? ""}": ${errnoWords(failed)}`;
  switch (errnoOf(failed)) {
    case "EPERM":
      return because(
        "cloning mounts takes CAP_SYS_ADMIN over the mount namespace, which the runtime does not have",
        "a new user and a new mount namespace in /linux/namespaces",
      );
    case "EACCES": {
      const closed = closedTo(path, sys("geteuid"), sys("getegid"));
      if (closed === undefined) return { ...nothing, message };
      return {
        message,
        because: `user ${sys("geteuid")} may not pass ${closed.path} (${modeText(closed.node)})`,
        attempt: `chmod +x ${closed.path}, or another source`,
      };
    }
    case "ENOENT": {
      const part = bind === undefined ? undefined : missingPart(path);
      return part === undefined
        ? { ...nothing, message }
        : { message, because: `the host has no ${part}`, attempt: "" };
    }
    case "EINVAL":
      return { ...cloneRefused(path, String(call.args[2]).includes("AT_RECURSIVE")), message };
    default:
      return { ...nothing, message };
  }
}

function cloneRefused(path: string, isRecursive: boolean): Cause {
  const found = mountsAt(path);
  if (found === undefined) return nothing;
  const { mount, below } = found;
  if (mount.propagation.includes("unbindable")) {
    return because(`${mount.point} is an unbindable mount`, `mount --make-private ${mount.point}`);
  }
  if (!isRecursive && below.length > 0) {
    return because(
      `mounts lie below it (${someOf(below.map(({ point }) => point))}) which belong to an outer user namespace: ` +
        "without them, what they cover would come to light (mount_namespaces(7))",
      'the option "rbind" in place of "bind"',
    );
  }
  return nothing;
}

/** Mapping the ids of a mount. */
export function idmapCause(failed: Failed): Cause {
  const { args } = failed.call;
  if (!fieldText(args[3], "attr_set").includes("MOUNT_ATTR_IDMAP")) return nothing;
  const path = makerOf(failed, args[0])?.args[1];
  const found = typeof path === "string" && path !== "" ? mountsAt(path) : undefined;
  const isTree = String(args[2]).includes("AT_RECURSIVE");
  const mounts = found === undefined ? [] : [found.mount, ...(isTree ? found.below : [])];
  const names = (list: typeof mounts): string => someOf(list.map(({ point, type }) => `${point} (${type})`));
  const mapped = mounts.filter(({ options }) => options.includes("idmapped"));
  switch (errnoOf(failed)) {
    case "EPERM":
      return mapped.length > 0
        ? because(
            `the ids of ${names(mapped)} are mapped already, and a mount has one map`,
            "the source below that mount",
          )
        : because(
            `${mounts.length === 0 ? "the filesystem" : names(mounts)} belongs to an outer user namespace: mapping its ids takes CAP_SYS_ADMIN there`,
            "leave idmap out: files keep the owners that the runtime sees",
          );
    case "EINVAL":
      return because(
        mounts.length === 0
          ? "its filesystem takes no id map"
          : `${mounts.length === 1 ? "" : "one of "}${names(mounts)} takes no id map in this kernel: its filesystem does not know them, or was mounted by that very user namespace`,
        "a source on ext4, xfs, btrfs or tmpfs, or the files' owners changed",
      );
    case "ENOSYS":
      return because("mount_setattr(2) is missing, or a seccomp filter hides it: there is no other way to map ids");
    default:
      return nothing;
  }
}

/** Something is to be made in what the container has at /dev, and that is the machine's. */
export function machinesDevCause(failed: Failed): Cause {
  const isMissing = failed.call.call === "verify_node";
  return because(
    isMissing
      ? "the container has the machine's own /dev, which has no such device, and nothing is made in it"
      : "it is the machine's own /dev, and nothing is made in it",
    'a mount namespace and a mount of type "tmpfs" at /dev in /mounts',
  );
}

/** Making files and directories below the root. */
export function makingCause(failed: Failed): Cause {
  const what = failed.call.call === "create_in_root" ? "the mount point does not exist, and " : "";
  switch (errnoOf(failed)) {
    case "ENOTDIR":
      return notDirectoryCause(failed);
    case "EXDEV":
      return because(
        `${what}it would be made in the machine's own /dev, where nothing is made`,
        'a mount of type "tmpfs" at /dev in /mounts, before what lies below it; or make it there beforehand',
      );
    case "EROFS":
      return because(`${what}the filesystem it would be made on is read-only`);
    case "EOVERFLOW":
      return because(
        `${what}files cannot be made there: the container's root has no id on that filesystem (an id-mapped mount whose map lacks it)`,
      );
    default:
      return nothing;
  }
}

const fileType = 0o170_000;
const directoryType = 0o040_000;
/** S_IFREG and its kin, inode(7). */
const typeNames: Readonly<Record<number, string>> = {
  0o010_000: "a FIFO",
  0o020_000: "a device node",
  0o060_000: "a device node",
  0o100_000: "a file",
  0o140_000: "a socket",
};

/**
 * Attaching a mount: a directory goes onto a directory, anything else onto anything else (move_mount(2), EINVAL). The
 * most common mistake of all: an engine makes a directory of a source that is missing, or the image has the other kind.
 * Docker tells its users so, and ends with 126, where it reads "not a directory".
 */
export function attachCause({ call, spec, plan }: Failed): Cause {
  const index = /^\/mounts\/(\d+)/.exec(call.from)?.[1];
  const mount = index === undefined ? undefined : spec.mounts?.[Number(index)];
  if (mount === undefined) return nothing;
  const { destination } = mount;
  const source = callsOf(plan).find(
    ({ call: name, args, from }) =>
      (name === "open_tree" || name === "openat") && args[0] === "AT_FDCWD" && from === `/mounts/${index}/source`,
  );
  if (source === undefined) {
    return because(
      `"${destination}" is not a directory in the container, and a filesystem is mounted on one`,
      "another destination, or a directory in its place",
    );
  }
  const path = String(source.args[1]);
  // A link that is bound as it is is no directory, whatever it leads to.
  const isLink = mount.options?.some((option) => option === "src-nofollow" || option === "copy-symlink") === true;
  const node = isLink ? undefined : nodeAt(path);
  if (node === undefined) {
    return because("of the source and the destination one is a directory and the other is not a directory", advice);
  }
  return (node.mode & fileType) === directoryType
    ? because(`the source ${path} is a directory, and "${destination}" is not a directory in the container`, advice)
    : because(
        `the source ${path} is ${typeNames[node.mode & fileType] ?? "something else"}, not a directory, and "${destination}" is a directory in the container`,
        advice,
      );
}

const advice = "a source and a destination that are both directories, or both files";

/** The way to a mount's destination, or what it wants to find there. */
export function notDirectoryCause({ call, spec }: Failed): Cause {
  const mount = spec.mounts?.[Number(/^\/mounts\/(\d+)\/destination/.exec(call.from)?.[1] ?? -1)];
  return mount === undefined
    ? nothing
    : because(`"${mount.destination}", or something on the way there, is not a directory in the container`);
}

/** What looks at the destination of a mount, before and after. */
export function destinationCause(failed: Failed): Cause {
  if (failed.call.call === "verify_mount") {
    return because(
      "the path does not lead to what was mounted there: somebody has exchanged it, or mounted over it, while the container was made",
      "a root filesystem in which nobody else renames",
    );
  }
  return errnoOf(failed) === "EPERM"
    ? because(
        "a symbolic link leads into proc or sysfs, where only what config.json names itself may be covered",
        "the destination's own path, without the link",
      )
    : nothing;
}
