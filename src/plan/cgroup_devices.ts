/**
 * Calls that apply `linux.resources.devices`: which devices processes of the cgroup may make and open.
 *
 * Spec: config-linux.md#allowed-device-list
 * Kernel: v1 devices.allow, devices.deny (Documentation/admin-guide/cgroup-v1/devices.rst);
 *   v2 BPF_PROG_TYPE_CGROUP_DEVICE since Linux 4.15
 * Order: after the directory is made, before any process is in it
 * @module
 */
import type { DeviceRule } from "../spec/types.ts";
import type { PlanBuilder } from "./builder.ts";
import type { Missing } from "./cgroup_limits.ts";
import { isGuest } from "./cloning.ts";
import { type Context, isMachinesRoot } from "./context.ts";
import type { DeviceLine } from "./device_changes.ts";
import { deviceExceptions, isEverything, ruleLine } from "./device_exceptions.ts";
import { anyNumber, compileDeviceRules, type DeviceAccess } from "./device_program.ts";
import { defaultDeviceProgram } from "./device_program_default.ts";
import type { Register } from "./types.ts";

const allowed = (type: "b" | "c", major: number, minor: number, access: string): DeviceAccess => ({
  allow: true,
  type,
  major,
  minor,
  access,
});

/** Allowed wherever the rules start from nothing, as with runc: a node alone opens nothing. */
const makingNodes: readonly DeviceAccess[] = [
  allowed("c", anyNumber, anyNumber, "m"),
  allowed("b", anyNumber, anyNumber, "m"),
];

/** Allowed whatever the rules say, as with runc: what default devices and terminals need. */
const always: readonly DeviceAccess[] = [
  allowed("c", 1, 3, "rwm"), // null
  allowed("c", 1, 5, "rwm"), // zero
  allowed("c", 1, 7, "rwm"), // full
  allowed("c", 1, 8, "rwm"), // random
  allowed("c", 1, 9, "rwm"), // urandom
  allowed("c", 5, 0, "rwm"), // tty
  allowed("c", 5, 1, "rwm"), // console
  allowed("c", 5, 2, "rwm"), // ptmx
  allowed("c", 136, anyNumber, "rwm"), // pts/*
];

/** Where the rules start from, as with runc: what no rule allows is denied. */
const denyAll: DeviceAccess = { allow: false, type: "a", major: anyNumber, minor: anyNumber, access: "rwm" };

/**
 * Those that are accesses: config-linux.md#allowed-device-list has no MUST for others, and runc and crun let them be. A loop
 * by index: the first use of an iterator over text costs 75 µs.
 */
function lettersOf(access: string): string {
  let letters = "";
  for (let index = 0; index < access.length; index++) {
    const letter = access.charAt(index);
    if ("rwm".includes(letter)) letters += letter;
  }
  return letters;
}

/** The rules in order after one for everything, with the default ones last so that none can take them away. */
export function deviceAccesses(rules: readonly DeviceRule[]): DeviceAccess[] {
  const accesses: DeviceAccess[] = [];
  let startsFromAll = false;
  for (const rule of rules) {
    const letters = lettersOf(rule.access ?? "rwm");
    const access: DeviceAccess = {
      allow: rule.allow,
      type: rule.type ?? "a",
      major: rule.major ?? anyNumber,
      minor: rule.minor ?? anyNumber,
      access: letters,
    };
    if (isEverything(access)) startsFromAll = access.allow;
    else if (accesses.length === 0) accesses.push(denyAll);
    if (letters !== "") accesses.push(access);
  }
  // Who allows everything but some nodes means these.
  if (!startsFromAll) accesses.push(...makingNodes);
  accesses.push(...always);
  return accesses;
}

/**
 * Runtime: applies the rules; with none in config.json nothing is asked and nothing done.
 * @param where v2: the cgroup's directory. v1: the container's place in the devices hierarchy. Neither: there is no way
 */
export function planDeviceRules(c: Context, where: { directory?: Register; place?: string }): void {
  const rules = c.spec.linux?.resources?.devices ?? [];
  if (rules.length === 0 || !areKept(c)) return;
  const { plan } = c;
  plan.at("/linux/resources/devices");
  if (where.place !== undefined) writeRules(plan, where.place, deviceAccesses(rules));
  else if (where.directory !== undefined) {
    attachProgram(plan, where.directory, deviceAccesses(rules), deviceProgramName(c.options.id));
  } else refuseUnkept(plan);
}

/**
 * Whether the rules are to be kept. Without the right to load a program nothing can be enforced, and within a user
 * namespace nothing is granted either: it makes no nodes that open, and the host's have the rights of their files (as
 * runc and crun). An ordinary user with the capabilities to do without one is held to them.
 */
const areKept = (c: Context): boolean => isMachinesRoot(c.host) || !isGuest(c);

/** Whether there is a device that the rules keep anybody from. */
function restricts(rules: readonly DeviceRule[]): boolean {
  const accesses = deviceAccesses(rules);
  if (!isEverything(accesses[0]!)) return true;
  for (const { allow } of accesses) if (!allow) return true;
  return false;
}

/**
 * Where the container has no cgroup of its own: rules that would keep it from a device are refused like limits, for what
 * they deny would open (runtime.md#create; runc and crun drop them).
 */
