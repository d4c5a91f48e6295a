/**
 * `linux.resources`: limits kept by cgroups. In: JSON value. Out: Resources.
 * Spec: config-linux.md#control-groups
 * @module
 */
import * as v from "valibot";
import { i64, integerIn, numberList, u16, u32, u64 } from "./scalars.ts";
import { mapOf, nonEmpty, object, oneOf, text } from "./shapes.ts";

/** A loop by index: the first use of an iterator over text costs 75 µs. */
function isAccess(value: string): boolean {
  for (let index = 0; index < value.length; index++) if (!"rwm".includes(value.charAt(index))) return false;
  return true;
}

const deviceRuleSchema = object(() => ({
  allow: v.boolean(),
  /** Absent: "a", all types. */
  type: v.optional(oneOf(["a", "c", "b"])),
  /** Absent or -1: all numbers. */
  major: v.optional(i64),
  minor: v.optional(i64),
  /** Absent: all three. */
  access: v.optional(text(isAccess, 'letters of "rwm"')),
}));

/** Bytes; -1: no limit. */
const memorySchema = object(() => ({
  limit: v.optional(i64),
  reservation: v.optional(i64),
  /** Memory and swap together. */
  swap: v.optional(i64),
  kernel: v.optional(i64),
  kernelTCP: v.optional(i64),
  swappiness: v.optional(integerIn(0, 100)),
  disableOOMKiller: v.optional(v.boolean()),
  useHierarchy: v.optional(v.boolean()),
  checkBeforeUpdate: v.optional(v.boolean()),
}));

/** Times in microseconds. */
const cpuSchema = object(() => ({
  shares: v.optional(u64),
  quota: v.optional(i64),
  burst: v.optional(u64),
  period: v.optional(u64),
  realtimeRuntime: v.optional(i64),
  realtimePeriod: v.optional(u64),
  cpus: v.optional(numberList),
  mems: v.optional(numberList),
  idle: v.optional(i64),
}));

const blockIOSchema = object(() => {
  const device = { major: i64, minor: i64 };
  const throttle = v.optional(v.array(object(() => ({ ...device, rate: u64 }))));
  const weights = { weight: v.optional(u16), leafWeight: v.optional(u16) };
  return {
    ...weights,
    weightDevice: v.optional(v.array(object(() => ({ ...device, ...weights })))),
    /** Bytes a second, and operations a second. */
    throttleReadBpsDevice: throttle,
    throttleWriteBpsDevice: throttle,
    throttleReadIOPSDevice: throttle,
    throttleWriteIOPSDevice: throttle,
  };
});

const hugepageLimitSchema = object(() => ({
  pageSize: text((value) => /^[1-9][0-9]*[KMG]B$/.test(value), 'a size such as "64KB", "2MB" or "1GB"'),
  limit: u64,
}));

export const resourcesSchema = object(() => ({
  devices: v.optional(v.array(deviceRuleSchema)),
  memory: v.optional(memorySchema),
  cpu: v.optional(cpuSchema),
  /** -1: no limit. */
  pids: v.optional(object(() => ({ limit: v.optional(i64) }))),
  blockIO: v.optional(blockIOSchema),
  hugepageLimits: v.optional(v.array(hugepageLimitSchema)),
  network: v.optional(
    object(() => ({
      classID: v.optional(u32),
      priorities: v.optional(v.array(object(() => ({ name: nonEmpty, priority: u32 })))),
    })),
  ),
  rdma: v.optional(mapOf(object(() => ({ hcaHandles: v.optional(u32), hcaObjects: v.optional(u32) })))),
  /** File of the cgroup v2 directory to its content. */
  unified: v.optional(mapOf(v.string())),
}));
