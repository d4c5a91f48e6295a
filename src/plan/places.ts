/**
 * The mounts made so far, by destination, and from which of them a path is looked up.
 * In: in-root paths (paths.ts). Out: Way.
 *
 * Whoever may rename in the root filesystem may exchange a mount point for another directory or a link at any moment
 * (renameat2(2), RENAME_EXCHANGE): the mount moves along, and the same path leads elsewhere. So what lies below a mount
 * of ours is looked up from that mount's own descriptor, never again by the names above it; and what is missing there
 * is missing (CVE-2019-19921, CVE-2023-27561).
 * @module
 */
import type { Context } from "./context.ts";
import type { MountOptions } from "./mount_options.ts";
import type { Mount } from "../spec/types.ts";
import { isWithin } from "./paths.ts";
import type { Register, StructValue } from "./types.ts";

/** A destination that something was mounted on. */
export interface Place {
  readonly path: string;
  /** JSON Pointer of the mount. */
  readonly pointer: string;
  /** The mount; undefined: a mask or a read-only copy, which hides what was mounted below. */
  readonly mount: Register | undefined;
  readonly content: Content;
  /** Filesystem mounted anew. */
  readonly type: string | undefined;
  /** One of those that a container's protection rests on: always looked up from the mount, and checked in the end. */
  readonly isGuarded: boolean;
  /** It stands in the root filesystem itself, where others may rename. */
  readonly isInRoot: boolean;
  /** Its destination was opened without following links. */
  readonly isStrict: boolean;
}

/**
 * Which links may be in it.
 * - `kernel` proc, sysfs and the like: the kernel's own, and none leads out
 * - `new`    a tmpfs of ours: none until something is put into it
 * - `other`  anything: a bind mount, another filesystem
 */
export type Content = "kernel" | "new" | "other";

/** Filesystems that show the kernel's things or names of ours only. */
const kernelTypes = ["proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2"];
/** What programs and other runtimes take for the kernel's, whatever is mounted there. */
const guardedPaths = ["proc", "sys", "dev"];

/** What a mount at this path is to later look-ups. */
export function contentOf({ type }: Mount, { copyUp }: MountOptions, isBind: boolean, path: string): Content {
  // A bind at /proc is a procfs: cloneSource has looked.
  if (isBind) return path === "proc" ? "kernel" : "other";
  if (kernelTypes.includes(type ?? "")) return "kernel";
  return type === "tmpfs" && !copyUp ? "new" : "other";
}

/** Whether a look-up below has to begin there. */
export const isGuardedPlace = (content: Content, path: string): boolean =>
  content === "kernel" || guardedPaths.includes(path);

/** Every place so far, and what is known of links. */
export interface Places {
  readonly list: Place[];
  /**
   * Places before this one may be covered by a mount whose destination is a link to them ("/var/run" → "/run"), which
   * only the kernel knows. Those that are guarded are used all the same, and checked in the end.
   */
  certainFrom: number;
  /** Nodes and links are in /dev, hooks have run: a tmpfs of ours may hold anything from now on. */
  isFilled: boolean;
}

/** How a path is looked up. */
export interface Way {
  readonly path: string;
  readonly from: Register;
  /** What of the path is left from there; "": it is the mount itself. */
  readonly rest: string;
  /** How it is opened. */
  readonly how: Hows;
  /** The mount it begins at; undefined: the root. */
  readonly place: Place | undefined;
  /** A link on the way may lead out of the mount (EXDEV): from the root then, as the container would see it. */
  readonly mayLeave: boolean;
}

const inside = "RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS";
const insideStrict = "RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS";
const beneath = "RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS";
const beneathStrict = "RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS";

/** How a path is opened. */
export interface Hows {
  readonly any: StructValue;
  readonly directory: StructValue;
  /** A real directory: no symbolic link anywhere on the way. */
  readonly strictDirectory: StructValue;
  /** The last component itself, should it be a symbolic link. */
  readonly unfollowed: StructValue;
  readonly strictAny: StructValue;
}

/** Follows no link. */
export const isStrict = (open: keyof Hows): boolean => open === "strictDirectory" || open === "strictAny";

/** From the root. */
export const how: Hows = {
  any: { flags: "O_PATH|O_CLOEXEC", resolve: inside },
  directory: { flags: "O_PATH|O_DIRECTORY|O_CLOEXEC", resolve: inside },
  strictDirectory: { flags: "O_PATH|O_DIRECTORY|O_CLOEXEC", resolve: insideStrict },
  unfollowed: { flags: "O_PATH|O_NOFOLLOW|O_CLOEXEC", resolve: inside },
  strictAny: { flags: "O_PATH|O_CLOEXEC", resolve: insideStrict },
};

/** From a mount of ours: a link that leads out of it is an error, not a path within it. */
const howBeneath: Hows = {
  any: { flags: "O_PATH|O_CLOEXEC", resolve: beneath },
  directory: { flags: "O_PATH|O_DIRECTORY|O_CLOEXEC", resolve: beneath },
  strictDirectory: { flags: "O_PATH|O_DIRECTORY|O_CLOEXEC", resolve: beneathStrict },
  unfollowed: { flags: "O_PATH|O_NOFOLLOW|O_CLOEXEC", resolve: beneath },
  strictAny: { flags: "O_PATH|O_CLOEXEC", resolve: beneathStrict },
};

/** From the root, whatever is mounted. */
export function wayFromRoot(c: Pick<Context, "root">, path: string): Way {
  return { path, from: c.root, rest: path, how, place: undefined, mayLeave: false };
}

/** From the mount that the path lies in. */
export function wayTo(c: Pick<Context, "root" | "places">, path: string): Way {
  const place = placeOf(c, path);
  if (place === undefined || (place.path === "" && c.places.isFilled)) return wayFromRoot(c, path);
  const { content } = place;
  return {
    path,
    from: place.mount!,
    rest: place.path === "" ? path : path.slice(place.path.length + 1),
    how: howBeneath,
    place,
    mayLeave: content === "other" || (content === "new" && c.places.isFilled),
  };
}

/** The last mount that the path is in; undefined: the root, or nobody knows. */
function placeOf({ places: { list, certainFrom } }: Pick<Context, "places">, path: string): Place | undefined {
  let inner = path;
  for (let index = list.length - 1; index >= 0; index--) {
    const place = list[index]!;
    if (!isWithin(inner, place.path)) continue;
    // A mount over "/" is the root from then on.
    if (place.path === "") return place.content === "new" && index >= certainFrom ? place : undefined;
    if (place.mount !== undefined && (place.isGuarded || index >= certainFrom)) return place;
    // What was mounted before, below this one, is hidden by it.
    inner = place.path;
  }
  return undefined;
}
