/**
 * Calls that make the container's cgroup and put the stage into it.
 *
 * Spec: config-linux.md#cgroups-path
 * Kernel: cgroups(7); CLONE_INTO_CGROUP since Linux 5.7 for v2, for v1 a write of "0" to tasks: to cgroup.procs
 *   it takes the lock of all thread groups, 5 ms and more (percpu_rwsem), and the stage has one thread
 * Order: made by the runtime before clone3; v1 is joined by the stage before its cgroup namespace is made
 * Errors: EACCES, EROFS the hierarchy is not ours; EBUSY on joining: processes beside controllers (v2)
 * @module
 */
import { directoriesAbove, enableControllers, enableCounted, missingController } from "./cgroup_controllers.ts";
import { planDeviceRules, refuseRules, refuseTopRules } from "./cgroup_devices.ts";
import { makeDirectories } from "./cgroup_directories.ts";
import {
  available,
  availableLegacy,
  hasLimits,
  type Missing,
  refuseSettings,
  settingsOf,
  warnOfIgnored,
  writeSettings,
} from "./cgroup_limits.ts";
import { delegatesCgroup, planOwner } from "./cgroup_owner.ts";
import type { Setting } from "./cgroup_settings.ts";
import type { Context } from "./context.ts";
import type { CgroupHierarchy } from "./host.ts";
import { inRoot, parentOf } from "./paths.ts";
import { startUnit } from "./systemd_start.ts";
import { type Unit, unitOf } from "./systemd_unit.ts";
import type { Register } from "./types.ts";

/** What later sections need of the container's cgroups. */
export interface Cgroups {
  /** v2: the directory, for clone3. */
  readonly directory?: Register;
  /** v1: the file tasks of every hierarchy, for the stage. */
  readonly procs: readonly Register[];
  /** v1: the container's place in each hierarchy, absolute host path. */
  readonly v1: readonly PlacedHierarchy[];
  /** Limits that would keep the stage's process out: written once it is in. */
  readonly late: readonly Setting[];
  /** The scope that systemd is to make once there is a process to put into it (systemd.ts). */
  readonly unit?: Unit;
}

export interface PlacedHierarchy {
  readonly hierarchy: CgroupHierarchy;
  readonly path: string;
}

const none: Cgroups = { procs: [], v1: [], late: [] };

/** Runtime: makes the directories. */
export function planCgroups(c: Context): Cgroups {
  const { plan, host, options, spec } = c;
  plan.at("/linux/cgroupsPath");
  if (options.cgroupManager === "disabled") {
    refuseResources(c, { message: () => "Expected no limits and no device rules, for the cgroup manager is disabled" });
    return none;
  }
  if (options.cgroupManager === "systemd") return planUnitPlaces(c);
  const asked = spec.linux?.cgroupsPath;
  if (host.cgroup.layout === "none") {
    if (asked !== undefined) plan.refuse("/linux/cgroupsPath", "no cgroups are mounted on this machine");
    refuseResources(c, { message: () => "no cgroups are mounted on this machine" });
    return none;
  }
  const path = askedPath(c, asked);
  if (path === undefined) {
    refuseResources(c, host.cgroup.v2 === null ? undelegated : missingController(host));
    return none;
  }
  return host.cgroup.layout === "v2" ? planUnified(c, path) : planLegacy(c, path);
}

/**
 * With systemd: on v2 nothing is there before the unit; on v1 it joins the hierarchies that it knows of, so that the
 * others, and the place for the stage to join them all, are made here.
 */
function planUnitPlaces(c: Context): Cgroups {
  const { plan } = c;
  const { systemd, cgroup } = c.host;
  if (systemd === undefined || "unreachable" in systemd) {
    const why = systemd?.unreachable ?? "it was not asked";
    plan.refuse("/linux/cgroupsPath", `systemd cannot be reached: ${why}`, [
      "try        --cgroup-manager cgroupfs, or a session of the user (loginctl enable-linger)",
    ]);
    return none;
  }
  const unit = unitOf(c, systemd.isUser);
  if (unit === undefined) return none;
  const top = inRoot(systemd.controlGroup);
  const path = top === "" ? unit.path : `${top}/${unit.path}`;
  if (cgroup.layout === "none") {
    plan.refuse("/linux/cgroupsPath", "no cgroups are mounted on this machine");
    return none;
  }
  plan.unit = { name: unit.name, socket: systemd.socket };
  if (unit.isSlice) {
    startUnit(c, unit, undefined);
    return cgroup.layout === "v2" ? planUnified(c, `/${path}`) : planLegacy(c, `/${path}`);
  }
  if (cgroup.layout === "v1") return { ...placeLegacy(c, `/${path}`), unit: { ...unit, path } };
  plan.cgroups.push(`${cgroup.v2!.mountPoint}/${path}`);
  return { ...none, unit: { ...unit, path } };
}

