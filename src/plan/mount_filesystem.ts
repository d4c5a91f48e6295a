/**
 * A filesystem mounted anew: proc, sysfs, tmpfs, devpts, mqueue, overlay and any other the kernel knows.
 *
 * Spec: config.md#mounts
 * Kernel: fsopen(2), fsconfig(2), fsmount(2) since Linux 5.2; a text of fsconfig is at most 255 bytes
 * Errors: ENODEV no such filesystem; EINVAL an option it does not take; EPERM in a user namespace
 * @module
 */
import type { Context } from "./context.ts";
import { planMountLabel } from "./labels.ts";
import { fsmountFlags, type MountOptions, mountAttr, writable } from "./mount_options.ts";
import { openTarget, type PreparedMount, planPropagation } from "./mount_entry.ts";
import { planSubstitute, type Substitute } from "./mount_substitute.ts";
import type { Register } from "./types.ts";
import { isVisible } from "./visible.ts";

/**
 * Stage: returns the detached mount and where it goes.
 * @param substitute what to take where a user namespace is refused a new one
 */
export function planFilesystem(
  c: Context,
  entry: PreparedMount,
  substitute?: Substitute,
): { mount: Register; target: Register } {
  const { plan } = c;
  const { mount, options, pointer } = entry;
  const type = mount.type!;
  const takesMode = type === "tmpfs" && !hasMode(options);
  plan.at(`${pointer}/destination`);
  const before = takesMode ? undefined : openTarget(c, entry);
  const isReadOnly = options.own.set.includes("MOUNT_ATTR_RDONLY");
  const copyUp = options.copyUp;
  const isWrittenTo = copyUp || takesMode;
  const own = entry.isReadOnlyLater || (isReadOnly && isWrittenTo) ? writable(options.own) : options.own;
  const created = plan.register();
  const made = plan.register();
  const attempt = (): void => {
    createFilesystem(c, entry, type, created, isReadOnly && !entry.isReadOnlyLater && !isWrittenTo);
    plan.at(`${pointer}/options`).into(made, "fsmount", [created, "FSMOUNT_CLOEXEC", fsmountFlags(own)]);
  };
  const then = (): void => plan.call("close", [created]);
  if (substitute === undefined) {
    attempt();
    then();
  } else {
    const items = (): void => planSubstitute(c, made, substitute, own);
    plan.alternative({ attempt, then, branches: [{ on: ["EPERM"], why: substitute.why, items }] });
  }
  // A stranger may have had a hand in it (fsopen_in).
  if (type === "proc" && isVisible(c)) plan.call("verify_fs", [made, "PROC_SUPER_MAGIC"]);
  plan.at(`${pointer}/destination`);
  const target = before ?? openCovered(c, entry, made);
  plan.at(`${pointer}/options`);
  if (copyUp) plan.call("copy_tree", [target, made], { why: "tmpcopyup" });
  if (isWrittenTo && isReadOnly && !entry.isReadOnlyLater) {
    plan.call("mount_setattr", [made, "", "AT_EMPTY_PATH", { attr_set: "MOUNT_ATTR_RDONLY" }]);
  }
  const recursive = mountAttr(options.recursive);
  if (recursive !== undefined) plan.call("mount_setattr", [made, "", "AT_EMPTY_PATH", recursive]);
  planPropagation(c, options, made);
  plan.at(pointer);
  return { mount: made, target };
}

function hasMode({ data }: MountOptions): boolean {
  for (const { option } of data) {
    for (const part of splitOptions(option)) if (part.startsWith("mode=")) return true;
  }
  return false;
}

/**
 * A tmpfs for which no mode is asked has that of the directory it covers, as with runc and crun: what was closed to others
 * stays closed. Its owner is the container's root all the same, and extended attributes are those of a new one, as with
 * them, copied up or not. Over a mount point that has to be made it is the kernel's own, 1777, as with them.
 */
function openCovered(c: Context, entry: PreparedMount, made: Register): Register {
  return openTarget(c, entry, (found) =>
    c.plan.call("copy_mode", [found, made], { why: "no mode is asked: that of what it covers" }),
  );
}

/** A filesystem context with everything set, its descriptor in the register. */
function createFilesystem(
  c: Context,
  entry: PreparedMount,
  type: string,
  context: Register,
  isReadOnly: boolean,
): void {
  const { plan } = c;
  const { mount, options, pointer } = entry;
  plan.at(`${pointer}/type`);
  if (type === "proc" && isVisible(c)) openProcOf(c, context);
  else plan.into(context, "fsopen", [type, "FSOPEN_CLOEXEC"]);
  plan.at(`${pointer}/source`);
  // C11: what mountinfo shows as source; filesystems on a device take it as the device.
  setString(c, context, "source", mount.source ?? type);
  plan.at(`${pointer}/options`);
  planSuperblock(c, context, options, isReadOnly);
  for (const { option, index } of options.data) {
    plan.at(`${pointer}/options/${index}`);
    for (const part of splitOptions(option)) planOption(c, context, type, part);
  }
  if (c.spec.linux?.mountLabel !== undefined) planMountLabel(c, type, context);
  plan.at(`${pointer}/type`);
  plan.call("fsconfig", [context, "FSCONFIG_CMD_CREATE", null, null, 0]);
}

