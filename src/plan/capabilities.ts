/**
 * The five capability sets of `process.capabilities`, reduced to what can be granted.
 *
 * Spec: config.md#linux-process: a capability that cannot be granted is a warning, not an error (L8)
 * Kernel: capabilities(7), capset(2), PR_CAPBSET_DROP, PR_CAP_AMBIENT (prctl(2))
 * Order: bounding set before the ids change (needs CAP_SETPCAP), the others after
 * @module
 */
import type { Context } from "./context.ts";

/** In the order of linux/capability.h: the index is the number, the same on every architecture. */
export const capabilityNames: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
];

const capabilitySets = ["bounding", "effective", "inheritable", "permitted", "ambient"] as const;

/** 64 bits as two halves: numbers in JavaScript hold 53. */
export interface CapabilitySet {
  readonly low: number;
  readonly high: number;
}

export type CapabilitySets = Readonly<Record<(typeof capabilitySets)[number], CapabilitySet>>;

/** Whether a set has a capability. */
export function has(set: CapabilitySet, number: number): boolean {
  return ((number < 32 ? set.low >>> number : set.high >>> (number - 32)) & 1) === 1;
}

/** The set that /proc/PID/status shows as 16 hexadecimal digits. */
export function parseCapabilitySet(text: string): CapabilitySet {
  return { high: Number.parseInt(text.slice(0, -8) || "0", 16), low: Number.parseInt(text.slice(-8) || "0", 16) };
}

const both = (a: CapabilitySet, b: CapabilitySet): CapabilitySet => ({ low: a.low & b.low, high: a.high & b.high });

const every: CapabilitySet = { low: -1, high: -1 };

/** What the stage begins with. user_namespaces(7): who enters one has every capability there. */
export function heldSets({ hasUserNamespace, host }: Context): Pick<CapabilitySets, "bounding" | "permitted"> {
  if (hasUserNamespace) return { bounding: every, permitted: every };
  const { bounding, permitted } = host.capabilities;
  return { bounding: parseCapabilitySet(bounding), permitted: parseCapabilitySet(permitted) };
}

/** Reads the sets; warns of each capability once, one line a reason. */
export function grantableSets(c: Context): CapabilitySets {
  const { plan, host, spec } = c;
  const asked = spec.process?.capabilities;
  const ungranted = new Map<string, string[]>();
  const known = new Set<string>();
  const miss = (set: string, name: string, why: string): void => {
    if (known.has(name)) return;
    known.add(name);
    const key = `/process/capabilities/${set}: not granted because ${why}:`;
    const names = ungranted.get(key);
    if (names === undefined) ungranted.set(key, [name]);
    else names.push(name);
  };
  const { bounding: hostBounding, permitted: hostPermitted } = heldSets(c);
  const read = (set: (typeof capabilitySets)[number], within: CapabilitySet, why: string): CapabilitySet => {
    let low = 0;
    let high = 0;
    for (const name of asked?.[set] ?? []) {
      const number = capabilityNames.indexOf(name);
      if (number < 0 || number > host.lastCapability) miss(set, name, "the kernel does not know it");
      else if (!has(within, number)) miss(set, name, why);
      else if (number < 32) low |= 1 << number;
      else high |= 1 << (number - 32);
    }
    return { low, high };
  };
  const hostLacks = "the runtime does not have it";
  const bounding = read("bounding", hostBounding, hostLacks);
  const permitted = read("permitted", hostPermitted, hostLacks);
  const effective = read("effective", permitted, "not permitted");
  // capset(2): a capability the process lacks can be made inheritable only within the bounding set.
  const inheritable = read("inheritable", both(hostPermitted, bounding), "not in the bounding set");
  const ambient = read("ambient", both(permitted, inheritable), "not both permitted and inheritable");
  for (const [key, names] of ungranted) plan.warn(`${key} ${names.join(" ")}`);
  return { bounding, permitted, effective, inheritable, ambient };
}

/** Stage: drops what is not in the bounding set. */
export function planBoundingSet(c: Context, { bounding }: CapabilitySets): void {
  const { plan, host } = c;
  const present = heldSets(c).bounding;
  // Bits of capabilities that the kernel does not know are no business of ours.
  const known = upTo(host.lastCapability);
  const low = present.low & ~bounding.low & known.low;
  const high = present.high & ~bounding.high & known.high;
  if (low === 0 && high === 0) return;
  plan.at("/process/capabilities/bounding").call("drop_bounding", [hex(low), hex(high)]);
}

/** The set of all capabilities up to a number below 64. */
function upTo(last: number): CapabilitySet {
  const ones = (count: number): number => (count >= 32 ? -1 : count <= 0 ? 0 : (1 << count) - 1);
  return { low: ones(last + 1), high: ones(last - 31) };
}

const hex = (half: number): string => `0x${(half >>> 0).toString(16)}`;

/** Stage: permitted, effective and inheritable. */
export function planSets(c: Context, { effective, permitted, inheritable }: CapabilitySets, why?: string): void {
  const sets = [
    { version: "_LINUX_CAPABILITY_VERSION_3", pid: 0 },
    {
      "low.effective": hex(effective.low),
      "low.permitted": hex(permitted.low),
      "low.inheritable": hex(inheritable.low),
      "high.effective": hex(effective.high),
      "high.permitted": hex(permitted.high),
      "high.inheritable": hex(inheritable.high),
    },
  ];
  c.plan.at("/process/capabilities").call("capset", sets, why === undefined ? {} : { why });
}

/** Stage: all sets but the bounding one, after the ids changed. @param why they are not yet those that were asked for */
export function planCapabilitySets(c: Context, sets: CapabilitySets, why?: string): void {
  const { plan } = c;
  const { ambient } = sets;
  planSets(c, sets, why);
  plan.at("/process/capabilities/ambient");
  plan.call("prctl", ["PR_CAP_AMBIENT", "PR_CAP_AMBIENT_CLEAR_ALL", 0, 0, 0]);
  for (let number = 0; number < capabilityNames.length; number++) {
    if (!has(ambient, number)) continue;
    plan.call("prctl", ["PR_CAP_AMBIENT", "PR_CAP_AMBIENT_RAISE", capabilityNames[number]!, 0, 0]);
  }
}

/** The names in a set without their common prefix, for people: "chown kill", "all", "none". */
export function namesInSet(set: CapabilitySet): string {
  const names = capabilityNames.filter((_, number) => has(set, number));
  if (names.length === capabilityNames.length) return "all";
  return names.length === 0 ? "none" : names.map((name) => name.slice(4).toLowerCase()).join(" ");
}
