/**
 * `process`: what runs in the container and with which rights. In: JSON value. Out: Process.
 * Spec: config.md#process, config.md#linux-process, config.md#posix-process
 * @module
 */
import * as v from "valibot";
import { i32, integerIn, numberList, u16, u64 } from "./scalars.ts";
import { absolutePath, environment, object, oneOf, optional, strings } from "./shapes.ts";

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

const rlimitSchema = object(() => ({ type: oneOf(rlimitTypes), soft: u64, hard: u64 }));

/** 2^32-1 is no id: setresuid(2) reads it as "unchanged", and the program would run as root. */
const id = integerIn(0, 0xffff_fffe);

/** An absent user is root, as with every other runtime; ids are those of the container's user namespace. */
const userSchema = object(() => ({
  uid: optional(id, 0),
  gid: optional(id, 0),
  umask: optional(integerIn(0, 0o777)),
  additionalGids: optional(v.array(id)),
}));

/** Names are not checked here: one the kernel or this version does not know is a warning, not an error. */
const capabilitiesSchema = object(() => {
  const set = optional(strings);
  return { bounding: set, effective: set, inheritable: set, permitted: set, ambient: set };
});

const schedulerSchema = object(() => ({
  policy: oneOf(["SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"]),
  /** sched_setattr(2). */
  nice: optional(integerIn(-20, 19)),
  priority: optional(i32),
  flags: optional(
    v.array(
      oneOf([
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
  /** Nanoseconds, all three. */
  runtime: optional(u64),
  deadline: optional(u64),
  period: optional(u64),
}));

/** ioprio_set(2): 0 highest to 7 lowest. */
const ioPrioritySchema = object(() => ({
  class: oneOf(["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"]),
  priority: optional(integerIn(0, 7), 0),
}));

const argsSchema = v.pipe(
  strings,
  v.check((args) => args.length > 0, "at least one argument"),
  v.check((args) => args[0] !== "", "a first argument that is not empty"),
);

export const processSchema = object(() => ({
  terminal: optional(v.boolean()),
  /** Characters; absent unless `terminal` is set. */
  consoleSize: optional(object(() => ({ height: u16, width: u16 }))),
  user: optional(userSchema, {}),
  args: argsSchema,
  env: optional(environment),
  cwd: absolutePath,
  capabilities: optional(capabilitiesSchema),
  rlimits: optional(v.array(rlimitSchema)),
  noNewPrivileges: optional(v.boolean()),
  apparmorProfile: optional(v.string()),
  selinuxLabel: optional(v.string()),
  /** proc_pid_oom_score_adj(5). */
  oomScoreAdj: optional(integerIn(-1000, 1000)),
  scheduler: optional(schedulerSchema),
  ioPriority: optional(ioPrioritySchema),
  execCPUAffinity: optional(object(() => ({ initial: optional(numberList), final: optional(numberList) }))),
}));
