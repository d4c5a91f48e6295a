/**
 * `linux.resources`: limits kept by cgroups. In: JSON value. Out: Resources.
 * Spec: config-linux.md#control-groups
 * @module
 */
import * as v from "valibot";
import { i64, integerIn, numberList, u16, u32, u64 } from "./scalars.ts";
import { mapOf, nonEmpty, object, oneOf, optional, text } from "./shapes.ts";

const deviceRuleSchema = object(() => {
  /** Absent or -1: all numbers; else as the kernel compares them, u32. */
  const number = optional(integerIn(-1, 0xffff_ffff));
  return {
    allow: v.boolean(),
    /** Absent: "a", all types. */
    type: optional(oneOf(["a", "c", "b"])),
    major: number,
    minor: number,
    /** Absent: all three. Other letters than r, w and m mean nothing, as with runc and crun: src/plan/cgroup_devices.ts. */
    access: optional(nonEmpty),
  };
});

/** Bytes; -1: no limit. */
const memorySchema = object(() => ({
  limit: optional(i64),
  reservation: optional(i64),
  /** Memory and swap together. */
  swap: optional(i64),
  kernel: optional(i64),
  kernelTCP: optional(i64),
  swappiness: optional(integerIn(0, 100)),
  disableOOMKiller: optional(v.boolean()),
  useHierarchy: optional(v.boolean()),
  checkBeforeUpdate: optional(v.boolean()),
}));

/** Times in microseconds. */
const cpuSchema = object(() => ({
  shares: optional(u64),
  quota: optional(i64),
  burst: optional(u64),
  period: optional(u64),
  realtimeRuntime: optional(i64),
  realtimePeriod: optional(u64),
  cpus: optional(numberList),
  mems: optional(numberList),
  idle: optional(i64),
}));

const blockIOSchema = object(() => {
  const device = { major: i64, minor: i64 };
  const throttle = optional(v.array(object(() => ({ ...device, rate: u64 }))));
  const weights = { weight: optional(u16), leafWeight: optional(u16) };
  return {
    ...weights,
    weightDevice: optional(v.array(object(() => ({ ...device, ...weights })))),
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
  devices: optional(v.array(deviceRuleSchema)),
  memory: optional(memorySchema),
  cpu: optional(cpuSchema),
  /** -1: no limit. */
  pids: optional(object(() => ({ limit: optional(i64) }))),
  blockIO: optional(blockIOSchema),
  hugepageLimits: optional(v.array(hugepageLimitSchema)),
  network: optional(
    object(() => ({
      classID: optional(u32),
      priorities: optional(v.array(object(() => ({ name: nonEmpty, priority: u32 })))),
    })),
  ),
  rdma: optional(mapOf(object(() => ({ hcaHandles: optional(u32), hcaObjects: optional(u32) })))),
  /** File of the cgroup v2 directory to its content. */
  unified: optional(mapOf(v.string())),
}));
