/**
 * `process`: what runs in the container and with which rights. In: JSON value. Out: Process.
 * Spec: config.md#process, config.md#linux-process, config.md#posix-process
 * @module
 */
import * as v from "valibot";
import {
  absolutePath,
  environment,
  i32,
  ioPriorityLevel,
  niceValue,
  numberList,
  oomScoreAdj,
  rlimitValue,
  strings,
  u16,
  u32,
  u64,
  umaskBits,
} from "./scalars.ts";

/** Every resource of getrlimit(2). */
export const rlimitTypes = [
  "RLIMIT_AS",
  "RLIMIT_CORE",
  "RLIMIT_CPU",
  "RLIMIT_DATA",
  "RLIMIT_FSIZE",
  "RLIMIT_LOCKS",
  "RLIMIT_MEMLOCK",
  "RLIMIT_MSGQUEUE",
  "RLIMIT_NICE",
  "RLIMIT_NOFILE",
  "RLIMIT_NPROC",
  "RLIMIT_RSS",
  "RLIMIT_RTPRIO",
  "RLIMIT_RTTIME",
  "RLIMIT_SIGPENDING",
  "RLIMIT_STACK",
] as const;

const rlimitSchema = v.object({
  type: v.picklist(rlimitTypes),
  /** Infinity: RLIM_INFINITY. */
  soft: rlimitValue,
  hard: rlimitValue,
});

/** An absent user is root, as with every other runtime; ids are those of the container's user namespace. */
const userSchema = v.object({
  uid: v.optional(u32, 0),
  gid: v.optional(u32, 0),
  umask: v.optional(umaskBits),
  additionalGids: v.optional(v.array(u32)),
});

/** Names are not checked here: one the kernel or this version does not know is a warning, not an error. */
const capabilitiesSchema = v.object({
  bounding: v.optional(strings),
  effective: v.optional(strings),
  inheritable: v.optional(strings),
  permitted: v.optional(strings),
  ambient: v.optional(strings),
});

const schedulerSchema = v.lazy(() =>
  v.object({
    policy: v.picklist([
      "SCHED_OTHER",
      "SCHED_FIFO",
      "SCHED_RR",
      "SCHED_BATCH",
      "SCHED_ISO",
      "SCHED_IDLE",
      "SCHED_DEADLINE",
    ]),
    nice: v.optional(niceValue),
    priority: v.optional(i32),
    flags: v.optional(
      v.array(
        v.picklist([
          "SCHED_FLAG_RESET_ON_FORK",
          "SCHED_FLAG_RECLAIM",
          "SCHED_FLAG_DL_OVERRUN",
          "SCHED_FLAG_KEEP_POLICY",
          "SCHED_FLAG_KEEP_PARAMS",
          "SCHED_FLAG_UTIL_CLAMP_MIN",
          "SCHED_FLAG_UTIL_CLAMP_MAX",
        ]),
      ),
    ),
    /** Nanoseconds. */
    runtime: v.optional(u64),
    deadline: v.optional(u64),
    period: v.optional(u64),
  }),
);

const ioPrioritySchema = v.lazy(() =>
  v.object({
    class: v.picklist(["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"]),
    priority: v.optional(ioPriorityLevel, 0),
  }),
);

const execCPUAffinitySchema = v.lazy(() =>
  v.object({ initial: v.optional(numberList), final: v.optional(numberList) }),
);

const argsSchema = v.pipe(
  strings,
  v.check((args) => args.length > 0 && args[0] !== "", "at least one argument, the first not empty"),
);

export const processSchema = v.object({
  terminal: v.optional(v.boolean()),
  /** Characters; absent unless `terminal` is set. */
  consoleSize: v.optional(v.object({ height: u16, width: u16 })),
  user: v.optional(userSchema, {}),
  args: argsSchema,
  env: v.optional(environment),
  cwd: absolutePath,
  capabilities: v.optional(capabilitiesSchema),
  rlimits: v.optional(v.array(rlimitSchema)),
  noNewPrivileges: v.optional(v.boolean()),
  apparmorProfile: v.optional(v.string()),
  selinuxLabel: v.optional(v.string()),
  oomScoreAdj: v.optional(oomScoreAdj),
  scheduler: v.optional(schedulerSchema),
  ioPriority: v.optional(ioPrioritySchema),
  execCPUAffinity: v.optional(execCPUAffinitySchema),
});
