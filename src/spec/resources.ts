/**
 * `linux.resources`: limits kept by cgroups. In: JSON value. Out: Resources.
 * Spec: config-linux.md#control-groups
 * @module
 */
import * as v from "valibot";
import { i64, nonEmpty, numberList, u16, u32, u64 } from "./scalars.ts";

const deviceRuleSchema = v.object({
  allow: v.boolean(),
  /** Absent: "a", all types. */
  type: v.optional(v.picklist(["a", "c", "b"])),
  /** Absent or -1: all numbers. */
  major: v.optional(i64),
  minor: v.optional(i64),
  /** Absent: all three. */
  access: v.optional(
    v.custom<string>(
      (value) => typeof value === "string" && /^[rwm]*$/.test(value),
      'a combination of "r", "w" and "m"',
    ),
  ),
});

/** Bytes; -1: no limit. */
const memorySchema = v.object({
  limit: v.optional(i64),
  reservation: v.optional(i64),
  /** Memory and swap together. */
  swap: v.optional(i64),
  kernel: v.optional(i64),
  kernelTCP: v.optional(i64),
  swappiness: v.optional(u64),
  disableOOMKiller: v.optional(v.boolean()),
  useHierarchy: v.optional(v.boolean()),
  checkBeforeUpdate: v.optional(v.boolean()),
});

/** Times in microseconds. */
const cpuSchema = v.object({
  shares: v.optional(u64),
  quota: v.optional(i64),
  burst: v.optional(u64),
  period: v.optional(u64),
  realtimeRuntime: v.optional(i64),
  realtimePeriod: v.optional(u64),
  cpus: v.optional(numberList),
  mems: v.optional(numberList),
  idle: v.optional(i64),
});

const blockIOSchema = v.lazy(() => {
  const throttle = v.optional(v.array(v.object({ major: i64, minor: i64, rate: u64 })));
  return v.object({
    weight: v.optional(u16),
    leafWeight: v.optional(u16),
    weightDevice: v.optional(
      v.array(v.object({ major: i64, minor: i64, weight: v.optional(u16), leafWeight: v.optional(u16) })),
    ),
    /** Bytes a second, and operations a second. */
    throttleReadBpsDevice: throttle,
    throttleWriteBpsDevice: throttle,
    throttleReadIOPSDevice: throttle,
    throttleWriteIOPSDevice: throttle,
  });
});

const hugepageLimitsSchema = v.lazy(() =>
  v.array(
    v.object({
      pageSize: v.custom<string>(
        (value) => typeof value === "string" && /^[1-9][0-9]*[KMG]B$/.test(value),
        'a size such as "64KB", "2MB" or "1GB"',
      ),
      limit: u64,
    }),
  ),
);

const networkSchema = v.lazy(() =>
  v.object({
    classID: v.optional(u32),
    priorities: v.optional(v.array(v.object({ name: nonEmpty, priority: u32 }))),
  }),
);

const rdmaSchema = v.lazy(() =>
  v.record(nonEmpty, v.object({ hcaHandles: v.optional(u32), hcaObjects: v.optional(u32) })),
);

export const resourcesSchema = v.object({
  devices: v.optional(v.array(deviceRuleSchema)),
  memory: v.optional(memorySchema),
  cpu: v.optional(cpuSchema),
  /** -1: no limit. */
  pids: v.optional(v.object({ limit: v.optional(i64) })),
  blockIO: v.optional(blockIOSchema),
  hugepageLimits: v.optional(hugepageLimitsSchema),
  network: v.optional(networkSchema),
  rdma: v.optional(rdmaSchema),
  /** File of the cgroup v2 directory to its content. */
  unified: v.optional(v.record(nonEmpty, v.string())),
});
