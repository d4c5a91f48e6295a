/**
 * Reads `mounts[].options`: what each option asks of the mount, of the filesystem, or of us.
 * In: the list of options. Out: MountOptions.
 * Spec: config.md#linux-mount-options; besides crun's extras and what mount(8) understands by itself.
 * Errors: SpecError naming the option. Options nobody knows are the filesystem's own.
 * @module
 */
import type { StructValue } from "./types.ts";

/** What to change of a mount's attributes, mount_setattr(2): only what the options ask for. */
export interface Attributes {
  readonly set: readonly string[];
  readonly clear: readonly string[];
  /** MOUNT_ATTR_RELATIME, _NOATIME or _STRICTATIME; "" leaves the mode of access times alone. */
  readonly atime: string;
}

export interface PropagationChange {
  readonly flag: string;
  readonly recursive: boolean;
  readonly index: number;
}

export interface MountOptions {
  readonly bind: "" | "bind" | "rbind";
  readonly remount: boolean;
  readonly own: Attributes;
  /** From the options with a leading r: for all mounts of the tree. */
  readonly recursive: Attributes;
  readonly propagation: readonly PropagationChange[];
  /** Switches every filesystem has (fsconfig(2) FSCONFIG_SET_FLAG): name → on or explicitly off. */
  readonly superblock: Readonly<Record<string, boolean>>;
  /** The filesystem's own options, with their place in the list. */
  readonly data: readonly { readonly option: string; readonly index: number }[];
  readonly copyUp: boolean;
  readonly copySymlink: boolean;
  readonly sourceNoFollow: boolean;
  readonly destinationNoFollow: boolean;
  /** Place of `idmap`, `ridmap` or `idmap=…`; -1: none. */
  readonly idmap: number;
}

interface MutableAttributes {
  set: string[];
  clear: string[];
  atime: string;
}

interface Draft {
  bind: "" | "bind" | "rbind";
  remount: boolean;
  own: MutableAttributes;
  recursive: MutableAttributes;
  propagation: PropagationChange[];
  superblock: Record<string, boolean>;
  data: { option: string; index: number }[];
  copyUp: boolean;
  copySymlink: boolean;
  sourceNoFollow: boolean;
  destinationNoFollow: boolean;
  idmap: number;
}

type Effect = (draft: Draft, index: number) => void;
type Target = "own" | "recursive";

function put(attributes: MutableAttributes, flag: string, on: boolean): void {
  const into = on ? attributes.set : attributes.clear;
  const from = on ? attributes.clear : attributes.set;
  const other = from.indexOf(flag);
  if (other >= 0) from.splice(other, 1);
  if (!into.includes(flag)) into.push(flag);
}

const attribute =
  (target: Target, flag: string, on: boolean): Effect =>
  (draft) =>
    put(draft[target], flag, on);

/** The modes exclude each other: a later option replaces an earlier one. */
const accessTime =
  (target: Target, mode: string): Effect =>
  (draft) => {
    draft[target].atime = mode;
  };

/** "norelatime", "nostrictatime": take the request back, which leaves the kernel's own choice. */
const notAccessTime =
  (target: Target, mode: string): Effect =>
  (draft) => {
    if (draft[target].atime === mode) draft[target].atime = "";
  };

const superblock =
  (name: string, on: boolean): Effect =>
  (draft) => {
    draft.superblock[name] = on;
  };

const propagation =
  (flag: string, recursive: boolean): Effect =>
  (draft, index) => {
    draft.propagation.push({ flag, recursive, index });
  };

const all =
  (...effects: readonly Effect[]): Effect =>
  (draft, index) => {
    for (const effect of effects) effect(draft, index);
  };

const nothing: Effect = () => {};

/** Read-only is both: of this mount and, for a filesystem mounted anew, of the filesystem (as MS_RDONLY). */
const readOnly = all(attribute("own", "MOUNT_ATTR_RDONLY", true), superblock("ro", true));
const readWrite = all(attribute("own", "MOUNT_ATTR_RDONLY", false), superblock("ro", false));
const noSuid = attribute("own", "MOUNT_ATTR_NOSUID", true);
const noDev = attribute("own", "MOUNT_ATTR_NODEV", true);
const noExec = attribute("own", "MOUNT_ATTR_NOEXEC", true);