/** A procfs shows the pid namespace of whoever opened its context, and the stage is not in that one yet (visible.ts). */
function openProcOf(c: Context, context: Register): void {
  const { plan } = c;
  const attempt = (): void => {
    plan.into(context, "fsopen", ["proc", "FSOPEN_CLOEXEC"]);
    plan.call("fsconfig", [context, "FSCONFIG_SET_FD", "pidns", null, c.pidNamespace!]);
  };
  // Whoever the stage made to do it would be born in sight, with all that the stage has.
  if (c.entersPidEarly === true) {
    attempt();
    return;
  }
  plan.alternative({
    attempt,
    branches: [
      {
        on: ["EINVAL"],
        why: "before Linux 6.18 a process in there has to open it",
        items: () => plan.into(context, "fsopen_in", [c.pidNamespace!, "proc"]),
      },
    ],
  });
}

/** Switches that mount(2) took as MS_ flags. */
function planSuperblock(c: Context, context: Register, options: MountOptions, isReadOnly: boolean): void {
  if (isReadOnly) c.plan.call("fsconfig", [context, "FSCONFIG_SET_FLAG", "ro", null, 0]);
  for (const name in options.superblock) {
    if (name === "ro" || options.superblock[name] !== true) continue;
    const call = [context, "FSCONFIG_SET_FLAG", name, null, 0];
    if (name === "iversion") {
      c.plan.call("fsconfig", call, {
        allow: ["EINVAL"],
        why: "filesystems without versions of inodes ignored MS_I_VERSION",
      });
    } else c.plan.call("fsconfig", call);
  }
}

/** Several options may stand in one text; a comma that belongs to a value has a backslash before it (overlay). */
function splitOptions(option: string): string[] {
  if (!option.includes(",")) return [option];
  const parts: string[] = [];
  let part = "";
  for (let i = 0; i < option.length; i++) {
    const letter = option[i]!;
    if (letter === ",") {
      if (part !== "") parts.push(part);
      part = "";
    } else {
      part += letter;
      if (letter === "\\" && i + 1 < option.length) part += option[++i];
    }
  }
  if (part !== "") parts.push(part);
  return parts;
}

function planOption(c: Context, context: Register, type: string, option: string): void {
  const equals = option.indexOf("=");
  if (equals < 0) {
    c.plan.call("fsconfig", [context, "FSCONFIG_SET_FLAG", option, null, 0]);
    return;
  }
  const key = option.slice(0, equals);
  const value = option.slice(equals + 1);
  if (type === "overlay" && key === "lowerdir" && isTooLong(value)) setLayers(c, context, value);
  else setString(c, context, key, value);
}

/** The kernel's limit on the text of fsconfig(2), without the NUL. */
const maxTextBytes = 255;

function isTooLong(text: string): boolean {
  return (
    text.length > maxTextBytes ||
    (text.length * 3 > maxTextBytes && new TextEncoder().encode(text).length > maxTextBytes)
  );
}

function setString(c: Context, context: Register, key: string, value: string): void {
  if (isTooLong(value)) {
    c.plan.refuse(c.plan.pointer, `"${key}" of more than ${maxTextBytes} bytes is not supported yet`);
    return;
  }
  c.plan.call("fsconfig", [context, "FSCONFIG_SET_STRING", key, value, 0]);
}

/** Many lower layers do not fit into one text: since Linux 6.8 they can be given one by one. */
function setLayers(c: Context, context: Register, value: string): void {
  const { kernel } = c.host;
  if (kernel.major < 6 || (kernel.major === 6 && kernel.minor < 8)) {
    c.plan.refuse(c.plan.pointer, `"lowerdir" of more than ${maxTextBytes} bytes needs Linux 6.8`);
    return;
  }
  let layer = "";
  const append = (): void => {
    if (layer !== "") setString(c, context, "lowerdir+", layer);
    layer = "";
  };
  for (let i = 0; i < value.length; i++) {
    if (value[i] === ":") append();
    else {
      // "\:" is a colon within a path; a layer of its own has nothing to escape.
      if (value[i] === "\\" && value[i + 1] === ":") i++;
      layer += value[i];
    }
  }
  append();
}
