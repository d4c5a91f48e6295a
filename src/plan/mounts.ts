/**
 * Calls that make each entry of `mounts`, in the listed order.
 *
 * Spec: config.md#mounts (options: mount_options.ts)
 * Kernel: open_tree(2), fsopen(2), fsmount(2), move_mount(2) since Linux 5.2; mount_setattr(2) since Linux 5.12
 * Order: bind sources are cloned by the runtime before clone3, so no path of the host is resolved again later, or
 *   first of all by the stage where only that may (cloning.ts); everything else in the stage, after the root is
 *   attached, before devices
 * Errors: EINVAL an option the filesystem does not take (its own words come with the report); EPERM a locked flag
 * @module
 */
import { SpecError } from "../errors.ts";
import type { Mount } from "../spec/types.ts";
import type { Cgroups } from "./cgroups.ts";
import { isGuest } from "./cloning.ts";
import type { Context } from "./context.ts";
import { attach, openWay } from "./in_root.ts";
import { cloneLate, cloneSource, lateSource, makeBindTarget } from "./mount_bind.ts";
import { cloneCgroups, isCgroupView, planCgroupView } from "./mount_cgroup.ts";
import { type IdmapNamespaces, planIdmap } from "./mount_idmap.ts";
import { findWay, mayCoverInProc, openBindTarget, planPropagation, type PreparedMount, settle } from "./mount_entry.ts";
import { checkMachinesOnly, isMachinesOnly, refuseMachinesCgroups } from "./machines_filesystems.ts";
import { planFilesystem } from "./mount_filesystem.ts";
import { mountAttr, type MountOptions, parseMountOptions } from "./mount_options.ts";
import { substituteFor } from "./mount_substitute.ts";
import { inRoot, isWithin } from "./paths.ts";
import { how, type Place } from "./places.ts";
import type { Register } from "./types.ts";

/** Runtime or stage: reads the options, clones the sources. */
export function prepareMounts(c: Context, cgroups: Cgroups): PreparedMount[] {
  const mounts = c.fresh.has("mount") ? (c.spec.mounts ?? []) : [];
  const prepared: PreparedMount[] = [];
  const idmaps: IdmapNamespaces = new Map();
  for (let index = 0; index < mounts.length; index++) {
    const mount = mounts[index]!;
    const pointer = `/mounts/${index}`;
    const path = inRoot(mount.destination);
    const options = parseMountOptions(mount.options ?? []);
    const isBind = options.bind !== "" || mount.type === "bind";
    const isUsual = isBind
      ? options.data.length === 0 && mount.source !== undefined
      : mount.type !== undefined && mount.type !== "none" && !options.copyUp;
    if (!isUsual) checkOptions(c, mount, options, isBind, pointer);
    checkDestination(mount, path, isBind, pointer);
    const isOnly = !isBind && !options.remount && isMachinesOnly(mount.type);
    if (isOnly) checkMachinesOnly(mount, options, pointer);
    if (!isBind && mount.type === "cgroup2" && !isCgroupView(c, mount)) refuseMachinesCgroups(c, pointer);
    c.plan.at(`${pointer}/source`);
    const late = isBind && !options.remount ? lateSource(c, mount, options, prepared) : undefined;
    const sources = options.remount || late !== undefined ? [] : cloneSources(c, mount, options, isBind, cgroups, path);
    if (mount.uidMappings !== undefined || options.idmap >= 0) {
      if (late !== undefined) refuseLate(c, pointer);
      planIdmap(c, { pointer, mount, options, isBind, sources }, idmaps);
    }
    const isReadOnlyLater =
      !isBind && options.own.set.includes("MOUNT_ATTR_RDONLY") && (isOnly || isFilledLater(mounts, index, path));
    const entry: PreparedMount = { pointer, mount, path, options, isBind, sources, isReadOnlyLater };
    prepared.push(late === undefined ? entry : { ...entry, late });
  }
  return prepared;
}

function refuseLate(c: Context, pointer: string): void {
  c.plan.refuse(`${pointer}/source`, "the ids of a source below an earlier mount cannot be mapped", [
    "because    it is cloned in the container's namespaces, once that mount is there",
    "try        the source of the earlier mount itself",
  ]);
}

/** Whether something is made in a filesystem after it is mounted: nodes in /dev, mount points of later mounts. */
function isFilledLater(mounts: readonly Mount[], index: number, path: string): boolean {
  if (path === "dev") return true;
  if (mounts[index]!.type !== "tmpfs") return false;
  for (let at = index + 1; at < mounts.length; at++) {
    if (isWithin(inRoot(mounts[at]!.destination), path)) return true;
  }
  return false;
}

function cloneSources(
  c: Context,
  mount: Mount,
  options: MountOptions,
  isBind: boolean,
  cgroups: Cgroups,
  path: string,
): readonly Register[] {
  if (isBind) return [cloneSource(c, mount, options, path)];
  return isCgroupView(c, mount) && !c.fresh.has("cgroup") ? cloneCgroups(c, cgroups) : [];
}

