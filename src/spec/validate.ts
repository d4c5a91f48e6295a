/**
 * Rules between properties that need no knowledge of the host. In: Spec. Out: nothing, or a SpecError.
 * A namespace that is joined (with `path`) counts as the container's own, as in runc: the caller chose it.
 * Errors runtime-spec asks for: config-linux.md, config.md (MUST generate an error); the rest as runc refuses it.
 * @module
 */
import { SpecError } from "../errors.ts";
import { describeValue } from "./issues.ts";
import { pointerTo } from "./pointer.ts";
import { isSysctlPath, sysctlNamespace, sysctlPath } from "./sysctl.ts";
import type { Linux, Mount, NamespaceType, Process, Spec } from "./types.ts";
import { validateSeccomp } from "./validate_seccomp.ts";

type Owned = ReadonlySet<NamespaceType>;

/** All rules, in the order of config.json. */
export function validateSpec(spec: Spec): void {
  const own = ownNamespaces(spec.linux);
  if (spec.process !== undefined) validateProcess(spec.process);
  validateNames(spec, own);
  validateMountsNeedNamespace(spec, own);
  const hasUserMapping = own.has("user");
  spec.mounts?.forEach((mount, index) => validateMount(mount, pointerTo("mounts", index), hasUserMapping));
  if (spec.linux === undefined) return;
  validateMappings(spec.linux, own);
  validateDevices(spec.linux);
  validateSysctl(spec.linux.sysctl ?? {}, own);
  validateCgroupsPath(spec.linux.cgroupsPath);
  if (spec.linux.seccomp !== undefined) validateSeccomp(spec.linux.seccomp);
}

/** MUST config-linux.md#namespaces: duplicated namespaces are an error. */
function ownNamespaces(linux: Linux | undefined): Owned {
  const own = new Set<NamespaceType>();
  linux?.namespaces?.forEach(({ type }, index) => {
    if (own.has(type)) {
      throw new SpecError(
        pointerTo("linux", "namespaces", index, "type"),
        `Expected each namespace once but received "${type}" again`,
      );
    }
    own.add(type);
  });
  return own;
}

function validateProcess(process: Process): void {
  const seen = new Set<string>();
  process.rlimits?.forEach(({ type, soft, hard }, index) => {
    const pointer = pointerTo("process", "rlimits", index);
    // MUST config.md#posix-process: duplicated types are an error
    if (seen.has(type)) throw new SpecError(`${pointer}/type`, `Expected each limit once but received "${type}" again`);
    seen.add(type);
    if (soft > hard) {
      throw new SpecError(`${pointer}/soft`, `Expected at most the hard limit ${hard} but received ${soft}`);
    }
  });
  if (process.scheduler !== undefined) validateScheduler(process.scheduler);
}

/** sched_setattr(2) would answer with a bare EINVAL. */
function validateScheduler(scheduler: NonNullable<Process["scheduler"]>): void {
  const { policy } = scheduler;
  const allow = (key: "priority" | "nice" | "runtime" | "deadline" | "period", policies: readonly string[]): void => {
    const value = scheduler[key] ?? 0;
    if (value === 0 || policies.includes(policy)) return;
    throw new SpecError(
      pointerTo("process", "scheduler", key),
      `Expected ${policies.join(" or ")} as policy for it but received "${policy}"`,
    );
  };
  allow("priority", ["SCHED_FIFO", "SCHED_RR"]);
  allow("nice", ["SCHED_OTHER", "SCHED_BATCH"]);
  for (const key of ["runtime", "deadline", "period"] as const) allow(key, ["SCHED_DEADLINE"]);
}

/** __NEW_UTS_LEN: sethostname(2) gives EINVAL above. */
const maxNameBytes = 64;

/** The names would be those of the runtime's namespace. */
function validateNames(spec: Spec, own: Owned): void {
  for (const key of ["hostname", "domainname"] as const) {
    const name = spec[key];
    if (name === undefined) continue;
    requireNamespace(own, "uts", pointerTo(key));
    if (new TextEncoder().encode(name).length > maxNameBytes) {
      throw new SpecError(pointerTo(key), `Expected at most ${maxNameBytes} bytes but received ${describeValue(name)}`);
    }
  }
}

