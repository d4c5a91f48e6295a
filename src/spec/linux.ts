/**
 * `linux`: namespaces, devices and whatever else only Linux has. In: JSON value. Out: Linux.
 * Spec: config-linux.md
 * @module
 */
import * as v from "valibot";
import { memoryPolicyFlags, memoryPolicyModes, namespaceTypes } from "./enumerations.ts";
import { idMappingsSchema } from "./mounts.ts";
import { resourcesSchema } from "./resources.ts";
import { i64, integerIn, numberList, u32 } from "./scalars.ts";
import { seccompSchema } from "./seccomp.ts";
import { absolutePath, absolutePaths, mapOf, object, oneOf, optional, strings } from "./shapes.ts";

const namespaceSchema = object(() => ({
  type: oneOf(namespaceTypes),
  /** Absent: a new one is made; else the one to join. */
  path: optional(absolutePath),
}));

const deviceSchema = object(() => ({
  /** Character, block, unbuffered character, FIFO. */
  type: oneOf(["c", "b", "u", "p"]),
  path: absolutePath,
  /** Kernel's: 12 bits of major and 20 of minor, more would be cut off silently. Absent only for a FIFO. */
  major: optional(integerIn(0, 0xfff)),
  minor: optional(integerIn(0, 0xf_ffff)),
  /** st_mode; may carry type bits (podman: 0o20666), only 0o7777 counts. */
  fileMode: optional(integerIn(0, 0o177777)),
  uid: optional(u32),
  gid: optional(u32),
}));

const timeOffsetSchema = object(() => ({
  secs: optional(i64),
  nanosecs: optional(integerIn(0, 999_999_999)),
}));

const intelRdtSchema = object(() => ({
  closID: optional(v.string()),
  l3CacheSchema: optional(v.string()),
  memBwSchema: optional(v.string()),
  schemata: optional(strings),
  enableMonitoring: optional(v.boolean()),
}));

const memoryPolicySchema = object(() => ({
  mode: oneOf(memoryPolicyModes),
  nodes: optional(numberList),
  flags: optional(v.array(oneOf(memoryPolicyFlags))),
}));

const personalitySchema = object(() => ({
  domain: oneOf(["LINUX", "LINUX32"]),
  flags: optional(
    v.pipe(
      strings,
      v.check((flags) => flags.length === 0, "no flags (runtime-spec defines none)"),
    ),
  ),
}));

export const linuxSchema = object(() => ({
  namespaces: optional(v.array(namespaceSchema)),
  uidMappings: optional(idMappingsSchema),
  gidMappings: optional(idMappingsSchema),
  timeOffsets: optional(
    object(() => ({ monotonic: optional(timeOffsetSchema), boottime: optional(timeOffsetSchema) })),
  ),
  devices: optional(v.array(deviceSchema)),
  netDevices: optional(mapOf(object(() => ({ name: optional(v.string()) })))),
  cgroupsPath: optional(v.string()),
  resources: optional(resourcesSchema),
  intelRdt: optional(intelRdtSchema),
  memoryPolicy: optional(memoryPolicySchema),
  sysctl: optional(mapOf(v.string())),
  seccomp: optional(seccompSchema),
  rootfsPropagation: optional(
    oneOf(["shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"]),
  ),
  maskedPaths: optional(absolutePaths),
  readonlyPaths: optional(absolutePaths),
  mountLabel: optional(v.string()),
  personality: optional(personalitySchema),
}));