function checkOptions(c: Context, mount: Mount, options: MountOptions, isBind: boolean, pointer: string): void {
  let own: MountOptions["data"][number] | undefined;
  for (const entry of options.data) if (!isBind || !entry.option.startsWith("mode=")) own ??= entry;
  if (isBind && own === undefined && options.data.length > 0) {
    // As crun: it says nothing of what is bound, and no option that restricts looks like it.
    c.plan.warn(`${pointer}/options: "${options.data[0]!.option}" has no effect on a bind mount`);
  }
  if (isBind && own !== undefined) {
    // The filesystem is the source's: its options are shared with every other mount of it.
    throw new SpecError(
      `${pointer}/options/${own.index}`,
      `Expected an option of bind mounts but received "${own.option}"`,
    );
  }
  if (isBind && !options.remount && mount.source === undefined) {
    throw new SpecError(`${pointer}/source`, "Expected the path to bind but received nothing");
  }
  if (!isBind && !options.remount && (mount.type === undefined || mount.type === "none")) {
    throw new SpecError(`${pointer}/type`, "Expected the type of a filesystem, or bind among the options");
  }
  if (options.copyUp && mount.type !== "tmpfs") {
    const index = mount.options!.indexOf("tmpcopyup");
    throw new SpecError(`${pointer}/options/${index}`, `Expected type "tmpfs" for the option "tmpcopyup"`);
  }
}

/** CVE-2019-16884: only procfs itself may lie at /proc. */
function checkDestination(mount: Mount, path: string, isBind: boolean, pointer: string): void {
  if (path === "proc" && !isBind && mount.type !== "proc") {
    throw new SpecError(`${pointer}/type`, `Expected "proc" at "/proc" but received "${mount.type}"`);
  }
  if (path.startsWith("proc/") && !mayCoverInProc(path.slice(5))) refuseInProc(mount, pointer);
}

function refuseInProc(mount: Mount, pointer: string): never {
  throw new SpecError(`${pointer}/destination`, `Expected a place outside /proc but received "${mount.destination}"`);
}

/** Stage: makes and attaches every mount. */
export function planMounts(c: Context, prepared: readonly PreparedMount[], cgroups: Cgroups): void {
  for (let index = 0; index < prepared.length; index++) {
    const entry = prepared[index]!;
    findWay(c, entry);
    c.plan.at(entry.pointer);
    if (entry.options.remount) {
      planRemount(c, entry);
      continue;
    }
    checkWay(entry);
    if (entry.isBind) planBind(c, entry);
    else if (isCgroupView(c, entry.mount)) planCgroupView(c, entry, cgroups);
    else place(c, entry, planFilesystem(c, entry, isGuest(c) ? substituteFor(c, entry.mount) : undefined));
  }
}

/** A procfs mounted elsewhere than at /proc is one all the same. */
function checkWay({ way, mount, pointer }: PreparedMount): void {
  if (way?.place?.type === "proc" && way.rest !== "" && !mayCoverInProc(way.rest)) refuseInProc(mount, pointer);
}

function planBind(c: Context, entry: PreparedMount): void {
  const source = entry.sources[0] ?? cloneLate(c, entry);
  c.plan.at(`${entry.pointer}/destination`);
  const target = openBindTarget(c, entry, (out, way) => makeBindTarget(c, way, source, out));
  c.plan.at(entry.pointer);
  attach(c, source, target);
  settle(c, entry, source);
}

/** A filesystem that planFilesystem made: its target is open already where its content was needed. */
function place(c: Context, entry: PreparedMount, made: { mount: Register; target: Register }): void {
  attach(c, made.mount, made.target);
  settle(c, entry, made.mount);
}

/** MS_REMOUNT on a mount that is there already: its attributes, no other mount's. */
function planRemount(c: Context, { pointer, way, options }: PreparedMount): void {
  const { plan } = c;
  plan.at(`${pointer}/destination`);
  const target = way === undefined ? c.root : openWay(c, way, "any");
  plan.at(`${pointer}/options`);
  const own = mountAttr(options.own);
  const recursive = mountAttr(options.recursive);
  if (own !== undefined) plan.call("mount_setattr", [target, "", "AT_EMPTY_PATH", own]);
  if (recursive !== undefined) plan.call("mount_setattr", [target, "", "AT_EMPTY_PATH|AT_RECURSIVE", recursive]);
  planPropagation(c, options, target);
}

/** Stage: read-only at last, once devices and mount points are in. */
export function finishMounts(c: Context, prepared: readonly PreparedMount[]): void {
  for (const { isReadOnlyLater, mounted, pointer } of prepared) {
    if (!isReadOnlyLater || mounted === undefined) continue;
    c.plan
      .at(`${pointer}/options`)
      .call("mount_setattr", [mounted, "", "AT_EMPTY_PATH", { attr_set: "MOUNT_ATTR_RDONLY" }]);
  }
}

/**
 * Stage, in the root, as late as its rights allow: each destination that others may have renamed meanwhile leads to what
 * was mounted there. What is masked stays masked wherever the mount went; but a container whose /proc is another
 * directory is not the one that was asked for.
 */
export function verifyMounts(c: Context): void {
  const { plan, root, places } = c;
  const { list } = places;
  for (let index = 0; index < list.length; index++) {
    const { isGuarded, isInRoot, isStrict, path, pointer, mount } = list[index]!;
    if (!isGuarded || !isInRoot || path === "" || mount === undefined || isHidden(list, index)) continue;
    plan.at(`${pointer}/destination`);
    const open = isStrict ? how.strictDirectory : how.any;
    plan.call("verify_mount", [root, path, open, mount], { why: "nobody has exchanged it" });
  }
}

/** By a later mount on the same place or above it. */
function isHidden(list: readonly Place[], index: number): boolean {
  for (let later = index + 1; later < list.length; later++) {
    if (isWithin(list[index]!.path, list[later]!.path)) return true;
  }
  return false;
}