/** Without its own mount namespace the container's mounts would be the machine's. */
function validateMountsNeedNamespace(spec: Spec, own: Owned): void {
  if (own.has("mount")) return;
  const { linux } = spec;
  if (spec.root.readonly === true) requireNamespace(own, "mount", "/root/readonly");
  if ((spec.mounts ?? []).length > 0) requireNamespace(own, "mount", "/mounts");
  if (linux?.rootfsPropagation !== undefined) requireNamespace(own, "mount", "/linux/rootfsPropagation");
  if ((linux?.maskedPaths ?? []).length > 0) requireNamespace(own, "mount", "/linux/maskedPaths");
  if ((linux?.readonlyPaths ?? []).length > 0) requireNamespace(own, "mount", "/linux/readonlyPaths");
}

function requireNamespace(own: Owned, type: NamespaceType, pointer: string): void {
  if (own.has(type)) return;
  throw new SpecError(pointer, `Expected "${type}" in /linux/namespaces, which this needs`);
}

/** MUST config.md#posix-platform-mounts: both mappings or none; idmap needs one from somewhere. */
function validateMount(mount: Mount, pointer: string, hasUserNamespace: boolean): void {
  const hasUids = (mount.uidMappings ?? []).length > 0;
  const hasGids = (mount.gidMappings ?? []).length > 0;
  if (hasUids !== hasGids) {
    throw new SpecError(
      `${pointer}/${hasUids ? "gidMappings" : "uidMappings"}`,
      `Expected a mapping because ${hasUids ? "uidMappings" : "gidMappings"} has one but received nothing`,
    );
  }
  if (hasUids || hasUserNamespace) return;
  mount.options?.forEach((option, index) => {
    if (option !== "idmap" && option !== "ridmap") return;
    throw new SpecError(
      `${pointer}/options/${index}`,
      `Expected uidMappings and gidMappings of the mount, or a user namespace, for the option "${option}"`,
    );
  });
}

function validateMappings(linux: Linux, own: Owned): void {
  for (const key of ["uidMappings", "gidMappings"] as const) {
    if ((linux[key] ?? []).length > 0) requireNamespace(own, "user", pointerTo("linux", key));
  }
  if (linux.timeOffsets !== undefined) {
    requireNamespace(own, "time", "/linux/timeOffsets");
    const time = linux.namespaces?.find(({ type }) => type === "time");
    if (time?.path !== undefined) {
      throw new SpecError("/linux/timeOffsets", `Expected a new time namespace but received "${time.path}" to join`);
    }
  }
  if (linux.netDevices !== undefined && Object.keys(linux.netDevices).length > 0) {
    requireNamespace(own, "network", "/linux/netDevices");
  }
}

/** MUST config-linux.md#devices: the numbers are required for all but a FIFO. */
function validateDevices(linux: Linux): void {
  linux.devices?.forEach((device, index) => {
    if (device.type === "p") return;
    for (const key of ["major", "minor"] as const) {
      if (device[key] !== undefined) continue;
      throw new SpecError(pointerTo("linux", "devices", index, key), `Required for type "${device.type}" but missing`);
    }
  });
}

function validateSysctl(sysctl: Readonly<Record<string, string>>, own: Owned): void {
  const seen = new Map<string, string>();
  for (const [key, value] of Object.entries(sysctl)) {
    const pointer = pointerTo("linux", "sysctl", key);
    const path = sysctlPath(key);
    if (!isSysctlPath(path)) {
      throw new SpecError(pointer, `Expected the name of a kernel parameter but received "${key}"`);
    }
    if (path === "kernel/hostname") {
      throw new SpecError(pointer, "Expected /hostname to be used for it");
    }
    const namespace = sysctlNamespace(path);
    if (namespace === undefined) {
      throw new SpecError(pointer, `Expected a parameter that belongs to a namespace but received "${key}"`);
    }
    requireNamespace(own, namespace, pointer);
    // One write(2) is one line: the kernel takes what follows a newline as nothing, or as garbage.
    if (value.includes("\n")) {
      throw new SpecError(pointer, `Expected a value of one line but received ${describeValue(value)}`);
    }
    const twin = seen.get(path);
    if (twin !== undefined) {
      throw new SpecError(pointer, `Expected each parameter once but "${twin}" is the same as "${key}"`);
    }
    seen.set(path, key);
  }
}

/** ".." would lead out of the place the caller may use. */
function validateCgroupsPath(path: string | undefined): void {
  if (path === undefined || !path.split("/").includes("..")) return;
  throw new SpecError("/linux/cgroupsPath", `Expected a path without ".." but received ${describeValue(path)}`);
}