export function refuseRules(c: Context, { message, detail }: Missing): void {
  const rules = c.spec.linux?.resources?.devices ?? [];
  if (rules.length === 0 || !areKept(c) || !restricts(rules)) return;
  if (c.options.cgroupManager === "disabled" && !makesNodes(c)) {
    // The caller's own word, and engines that give it send their usual rules along (podman --cgroups=disabled).
    c.plan.warn(
      "/linux/resources/devices is not applied: the cgroup manager is disabled (nodes of the image and of bind mounts open)",
    );
    return;
  }
  c.plan.refuse("/linux/resources/devices", message("devices"), detail ?? noCgroupNoRules);
}

const noCgroupNoRules = [
  "because    device rules are kept by a cgroup of the container's own: without one it could open what they deny",
  "try        a cgroup manager and /sys/fs/cgroup, or the same without the rules",
];

/** Whether the container may make device nodes for itself. */
function makesNodes(c: Context): boolean {
  return !isGuest(c) && (c.spec.process?.capabilities?.bounding ?? []).includes("CAP_MKNOD");
}

/** Neither the controller of v1 nor a v2 cgroup is there. */
export function refuseUnkept(plan: PlanBuilder): void {
  plan.refuse("/linux/resources/devices", "this machine has no devices controller");
}

/** What the names of our programs begin with. */
export const programPrefix = "bunker_";

/**
 * The name of a container's program in the kernel (BPF_OBJ_NAME_LEN: 15 letters, digits, "_" and "."): what `update`
 * finds it by among those that others attached.
 */
export function deviceProgramName(id: string): string {
  // A loop: `replaceAll` is compiled from its source at each start.
  let name = programPrefix;
  for (let at = 0; at < id.length && at < 8; at++) {
    const letter = id.charAt(at);
    name += letter === "-" || letter === "+" ? "_" : letter;
  }
  return name;
}

/** Runtime, at the top of a hierarchy: rules there would be the whole machine's. */
export function refuseTopRules(c: Context): void {
  if ((c.spec.linux?.resources?.devices ?? []).length === 0 || !areKept(c)) return;
  c.plan.refuse("/linux/resources/devices", "Expected a cgroupsPath below the top of the hierarchy");
}

function writeRules(plan: PlanBuilder, place: string, accesses: readonly DeviceAccess[]): void {
  const lines: DeviceLine[] = [];
  for (const access of keptRules(plan, accesses)) {
    lines.push({ allow: access.allow, text: isEverything(access) ? "a" : ruleLine(access) });
  }
  writeLines(plan, place, lines);
}

/** The rules as the v1 controller keeps them, what holds for all devices first; what it cannot keep is refused. */
export function keptRules(plan: PlanBuilder, accesses: readonly DeviceAccess[]): DeviceAccess[] {
  return deviceExceptions(accesses, (rule, exception) =>
    plan.refuse(
      "/linux/resources/devices",
      `cgroup v1 cannot ${rule.allow ? "allow" : "deny"} "${ruleLine(rule)}" within "${ruleLine(exception)}"`,
      ["because    it keeps exceptions from what holds for all devices, but none from an exception"],
    ),
  );
}

/** Writes to devices.allow and devices.deny, in order. @param place the container's in the hierarchy */
export function writeLines(plan: PlanBuilder, place: string, lines: readonly DeviceLine[]): void {
  const open = (file: string): Register =>
    plan.open("openat", ["AT_FDCWD", `${place}/${file}`, "O_WRONLY|O_CLOEXEC", 0]);
  let allow: Register | undefined;
  let deny: Register | undefined;
  for (const line of lines) {
    const file = line.allow ? (allow ??= open("devices.allow")) : (deny ??= open("devices.deny"));
    plan.call("write", [file, line.text]);
  }
  if (allow !== undefined) plan.call("close", [allow]);
  if (deny !== undefined) plan.call("close", [deny]);
}

/**
 * Loads the rules as a program and attaches it to a v2 cgroup.
 * @param replaced an attached one that it takes the place of, in one step; absent: beside those that are there
 */
export function attachProgram(
  plan: PlanBuilder,
  directory: Register,
  accesses: readonly DeviceAccess[],
  name: string,
  replaced?: Register,
): void {
  const isDefault =
    accesses.length === 1 + makingNodes.length + always.length && !accesses[0]!.allow && isEverything(accesses[0]!);
  const { insns, count } = isDefault ? defaultDeviceProgram : compileDeviceRules(accesses);
  const program = plan.open("bpf", [
    "BPF_PROG_LOAD",
    { prog_type: "BPF_PROG_TYPE_CGROUP_DEVICE", insn_cnt: count, insns, license: "GPL", prog_name: name },
  ]);
  const attach = { target_fd: directory, attach_bpf_fd: program, attach_type: "BPF_CGROUP_DEVICE" };
  plan.call("bpf", [
    "BPF_PROG_ATTACH",
    replaced === undefined
      ? { ...attach, attach_flags: "BPF_F_ALLOW_MULTI" }
      : { ...attach, attach_flags: "BPF_F_ALLOW_MULTI|BPF_F_REPLACE", replace_bpf_fd: replaced },
  ]);
  plan.call("close", [program]);
}
