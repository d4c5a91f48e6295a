/**
 * What config.json asks for and this version does not do. `create` fails with the first, `explain` lists them all;
 * the plan goes on as if the property were absent.
 * In: Context. Out: refusals in the builder.
 * @module
 */
import type { Context } from "./context.ts";
import type { Resources } from "../spec/types.ts";

/** Pointer below the document → what it would do. */
const unsupportedProcess = {
  apparmorProfile: "AppArmor profiles",
  selinuxLabel: "SELinux labels",
  scheduler: "scheduler attributes",
  ioPriority: "I/O priorities",
  execCPUAffinity: "CPU affinity",
} as const;

const unsupportedLinux = {
  seccomp: "seccomp filters",
  mountLabel: "SELinux mount labels",
  memoryPolicy: "memory policies",
  intelRdt: "Intel RDT",
  timeOffsets: "time namespace offsets",
} as const;

/** Notes everything unsupported outside of mounts and cgroupsPath, whose sections do it themselves. */
export function planRefusals(c: Context): void {
  const { plan, spec } = c;
  const refuse = (pointer: string, what: string): void => plan.refuse(pointer, `${what} are not supported yet`);
  const { process, linux } = spec;
  if (process !== undefined) {
    for (const key of Object.keys(unsupportedProcess) as (keyof typeof unsupportedProcess)[]) {
      if (process[key] !== undefined) refuse(`/process/${key}`, unsupportedProcess[key]);
    }
  }
  if (spec.vm !== undefined && Object.keys(spec.vm).length > 0) refuse("/vm", "virtual machines");
  if (linux === undefined) return;
  linux.namespaces?.forEach(({ type, path }, index) => {
    const pointer = `/linux/namespaces/${index}`;
    if (path !== undefined) refuse(`${pointer}/path`, "joined namespaces");
    else if (type === "user" || type === "time") refuse(`${pointer}/type`, `${type} namespaces`);
  });
  for (const key of ["uidMappings", "gidMappings"] as const) {
    if ((linux[key] ?? []).length > 0) refuse(`/linux/${key}`, "id mappings");
  }
  for (const key of Object.keys(unsupportedLinux) as (keyof typeof unsupportedLinux)[]) {
    if (linux[key] !== undefined) refuse(`/linux/${key}`, unsupportedLinux[key]);
  }
  if (linux.netDevices !== undefined && Object.keys(linux.netDevices).length > 0) {
    refuse("/linux/netDevices", "network devices");
  }
  if (linux.resources !== undefined) refuseLimits(c, linux.resources);
}

/** Each limit that asks for something; `devices` are rules, not limits, and have their own section. */
function refuseLimits(c: Context, resources: Resources): void {
  for (const [key, value] of Object.entries(resources)) {
    if (key !== "devices") refuseLeaves(c, `/linux/resources/${key}`, value);
  }
}

function refuseLeaves(c: Context, pointer: string, value: unknown): void {
  if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) refuseLeaves(c, `${pointer}/${escapeStep(key)}`, inner);
  } else if (asksForSomething(pointer, value)) {
    c.plan.refuse(pointer, "limits by cgroups are not supported yet");
  }
}

/** A new cgroup has no limits: -1 and false ask for just that, and 0 where writers mean "unset" by it. */
function asksForSomething(pointer: string, value: unknown): boolean {
  if (value === undefined || value === false || value === "" || value === -1) return false;
  if (value !== 0) return true;
  return pointer.endsWith("/pids/limit") || pointer.endsWith("/swappiness");
}

/** RFC 6901 section 3. */
function escapeStep(step: string): string {
  return step.includes("~") || step.includes("/") ? step.replaceAll("~", "~0").replaceAll("/", "~1") : step;
}