/** Cgroup v1 is nobody's but root's. */
const undelegated = {
  message: (controller: string) => `The controller "${controller}" is not delegated to this user`,
  detail: ["because    this machine has cgroup v1, which only root may use", "try        cgroup v2, or root"],
};

/** Without a cgroup of the container's own every limit and every device rule is one that nothing keeps. */
function refuseResources(c: Context, missing: Missing): void {
  const { plan, spec, host } = c;
  const { resources } = spec.linux ?? {};
  if (resources === undefined) return;
  refuseRules(c, missing);
  if (!hasLimits(resources)) return;
  refuseSettings(plan, settingsOf(plan, host, resources), missing);
}

/**
 * The path as asked for; the systemd form means nothing to files, so the default stands in for it. undefined: the user
 * has no cgroups to give, so the container stays in the runtime's (as runc and crun), unless it asks for limits.
 */
function askedPath(c: Context, asked: string | undefined): string | undefined {
  const { mayMake = "anywhere", v2 } = c.host.cgroup;
  // Like crun; runc has no default beside /<id> either.
  const beside = mayMake === "beside" ? `/${parentOf(inRoot(v2!.own))}/`.replace("//", "/") : "/";
  if (mayMake === "nowhere" || (asked?.startsWith("/") === true && !`${asked}/`.startsWith(beside))) {
    if (asked !== undefined) {
      c.plan.warn(`/linux/cgroupsPath is not applied: "${asked}" is not within what was delegated to this user`);
    }
    return undefined;
  }
  if (asked === undefined) return `${beside}${c.options.id}`;
  const isSystemdForm = !asked.startsWith("/") && asked.split(":").length === 3;
  if (!isSystemdForm) return asked;
  if (c.options.cgroupManager === "cgroupfs") {
    c.plan.refuse("/linux/cgroupsPath", `"${asked}" is a path for the systemd cgroup driver, not for cgroupfs`);
  }
  return `${beside}${c.options.id}`;
}

/** Absolute: from the hierarchy's top. Relative: from the runtime's own place (v2: beside it, as it has processes). */
function resolve(path: string, own: string): string {
  return inRoot(path.startsWith("/") ? path : `${own}/${path}`);
}

/**
 * From here until the container's process is in, no other creation gets past this line: two in one cgroup would end each
 * other. Of a unit, systemd sees to that.
 */
function claim({ plan }: Context, fd: Register, list: string): void {
  if (plan.unit === undefined) plan.call("claim_cgroup", [fd, list]);
}

function planUnified(c: Context, asked: string): Cgroups {
  const { plan } = c;
  const { mountPoint, own } = c.host.cgroup.v2!;
  const path = resolve(asked, `/${parentOf(inRoot(own))}`);
  makeDirectories(plan, mountPoint, path, false);
  const directory = plan.open("openat", ["AT_FDCWD", `${mountPoint}/${path}`, "O_RDONLY|O_DIRECTORY|O_CLOEXEC", 0]);
  if (path !== "") {
    plan.cgroups.push(`${mountPoint}/${path}`);
    claim(c, directory, "cgroup.procs");
  }
  if (path === "") refuseTopRules(c);
  else planDeviceProgram(c, directory);
  const late = planUnifiedLimits(c, path, directory);
  if (delegatesCgroup(c.spec)) planOwner(c, directory);
  return { directory, procs: [], v1: [], late };
}

/**
 * By the thread: the kernel takes 0.4 ms to check a program, time for the runtime to write the stage's. Not where a user
 * namespace is joined: its lines are made in a process that has only what it inherits then.
 */
function planDeviceProgram(c: Context, directory: Register): void {
  if (!c.joined.has("user")) c.plan.on("thread");
  planDeviceRules(c, { directory });
  c.plan.on("runtime");
}

/**
 * Limits of a v2 cgroup; returns those for later.
 * @param delegated controllers that are there already
 */