const table: ReadonlyMap<string, Effect> = new Map<string, Effect>([
  ["", nothing],
  ["defaults", nothing],
  ["bind", (draft) => void (draft.bind ||= "bind")],
  ["rbind", (draft) => void (draft.bind = "rbind")],
  ["remount", (draft) => void (draft.remount = true)],
  // attributes of a mount
  ["ro", readOnly],
  ["rw", readWrite],
  ["suid", attribute("own", "MOUNT_ATTR_NOSUID", false)],
  ["nosuid", noSuid],
  ["dev", attribute("own", "MOUNT_ATTR_NODEV", false)],
  ["nodev", noDev],
  ["exec", attribute("own", "MOUNT_ATTR_NOEXEC", false)],
  ["noexec", noExec],
  ["diratime", attribute("own", "MOUNT_ATTR_NODIRATIME", false)],
  ["nodiratime", attribute("own", "MOUNT_ATTR_NODIRATIME", true)],
  ["symfollow", attribute("own", "MOUNT_ATTR_NOSYMFOLLOW", false)],
  ["nosymfollow", attribute("own", "MOUNT_ATTR_NOSYMFOLLOW", true)],
  ["atime", accessTime("own", "MOUNT_ATTR_RELATIME")],
  ["noatime", accessTime("own", "MOUNT_ATTR_NOATIME")],
  ["relatime", accessTime("own", "MOUNT_ATTR_RELATIME")],
  ["norelatime", notAccessTime("own", "MOUNT_ATTR_RELATIME")],
  ["strictatime", accessTime("own", "MOUNT_ATTR_STRICTATIME")],
  ["nostrictatime", notAccessTime("own", "MOUNT_ATTR_STRICTATIME")],
  // the same for the whole tree
  ["rro", attribute("recursive", "MOUNT_ATTR_RDONLY", true)],
  ["rrw", attribute("recursive", "MOUNT_ATTR_RDONLY", false)],
  ["rsuid", attribute("recursive", "MOUNT_ATTR_NOSUID", false)],
  ["rnosuid", attribute("recursive", "MOUNT_ATTR_NOSUID", true)],
  ["rdev", attribute("recursive", "MOUNT_ATTR_NODEV", false)],
  ["rnodev", attribute("recursive", "MOUNT_ATTR_NODEV", true)],
  ["rexec", attribute("recursive", "MOUNT_ATTR_NOEXEC", false)],
  ["rnoexec", attribute("recursive", "MOUNT_ATTR_NOEXEC", true)],
  ["rdiratime", attribute("recursive", "MOUNT_ATTR_NODIRATIME", false)],
  ["rnodiratime", attribute("recursive", "MOUNT_ATTR_NODIRATIME", true)],
  ["rsymfollow", attribute("recursive", "MOUNT_ATTR_NOSYMFOLLOW", false)],
  ["rnosymfollow", attribute("recursive", "MOUNT_ATTR_NOSYMFOLLOW", true)],
  ["ratime", accessTime("recursive", "MOUNT_ATTR_RELATIME")],
  ["rnoatime", accessTime("recursive", "MOUNT_ATTR_NOATIME")],
  ["rrelatime", accessTime("recursive", "MOUNT_ATTR_RELATIME")],
  ["rnorelatime", notAccessTime("recursive", "MOUNT_ATTR_RELATIME")],
  ["rstrictatime", accessTime("recursive", "MOUNT_ATTR_STRICTATIME")],
  ["rnostrictatime", notAccessTime("recursive", "MOUNT_ATTR_STRICTATIME")],
  // propagation, mount_namespaces(7)
  ["private", propagation("MS_PRIVATE", false)],
  ["rprivate", propagation("MS_PRIVATE", true)],
  ["shared", propagation("MS_SHARED", false)],
  ["rshared", propagation("MS_SHARED", true)],
  ["slave", propagation("MS_SLAVE", false)],
  ["rslave", propagation("MS_SLAVE", true)],
  ["unbindable", propagation("MS_UNBINDABLE", false)],
  ["runbindable", propagation("MS_UNBINDABLE", true)],
  // switches of a filesystem; crun takes an r before some of them and means the same
  ["sync", superblock("sync", true)],
  ["rsync", superblock("sync", true)],
  ["async", superblock("sync", false)],
  ["rasync", superblock("sync", false)],
  ["dirsync", superblock("dirsync", true)],
  ["rdirsync", superblock("dirsync", true)],
  ["mand", superblock("mand", true)],
  ["rmand", superblock("mand", true)],
  ["nomand", superblock("mand", false)],
  ["rnomand", superblock("mand", false)],
  ["lazytime", superblock("lazytime", true)],
  ["nolazytime", superblock("lazytime", false)],
  ["iversion", superblock("iversion", true)],
  ["noiversion", superblock("iversion", false)],
  // MS_SILENT: whether a failing mount(2) writes to the kernel's log; fsopen(2) has its own log instead
  ["silent", nothing],
  ["loud", nothing],
  // ours, never the kernel's
  ["tmpcopyup", (draft) => void (draft.copyUp = true)],
  ["copy-symlink", (draft) => void (draft.copySymlink = true)],
  ["src-nofollow", (draft) => void (draft.sourceNoFollow = true)],
  ["dest-nofollow", (draft) => void (draft.destinationNoFollow = true)],
  ["idmap", (draft, index) => void (draft.idmap = index)],
  ["ridmap", (draft, index) => void (draft.idmap = index)],
  // mount(8): for fstab only, or implying others
  ["auto", nothing],
  ["noauto", nothing],
  ["nofail", nothing],
  ["_netdev", nothing],
  ["nouser", nothing],
  ["user", all(noExec, noSuid, noDev)],
  ["users", all(noExec, noSuid, noDev)],
  ["owner", all(noSuid, noDev)],
  ["group", all(noSuid, noDev)],
]);

