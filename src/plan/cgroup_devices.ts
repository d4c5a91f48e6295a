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
import { type Context, isMachinesRoot } from "./context.ts";
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

/** Allowed whatever the rules say, as with runc: what default devices and terminals need, and making any node. */
const always: readonly DeviceAccess[] = [
  allowed("c", anyNumber, anyNumber, "m"),
  allowed("b", anyNumber, anyNumber, "m"),
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

/** The rules in order, with the default ones last so that none can take them away. */
export function deviceAccesses(rules: readonly DeviceRule[]): DeviceAccess[] {
  const accesses: DeviceAccess[] = [];
  for (const rule of rules) {
    const access: DeviceAccess = {
      allow: rule.allow,
      type: rule.type ?? "a",
      major: rule.major ?? anyNumber,
      minor: rule.minor ?? anyNumber,
      access: rule.access ?? "rwm",
    };
    if (accesses.length === 0 && !isEverything(access)) accesses.push(denyAll);
    accesses.push(access);
  }
  accesses.push(...always);
  return accesses;
}

/**
 * Runtime: applies the rules; with none in config.json nothing is asked and nothing done.
 * @param where v2: the cgroup's directory. v1: the container's place in the devices hierarchy. Neither: there is no way
 */
export function planDeviceRules(c: Context, where: { directory?: Register; place?: string }): void {
  const rules = c.spec.linux?.resources?.devices ?? [];
  // Without the right to load a program nothing can be enforced, and nothing is granted either: an ordinary user's
  // container has the device nodes that are bound into it, with the rights of their files (as runc and crun).
  if (rules.length === 0 || !isMachinesRoot(c.host)) return;
  const { plan } = c;
  plan.at("/linux/resources/devices");
  if (where.place !== undefined) writeRules(c, where.place, deviceAccesses(rules));
  else if (where.directory !== undefined) attachProgram(c, where.directory, deviceAccesses(rules));
  else plan.refuse("/linux/resources/devices", "this machine has no devices controller");
}

/** Runtime, at the top of a hierarchy: rules there would be the whole machine's. */
export function refuseTopRules(c: Context): void {
  if ((c.spec.linux?.resources?.devices ?? []).length === 0 || !isMachinesRoot(c.host)) return;
  c.plan.refuse("/linux/resources/devices", "Expected a cgroupsPath below the top of the hierarchy");
}

function writeRules(c: Context, place: string, accesses: readonly DeviceAccess[]): void {
  const { plan } = c;
  const open = (file: string): Register =>
    plan.open("openat", ["AT_FDCWD", `${place}/${file}`, "O_WRONLY|O_CLOEXEC", 0]);
  let allow: Register | undefined;
  let deny: Register | undefined;
  for (const access of accesses) {
    const file = access.allow ? (allow ??= open("devices.allow")) : (deny ??= open("devices.deny"));
    for (const line of ruleLines(access)) plan.call("write", [file, line]);
  }
  if (allow !== undefined) plan.call("close", [allow]);
  if (deny !== undefined) plan.call("close", [deny]);
}

/** The kernel takes "a" as "everything, whatever follows": anything narrower is spelled for both types. */
export function ruleLines(rule: DeviceAccess): string[] {
  if (rule.access === "") return [];
  const number = (value: number): string => (value === anyNumber ? "*" : String(value));
  const rest = `${number(rule.major)}:${number(rule.minor)} ${rule.access}`;
  if (rule.type !== "a") return [`${rule.type} ${rest}`];
  return isEverything(rule) ? ["a"] : [`b ${rest}`, `c ${rest}`];
}

export function isEverything({ type, major, minor, access }: DeviceAccess): boolean {
  return (
    type === "a" &&
    major === anyNumber &&
    minor === anyNumber &&
    access.includes("r") &&
    access.includes("w") &&
    access.includes("m")
  );
}

function attachProgram(c: Context, directory: Register, accesses: readonly DeviceAccess[]): void {
  const { plan } = c;
  const isDefault = accesses.length === 1 + always.length && !accesses[0]!.allow && isEverything(accesses[0]!);
  const { insns, count } = isDefault ? defaultDeviceProgram : compileDeviceRules(accesses);
  const program = plan.open("bpf", [
    "BPF_PROG_LOAD",
    { prog_type: "BPF_PROG_TYPE_CGROUP_DEVICE", insn_cnt: count, insns, license: "GPL" },
  ]);
  plan.call("bpf", [
    "BPF_PROG_ATTACH",
    {
      target_fd: directory,
      attach_bpf_fd: program,
      attach_type: "BPF_CGROUP_DEVICE",
      attach_flags: "BPF_F_ALLOW_MULTI",
    },
  ]);
  plan.call("close", [program]);
}
