/**
 * Rules between properties that need no knowledge of the host. In: Spec. Out: nothing, or a SpecError.
 * A namespace that is joined (with `path`) counts as the container's own, as in runc: the caller chose it.
 * Errors runtime-spec asks for: config-linux.md, config.md (MUST generate an error); the rest as runc refuses it.
 * @module
 */
import { SpecError } from "../errors.ts";
import { describeValue } from "./issues.ts";
import { findNamespace, type OwnNamespaces, ownNamespaces, requireNamespace } from "./namespaces.ts";
import { pointerTo } from "./pointer.ts";
import { validateNetDevices } from "./validate_net_devices.ts";
import type { Linux, Mount, Spec } from "./types.ts";
import { validateProcess } from "./validate_process.ts";
import { validateResources } from "./validate_resources.ts";
import { validateSeccomp } from "./validate_seccomp.ts";
import { validateSysctl } from "./validate_sysctl.ts";

/** All rules; the first that is broken is the error. */
export function validateSpec(spec: Spec): void {
  const { linux, mounts = [], process } = spec;
  const own = ownNamespaces(linux);
  if (process !== undefined) validateProcess(process);
  validateNames(spec, own);
  const isJoined = findNamespace(linux, "mount")?.path !== undefined;
  if (!own.has("mount") || isJoined) refuseMounting(spec, isJoined);
  const hasMapping = own.has("user");
  for (let index = 0; index < mounts.length; index++) {
    const mount = mounts[index];
    if (mount !== undefined && isMapped(mount)) validateMount(mount, index, hasMapping);
  }
  if (linux === undefined) return;
  if (linux.uidMappings !== undefined || linux.gidMappings !== undefined) validateUserNamespace(linux, own);
  if (linux.timeOffsets !== undefined || linux.netDevices !== undefined) validateOtherNamespaces(linux, own);
  if (linux.devices !== undefined) validateDevices(linux);
  if (linux.sysctl !== undefined) validateSysctl(linux.sysctl, own);
  if (linux.cgroupsPath !== undefined) validateCgroupsPath(linux.cgroupsPath);
  if (linux.memoryPolicy !== undefined) validateMemoryPolicy(linux.memoryPolicy);
  if (linux.intelRdt?.closID !== undefined) validateClass(linux.intelRdt.closID);
  if (linux.resources !== undefined) validateResources(linux.resources);
  if (linux.seccomp !== undefined) validateSeccomp(linux.seccomp);
}

/** __NEW_UTS_LEN: sethostname(2) gives EINVAL above. */
const maxNameBytes = 64;

/** The names would be those of the runtime's namespace. */
function validateNames(spec: Spec, own: OwnNamespaces): void {
  for (const key of ["hostname", "domainname"] as const) {
    const name = spec[key];
    if (name === undefined) continue;
    requireNamespace(own, "uts", key);
    // A UTF-16 unit takes 3 bytes at most.
    if (name.length * 3 <= maxNameBytes) continue;
    const bytes = new TextEncoder().encode(name).length;
    if (bytes > maxNameBytes) {
      throw new SpecError(pointerTo(key), `Expected at most ${maxNameBytes} bytes but received ${bytes}`);
    }
  }
}

/**
 * Without its own mount namespace the container's mounts would be the machine's; in one that it joins, those of whoever
 * lives there already.
 */
function refuseMounting(spec: Spec, isJoined: boolean): void {
  const refuse = (...keys: readonly string[]): void => {
    if (!isJoined) requireNamespace(new Set(), "mount", ...keys);
    throw new SpecError(pointerTo(...keys), "Expected a new mount namespace: one that is joined stays as it is");
  };
  const { linux } = spec;
  if (spec.root.readonly === true) refuse("root", "readonly");
  if ((spec.mounts ?? []).length > 0) refuse("mounts");
  if (linux?.rootfsPropagation !== undefined) refuse("linux", "rootfsPropagation");
  for (const key of ["maskedPaths", "readonlyPaths"] as const)
    if ((linux?.[key] ?? []).length > 0) refuse("linux", key);
}

