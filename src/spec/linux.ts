/**
 * `linux`: namespaces, devices and whatever else only Linux has. In: JSON value. Out: Linux.
 * Spec: config-linux.md
 * @module
 */
import * as v from "valibot";
import { idMappingsSchema } from "./mounts.ts";
import { resourcesSchema } from "./resources.ts";
import {
  absolutePath,
  absolutePaths,
  deviceMajor,
  deviceMinor,
  i64,
  modeBits,
  nonEmpty,
  numberList,
  strings,
  u32,
} from "./scalars.ts";
import { seccompSchema } from "./seccomp.ts";

/** In the order of runtime-spec. */
export const namespaceTypes = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"] as const;

const namespaceSchema = v.object({
  type: v.picklist(namespaceTypes),
  /** Absent: a new one is made; else the one to join. */
  path: v.optional(absolutePath),
});

const deviceSchema = v.object({
  /** Character, block, unbuffered character, FIFO. */
  type: v.picklist(["c", "b", "u", "p"]),
  path: absolutePath,
  /** Absent only for a FIFO. */
  major: v.optional(deviceMajor),
  minor: v.optional(deviceMinor),
  /** May carry type bits (podman: 0o20666); only 0o7777 counts. */
  fileMode: v.optional(modeBits),
  uid: v.optional(u32),
  gid: v.optional(u32),
});

const timeOffsetSchema = v.object({
  secs: v.optional(i64),
  nanosecs: v.optional(
    v.custom<number>(
      (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 1e9,
      "an integer from 0 to 999999999",
    ),
  ),
});

const netDevicesSchema = v.lazy(() => v.record(nonEmpty, v.object({ name: v.optional(v.string()) })));

const intelRdtSchema = v.lazy(() =>
  v.object({
    closID: v.optional(v.string()),
    l3CacheSchema: v.optional(v.string()),
    memBwSchema: v.optional(v.string()),
    schemata: v.optional(strings),
    enableMonitoring: v.optional(v.boolean()),
  }),
);

const memoryPolicySchema = v.lazy(() =>
  v.object({
    mode: v.picklist([
      "MPOL_DEFAULT",
      "MPOL_BIND",
      "MPOL_INTERLEAVE",
      "MPOL_WEIGHTED_INTERLEAVE",
      "MPOL_PREFERRED",
      "MPOL_PREFERRED_MANY",
      "MPOL_LOCAL",
    ]),
    nodes: v.optional(numberList),
    flags: v.optional(
      v.array(v.picklist(["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"])),
    ),
  }),
);

const personalitySchema = v.lazy(() =>
  v.object({
    domain: v.picklist(["LINUX", "LINUX32"]),
    flags: v.optional(
      v.pipe(
        strings,
        v.check((flags) => flags.length === 0, "no flags (none are defined)"),
      ),
    ),
  }),
);

export const linuxSchema = v.object({
  namespaces: v.optional(v.array(namespaceSchema)),
  uidMappings: v.optional(idMappingsSchema),
  gidMappings: v.optional(idMappingsSchema),
  timeOffsets: v.optional(
    v.object({ monotonic: v.optional(timeOffsetSchema), boottime: v.optional(timeOffsetSchema) }),
  ),
  devices: v.optional(v.array(deviceSchema)),
  netDevices: v.optional(netDevicesSchema),
  cgroupsPath: v.optional(v.string()),
  resources: v.optional(v.lazy(() => resourcesSchema)),
  intelRdt: v.optional(intelRdtSchema),
  memoryPolicy: v.optional(memoryPolicySchema),
  sysctl: v.optional(v.record(nonEmpty, v.string())),
  seccomp: v.optional(v.lazy(() => seccompSchema)),
  rootfsPropagation: v.optional(
    v.picklist([
      "shared",
      "slave",
      "private",
      "unbindable",
      "rshared",
      "rslave",
      "rprivate",
      "runbindable",
    ]),
  ),
  maskedPaths: v.optional(absolutePaths),
  readonlyPaths: v.optional(absolutePaths),
  mountLabel: v.optional(v.string()),
  personality: v.optional(personalitySchema),
});