/** Every option that the table knows, without the empty one: for `features`. */
export function knownMountOptions(): string[] {
  return [...table.keys()].filter((option) => option !== "").sort();
}

/** Reads one list of options. */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const draft: Draft = {
    bind: "",
    remount: false,
    own: { set: [], clear: [], atime: "" },
    recursive: { set: [], clear: [], atime: "" },
    propagation: [],
    superblock: {},
    data: [],
    copyUp: false,
    copySymlink: false,
    sourceNoFollow: false,
    destinationNoFollow: false,
    idmap: -1,
  };
  for (let index = 0; index < options.length; index++) {
    const option = options[index]!;
    const effect = table.get(option);
    if (effect !== undefined) effect(draft, index);
    else if (option.startsWith("idmap=") || option.startsWith("ridmap=")) draft.idmap = index;
    else if (!option.startsWith("x-") && !option.startsWith("X-") && !option.startsWith("comment=")) {
      draft.data.push({ option, index });
    }
  }
  return draft;
}

/** The same but read-only, for what is written to first. */
export function writable(attributes: Attributes): Attributes {
  const set: string[] = [];
  for (const flag of attributes.set) if (flag !== "MOUNT_ATTR_RDONLY") set.push(flag);
  return { set, clear: attributes.clear, atime: attributes.atime };
}

/** The structure for mount_setattr(2); undefined: nothing asked. */
export function mountAttr(attributes: Attributes): StructValue | undefined {
  const set = attributes.atime === "" ? attributes.set : [...attributes.set, attributes.atime];
  // The modes of access times are one field: it is cleared before one is set, mount_setattr(2).
  const clear = attributes.atime === "" ? attributes.clear : [...attributes.clear, "MOUNT_ATTR__ATIME"];
  if (set.length === 0 && clear.length === 0) return undefined;
  return {
    ...(set.length === 0 ? {} : { attr_set: set.join("|") }),
    ...(clear.length === 0 ? {} : { attr_clr: clear.join("|") }),
  };
}

/** The flags for fsmount(2): a new mount has none set, so there is nothing to clear. */
export function fsmountFlags(attributes: Attributes, extra: readonly string[] = []): string {
  const flags = [...attributes.set];
  for (const flag of extra) if (!flags.includes(flag)) flags.push(flag);
  if (attributes.atime !== "" && attributes.atime !== "MOUNT_ATTR_RELATIME") flags.push(attributes.atime);
  return flags.length === 0 ? "0" : flags.join("|");
}
