/**
 * `linux`: namespaces, devices and whatever else only Linux has. In: JSON value. Out: Linux.
 * Spec: config-linux.md
 * @module
 */
import * as v from "valibot";
import { idMappingsSchema } from "./mounts.ts";
import { resourcesSchema } from "./resources.ts";
import { i64, integerIn, numberList, u32 } from "./scalars.ts";
import { seccompSchema } from "./seccomp.ts";
import { absolutePath, absolutePaths, mapOf, object, oneOf, strings } from "./shapes.ts";

/** In the order of runtime-spec. */
export const namespaceTypes = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"] as const;

const namespaceSchema = object(() => ({
  type: oneOf(namespaceTypes),
  /** Absent: a new one is made; else the one to join. */
  path: v.optional(absolutePath),
}));

const deviceSchema = object(() => ({
  /** Character, block, unbuffered character, FIFO. */
  type: oneOf(["c", "b", "u", "p"]),
  path: absolutePath,
  /** Kernel's: 12 bits of major and 20 of minor, more would be cut off silently. Absent only for a FIFO. */
  major: v.optional(integerIn(0, 0xfff)),
  minor: v.optional(integerIn(0, 0xf_ffff)),
  /** st_mode; may carry type bits (podman: 0o20666), only 0o7777 counts. */
  fileMode: v.optional(integerIn(0, 0o177777)),
  uid: v.optional(u32),
  gid: v.optional(u32),
}));

const timeOffsetSchema = object(() => ({
  secs: v.optional(i64),
  nanosecs: v.optional(integerIn(0, 999_999_999)),
}));

const intelRdtSchema = object(() => ({
  closID: v.optional(v.string()),
  l3CacheSchema: v.optional(v.string()),
  memBwSchema: v.optional(v.string()),
  schemata: v.optional(strings),
  enableMonitoring: v.optional(v.boolean()),
}));

const memoryPolicySchema = object(() => ({
  mode: oneOf([
    "MPOL_DEFAULT",
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED",
    "MPOL_PREFERRED_MANY",
    "MPOL_LOCAL",
  ]),
  nodes: v.optional(numberList),
  flags: v.optional(v.array(oneOf(["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]))),
}));

const personalitySchema = object(() => ({
  domain: oneOf(["LINUX", "LINUX32"]),
  flags: v.optional(
    v.pipe(
      strings,
      v.check((flags) => flags.length === 0, "no flags (runtime-spec defines none)"),
    ),
  ),
}));

export const linuxSchema = object(() => ({
  namespaces: v.optional(v.array(namespaceSchema)),
  uidMappings: v.optional(idMappingsSchema),
  gidMappings: v.optional(idMappingsSchema),
  timeOffsets: v.optional(
    object(() => ({ monotonic: v.optional(timeOffsetSchema), boottime: v.optional(timeOffsetSchema) })),
  ),
  devices: v.optional(v.array(deviceSchema)),
  netDevices: v.optional(mapOf(object(() => ({ name: v.optional(v.string()) })))),
  cgroupsPath: v.optional(v.string()),
  resources: v.optional(resourcesSchema),
  intelRdt: v.optional(intelRdtSchema),
  memoryPolicy: v.optional(memoryPolicySchema),
  sysctl: v.optional(mapOf(v.string())),
  seccomp: v.optional(seccompSchema),
  rootfsPropagation: v.optional(
    oneOf(["shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"]),
  ),
  maskedPaths: v.optional(absolutePaths),
  readonlyPaths: v.optional(absolutePaths),
  mountLabel: v.optional(v.string()),
  personality: v.optional(personalitySchema),
}));