export function planUnifiedLimits(
  c: Context,
  path: string,
  directory: Register,
  delegated: readonly string[] = [],
): readonly Setting[] {
  const { resources } = c.spec.linux ?? {};
  const { plan, host } = c;
  const above = directoriesAbove(host, path);
  // systemd counts for every unit of ours.
  const isOwn = c.options.cgroupManager === "cgroupfs" && path !== "";
  if (resources === undefined || !hasLimits(resources)) {
    if (isOwn) enableCounted(plan, above);
    return none.late;
  }
  const { controllers } = host.cgroup.v2!;
  warnOfIgnored(plan, resources);
  const settings = available(plan, settingsOf(plan, host, resources), controllers, missingController(host));
  refuseTop(c, path, settings);
  const needing: Setting[] = [];
  for (const setting of settings) if (!delegated.includes(setting.controller)) needing.push(setting);
  if (!enableControllers(plan, needing, controllers, above) && isOwn) enableCounted(plan, above);
  const late: Setting[] = [];
  const first: Setting[] = [];
  // No process can be born into a cgroup that may have none: pids.max is looked at by clone3, not when one is moved in. Where
  // a user namespace is joined, there are two for a moment: one born into the cgroup, and the one that it forks within.
  const few = c.joined.has("user") ? ["0", "1"] : ["0"];
  for (const setting of settings) {
    (setting.file === "pids.max" && few.includes(setting.text) ? late : first).push(setting);
  }
  writeSettings(plan, first, () => ({ directory }));
  return late;
}

/** The top of a hierarchy has no limits, and they would be the machine's. */
function refuseTop(c: Context, path: string, settings: readonly Setting[]): void {
  if (path !== "" || settings.length === 0) return;
  c.plan.refuse(`/linux/resources${settings[0]!.pointer}`, "Expected a cgroupsPath below the top of the hierarchy");
}

/** Runtime, once the stage's process is in: the limits that would have kept it out. */
export function planLateLimits(c: Context, { directory, late }: Cgroups): void {
  if (directory === undefined || late.length === 0) return;
  c.plan.on("runtime");
  writeSettings(c.plan, late, () => ({ directory }));
}

function planLegacy(c: Context, asked: string): Cgroups {
  const cgroups = placeLegacy(c, asked);
  applyLegacy(c, cgroups.v1);
  return cgroups;
}

/** Makes and opens the container's place in every hierarchy. */
function placeLegacy(c: Context, asked: string): Cgroups {
  const { plan } = c;
  const procs: Register[] = [];
  const v1: PlacedHierarchy[] = [];
  for (const hierarchy of c.host.cgroup.v1) {
    plan.at("/linux/cgroupsPath");
    const { mountPoint } = hierarchy;
    const path = resolve(asked, hierarchy.own);
    const place = path === "" ? mountPoint : `${mountPoint}/${path}`;
    makeDirectories(plan, mountPoint, path, hierarchy.controllers.includes("cpuset"));
    // An absolute path is the same in every hierarchy: what is claimed in the first one is so in all.
    const isClaimed = path !== "" && plan.unit === undefined && (v1.length === 0 || !asked.startsWith("/"));
    const access = isClaimed ? "O_RDWR|O_CLOEXEC" : "O_WRONLY|O_CLOEXEC";
    const file = plan.open("openat", ["AT_FDCWD", `${place}/tasks`, access, 0]);
    plan.inherit(file);
    if (isClaimed) plan.call("claim_cgroup", [file, ""]);
    procs.push(file);
    v1.push({ hierarchy, path: place });
    if (path !== "") plan.cgroups.push(place);
  }
  return { procs, v1, late: [] };
}

/** Device rules and limits of v1. */
export function applyLegacy(c: Context, v1: readonly PlacedHierarchy[]): void {
  let hasRules = false;
  for (const { hierarchy, path } of v1) {
    if (!hierarchy.controllers.includes("devices")) continue;
    hasRules = true;
    if (path === hierarchy.mountPoint) refuseTopRules(c);
    else planDeviceRules(c, { place: path });
  }
  if (!hasRules) planDeviceRules(c, {});
  const { resources } = c.spec.linux ?? {};
  if (resources === undefined || !hasLimits(resources)) return;
  const { plan, host } = c;
  warnOfIgnored(plan, resources);
  const settings = availableLegacy(plan, settingsOf(plan, host, resources), host.cgroup.v1);
  for (const { hierarchy, path } of v1) if (path === hierarchy.mountPoint) refuseTop(c, "", settings);
  writeSettings(plan, settings, (controller) => {
    for (const { hierarchy, path } of v1) if (hierarchy.controllers.includes(controller)) return { path };
    return { path: "" };
  });
}

/** Stage: joins, then makes the namespace whose root is where it is now. */
export function joinCgroups(c: Context, cgroups: Cgroups): void {
  const { plan } = c;
  plan.at("/linux/cgroupsPath");
  for (const file of cgroups.procs) plan.call("write", [file, "0"]);
  if (c.fresh.has("cgroup")) plan.at("/linux/namespaces").call("unshare", ["CLONE_NEWCGROUP"]);
}