/** Whether a mount's ids are to be mapped, by mappings or by an option. */
function isMapped({ uidMappings, gidMappings, options }: Mount): boolean {
  if (uidMappings !== undefined || gidMappings !== undefined) return true;
  return options !== undefined && (options.includes("idmap") || options.includes("ridmap"));
}

/** MUST config.md#posix-platform-mounts: both mappings or none; idmap needs one from somewhere. */
function validateMount(mount: Mount, index: number, hasUserNamespace: boolean): void {
  const hasUids = (mount.uidMappings ?? []).length > 0;
  const hasGids = (mount.gidMappings ?? []).length > 0;
  if (hasUids !== hasGids) {
    throw new SpecError(
      pointerTo("mounts", index, hasUids ? "gidMappings" : "uidMappings"),
      `Expected a mapping because ${hasUids ? "uidMappings" : "gidMappings"} has one but received nothing`,
    );
  }
  if (hasUids || hasUserNamespace || mount.options === undefined) return;
  for (const option of mount.options) {
    if (option !== "idmap" && option !== "ridmap") continue;
    throw new SpecError(
      pointerTo("mounts", index, "options", mount.options.indexOf(option)),
      `Expected uidMappings and gidMappings of the mount, or a user namespace, for the option "${option}"`,
    );
  }
}

/** Mappings belong to a user namespace. A new one without any gets the caller's own (plan/id_maps.ts), as with crun. */
function validateUserNamespace(linux: Linux, own: OwnNamespaces): void {
  for (const key of ["uidMappings", "gidMappings"] as const) {
    if ((linux[key] ?? []).length > 0) requireNamespace(own, "user", "linux", key);
  }
}

function validateOtherNamespaces(linux: Linux, own: OwnNamespaces): void {
  if (linux.timeOffsets !== undefined && Object.keys(linux.timeOffsets).length > 0) {
    requireNamespace(own, "time", "linux", "timeOffsets");
    const path = findNamespace(linux, "time")?.path;
    if (path !== undefined) {
      throw new SpecError("/linux/timeOffsets", `Expected a new time namespace but "${path}" is to be joined`);
    }
  }
  if (linux.netDevices !== undefined && Object.keys(linux.netDevices).length > 0) {
    requireNamespace(own, "network", "linux", "netDevices");
    validateNetDevices(linux.netDevices);
  }
}

/** MUST config-linux.md#devices: the numbers are required for all but a FIFO. */
function validateDevices(linux: Linux): void {
  for (const device of linux.devices ?? []) {
    if (device.type === "p" || (device.major !== undefined && device.minor !== undefined)) continue;
    const index = linux.devices?.indexOf(device) ?? 0;
    const key = device.major === undefined ? "major" : "minor";
    throw new SpecError(pointerTo("linux", "devices", index, key), `Required for type "${device.type}" but missing`);
  }
}

/** set_mempolicy(2) would answer with a bare EINVAL; MPOL_PREFERRED takes both. */
function validateMemoryPolicy({ mode, nodes = "" }: NonNullable<Linux["memoryPolicy"]>): void {
  const takesNone = mode === "MPOL_DEFAULT" || mode === "MPOL_LOCAL";
  if (mode === "MPOL_PREFERRED" || takesNone === (nodes.trim() === "")) return;
  const expected = takesNone ? "no nodes" : "at least one node";
  throw new SpecError(
    "/linux/memoryPolicy/nodes",
    `Expected ${expected} with ${mode} but received ${describeValue(nodes)}`,
  );
}

/** The name of a directory, or "/" for the root class (as runc). */
function validateClass(closID: string): void {
  if (closID === "/" || (closID !== "." && closID !== ".." && !closID.includes("/"))) return;
  throw new SpecError(
    "/linux/intelRdt/closID",
    `Expected one directory's name or "/" but received ${describeValue(closID)}`,
  );
}

/** ".." would lead out of the place the caller may use. */
function validateCgroupsPath(path: string | undefined): void {
  if (path === undefined || !path.includes("..") || !path.split("/").includes("..")) return;
  throw new SpecError("/linux/cgroupsPath", `Expected a path without ".." but received ${describeValue(path)}`);
}
