/**
 * Properties of the container's unit, as text in GVariant's form (gvariant.ts). Pure.
 * In: limits as cgroup files (cgroup_settings.ts), device rules, annotations `org.systemd.property.*`. Out: Properties.
 *
 * What systemd keeps is told to it: it writes its own idea into the files again at every daemon-reload. The same values
 * are written into the files as well, because systemd rounds some (a quota to 10 ms) and does not know others.
 * systemd: org.freedesktop.systemd1(5), systemd.resource-control(5)
 * @module
 */
import { pointerTo } from "../spec/pointer.ts";
import type { DeviceRule } from "../spec/types.ts";
import type { PlanBuilder } from "./builder.ts";
import { deviceAccesses } from "./cgroup_devices.ts";
import { deviceExceptions } from "./device_exceptions.ts";
import type { Setting } from "./cgroup_settings.ts";
import { anyNumber, type DeviceAccess } from "./device_program.ts";
import { parseGVariant } from "./gvariant.ts";

/** Names to values in GVariant's form, in the order they are set. */
export type Properties = Record<string, string>;

/** Types of what the plan itself sets. */
const ownTypes: Readonly<Record<string, string>> = {
  Description: "s",
  Slice: "s",
  Delegate: "b",
  DefaultDependencies: "b",
  CPUAccounting: "b",
  MemoryAccounting: "b",
  IOAccounting: "b",
  BlockIOAccounting: "b",
  TasksAccounting: "b",
  MemoryLimit: "t",
  CPUShares: "t",
  BlockIOWeight: "t",
  DevicePolicy: "s",
  DeviceAllow: "a(ss)",
};

/**
 * Types of what annotations may set: how the unit ends, what it waits for, limits. Left out is what would start or stop
 * other units, load programs into the kernel, or put the container elsewhere: annotations may come from an image.
 */
const annotatedTypes = (): Readonly<Record<string, string>> => ({
  Description: "s",
  Documentation: "as",
  DefaultDependencies: "b",
  After: "as",
  Before: "as",
  CollectMode: "s",
  TimeoutStopUSec: "t",
  RuntimeMaxUSec: "t",
  RuntimeRandomizedExtraUSec: "t",
  KillMode: "s",
  KillSignal: "i",
  RestartKillSignal: "i",
  FinalKillSignal: "i",
  WatchdogSignal: "i",
  SendSIGKILL: "b",
  SendSIGHUP: "b",
  OOMPolicy: "s",
  ManagedOOMSwap: "s",
  ManagedOOMMemoryPressure: "s",
  ManagedOOMMemoryPressureLimit: "u",
  ManagedOOMPreference: "s",
  MemoryMin: "t",
  MemoryLow: "t",
  MemoryHigh: "t",
  MemoryMax: "t",
  MemorySwapMax: "t",
  MemoryZSwapMax: "t",
  CPUWeight: "t",
  StartupCPUWeight: "t",
  CPUQuotaPerSecUSec: "t",
  CPUQuotaPeriodUSec: "t",
  AllowedCPUs: "ay",
  AllowedMemoryNodes: "ay",
  TasksMax: "t",
  IOWeight: "t",
  StartupIOWeight: "t",
  IODeviceWeight: "a(st)",
  IOReadBandwidthMax: "a(st)",
  IOWriteBandwidthMax: "a(st)",
  IOReadIOPSMax: "a(st)",
  IOWriteIOPSMax: "a(st)",
  IPAccounting: "b",
});

/** Type of a property's value; undefined: none that this runtime sets. */
export function propertyType(name: string): string | undefined {
  return ownTypes[name] ?? annotatedTypes()[name];
}

/** A text as GVariant has it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** CGROUP_LIMIT_MAX and USEC_INFINITY. */
const infinity = String(2n ** 64n - 1n);

const limit = (text: string): string => (text === "max" || text === "-1" ? infinity : text);

/** Files whose content is the property's. */
const sameValue: Readonly<Record<string, string>> = {
  "memory.max": "MemoryMax",
  "memory.high": "MemoryHigh",
  "memory.low": "MemoryLow",
  "memory.min": "MemoryMin",
  "memory.swap.max": "MemorySwapMax",
  "memory.zswap.max": "MemoryZSwapMax",
  "memory.limit_in_bytes": "MemoryLimit",
  "cpu.weight": "CPUWeight",
  "cpu.shares": "CPUShares",
  "blkio.weight": "BlockIOWeight",
  "io.weight": "IOWeight",
};

/** First versions of systemd that know them. */
const versions = { period: 242, cpus: 244, idle: 252 } as const;

