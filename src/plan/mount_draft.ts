/**
 * What the new mount calls say of a filesystem, gathered for one mount(2). In: parameters of fsconfig, mount attributes.
 * Out: source, flags (MS_ names), data.
 * @module
 */
import type { Value } from "./types.ts";

/** A filesystem context that does not exist: what fsmount will hand to mount(2). */
export interface Draft {
  readonly type: string;
  source: string;
  readonly flags: string[];
  readonly data: string[];
}

/** The kernel's limit on the data of mount(2): a page, with its NUL. */
export const maxDataBytes = 4095;

/** Switches that mount(2) takes as flags. */
const superblockFlags: Readonly<Record<string, string>> = {
  ro: "MS_RDONLY",
  sync: "MS_SYNCHRONOUS",
  dirsync: "MS_DIRSYNC",
  mand: "MS_MANDLOCK",
  lazytime: "MS_LAZYTIME",
  iversion: "MS_I_VERSION",
};

/** Attributes of a mount as flags; MOUNT_ATTR__ATIME is none: the mode of access times is replaced as a whole anyway. */
const attributeFlags: Readonly<Record<string, string>> = {
  MOUNT_ATTR_RDONLY: "MS_RDONLY",
  MOUNT_ATTR_NOSUID: "MS_NOSUID",
  MOUNT_ATTR_NODEV: "MS_NODEV",
  MOUNT_ATTR_NOEXEC: "MS_NOEXEC",
  MOUNT_ATTR_NODIRATIME: "MS_NODIRATIME",
  MOUNT_ATTR_NOSYMFOLLOW: "MS_NOSYMFOLLOW",
  MOUNT_ATTR_RELATIME: "MS_RELATIME",
  MOUNT_ATTR_NOATIME: "MS_NOATIME",
  MOUNT_ATTR_STRICTATIME: "MS_STRICTATIME",
};

/** "MOUNT_ATTR_NOSUID|MOUNT_ATTR_RELATIME" → MS_NOSUID, MS_RELATIME. */
export function mountFlags(attributes: Value | undefined): string[] {
  const flags: string[] = [];
  if (typeof attributes !== "string") return flags;
  for (const name of attributes.split("|")) {
    const flag = attributeFlags[name];
    if (flag !== undefined) flags.push(flag);
  }
  return flags;
}

/** One call of fsconfig(2). */
export function configureDraft(draft: Draft, command: string, key: string, value: string | null): void {
  if (command === "FSCONFIG_SET_FLAG") {
    const flag = superblockFlags[key];
    if (flag === undefined) draft.data.push(key);
    else draft.flags.push(flag);
  } else if (command === "FSCONFIG_SET_STRING") {
    if (key === "source") draft.source = value!;
    else if (key === "lowerdir+") addLayer(draft.data, value!);
    else draft.data.push(`${key}=${value}`);
  }
}

/** Layers given one by one (Linux 6.8) are one text to mount(2), with colons between them. */
function addLayer(data: string[], layer: string): void {
  const text = layer.replaceAll(":", "\\:");
  const at = data.findIndex((option) => option.startsWith("lowerdir="));
  if (at < 0) data.push(`lowerdir=${text}`);
  else data[at] += `:${text}`;
}