/** What systemd has a property for. @param version of systemd, 257 */
export function limitProperties(settings: readonly Setting[], version: number): Properties {
  const properties: Properties = {};
  let quota: string | undefined;
  let period: string | undefined;
  for (const { file, text, otherwise } of settings) {
    const name = sameValue[file];
    if (name !== undefined) {
      const value = limit(text.replace(/^default /, ""));
      if (/^\d+$/.test(value)) properties[name] = value;
    } else if (file === "io.bfq.weight" && /^\d+$/.test(text)) properties["IOWeight"] = otherwise!.instead!.text;
    // A unit may not be without any process.
    else if (file === "pids.max") properties["TasksMax"] = text === "0" ? "1" : limit(text);
    else if (file === "cpu.idle" && text === "1" && version >= versions.idle) properties["CPUWeight"] = "0";
    else if (file === "cpu.max") [quota, period] = text.split(" ", 2);
    else if (file === "cpu.cfs_quota_us") quota = text;
    else if (file === "cpu.cfs_period_us") period = text;
    else if (version >= versions.cpus && (file === "cpuset.cpus" || file === "cpuset.mems")) {
      const mask = maskText(text);
      if (mask !== undefined) properties[file === "cpuset.cpus" ? "AllowedCPUs" : "AllowedMemoryNodes"] = mask;
    }
  }
  if (quota !== undefined) properties["CPUQuotaPerSecUSec"] = quotaText(quota, Number(period ?? defaultPeriod));
  if (period !== undefined && version >= versions.period) properties["CPUQuotaPeriodUSec"] = period;
  return properties;
}

/** Microseconds: the kernel's. */
const defaultPeriod = "100000";
/** systemd rounds a quota down to percents of a processor; up it must be, so that it is not below the file's. */
const percentUs = 10_000;

function quotaText(quota: string, period: number): string {
  if (limit(quota) === infinity) return infinity;
  return String(Math.ceil(Math.floor((Number(quota) * 1_000_000) / period) / percentUs) * percentUs);
}

/** Largest processor or node of a list; the kernel's own limits are below. */
const maxInList = 65_536;

/** "[0x05]" of "0,2": bit n of byte n / 8. undefined: no list (the kernel says so when it is written). */
function maskText(list: string): string | undefined {
  const bytes: number[] = [];
  for (const part of list.split(",")) {
    const match = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? first);
    if (match === null || last > maxInList) return undefined;
    for (let bit = first; bit <= last; bit++) {
      while (bytes.length <= bit >> 3) bytes.push(0);
      bytes[bit >> 3]! |= 1 << (bit & 7);
    }
  }
  const words: string[] = [];
  for (const byte of bytes) words.push(`0x${byte.toString(16).padStart(2, "0")}`);
  return `[${words.join(", ")}]`;
}

/**
 * Device rules of cgroup v1, where systemd would write "all" into the files at a daemon-reload. On v2 nothing is told: it
 * leaves the programs of others alone, and two must both allow.
 */
export function deviceProperties(rules: readonly DeviceRule[]): Properties {
  if (rules.length === 0) return {};
  // What cannot be kept is refused where the files are written.
  const kept = deviceExceptions(deviceAccesses(rules), () => {});
  const isStrict = !kept[0]!.allow;
  const allowed = isStrict ? kept.slice(1).map(deviceEntry) : [];
  // Before the policy: at no moment is what is in use forbidden.
  return { DeviceAllow: `[${allowed.join(", ")}]`, DevicePolicy: quoted(isStrict ? "strict" : "auto") };
}

/** The same for a unit that exists, to be set in turn: a list is added to the one that is there, unless it is empty. */
export function deviceChangeProperties(rules: readonly DeviceRule[]): Properties[] {
  return rules.length === 0 ? [] : [{ DeviceAllow: "[]" }, deviceProperties(rules)];
}

function deviceEntry({ type, major, minor, access }: DeviceAccess): string {
  const word = type === "b" ? "block" : "char";
  const all = major === anyNumber ? `${word}-*` : `${word}-${major}`;
  return `(${quoted(minor === anyNumber ? all : `/dev/${word}/${major}:${minor}`)}, ${quoted(access)})`;
}

const annotationPrefix = "org.systemd.property.";

/**
 * Adds what annotations ask for. What is not known, wrong or contradicts a limit is refused, not left out.
 * @param properties those of limits; nothing else yet
 */
export function addAnnotated(
  plan: PlanBuilder,
  properties: Properties,
  annotations: Readonly<Record<string, string>> | undefined,
): void {
  const limits = Object.keys(properties);
  for (const key in annotations) {
    if (!key.startsWith(annotationPrefix)) continue;
    const pointer = pointerTo("annotations", key);
    let name = key.slice(annotationPrefix.length);
    let text = annotations[key]!.trim();
    // As runc: the names of unit files stand for seconds.
    if (!Object.hasOwn(annotatedTypes(), name) && name.endsWith("Sec")) {
      const seconds = parseGVariant(text, "d") ?? parseGVariant(text, "t");
      name = `${name.slice(0, -3)}USec`;
      const microseconds = Math.round(Number(seconds) * 1_000_000);
      text = Number.isSafeInteger(microseconds) ? String(microseconds) : "";
    }
    const type = Object.hasOwn(annotatedTypes(), name) ? annotatedTypes()[name]! : undefined;
    if (type === undefined) {
      plan.refuse(pointer, `"${name}" is no property of a unit that an annotation may set`, [
        `because    these are: ${Object.keys(annotatedTypes()).join(" ")}`,
      ]);
    } else if (parseGVariant(text, type) === undefined) {
      plan.refuse(pointer, `Expected a value of D-Bus type "${type}" but received "${annotations[key]!}"`, [
        "because    values are written as GVariant texts: uint64 10000000, 'text', true, ['a.service']",
      ]);
    } else if (limits.includes(name)) {
      plan.refuse(pointer, `linux.resources sets "${name}" already`);
    } else properties[name] = text;
  }
}
