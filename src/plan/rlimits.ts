/**
 * Calls that set the limits of the process.
 *
 * Spec: config.md#posix-process (rlimits)
 * Kernel: prlimit(2): raising a hard limit takes CAP_SYS_RESOURCE in the initial user namespace
 * Order: see privileged.ts
 * Errors: EPERM a hard limit above the runtime's own
 * @module
 */
import { type JsonInteger, maxU64 } from "../spec/scalars.ts";
import type { Process } from "../spec/types.ts";
import type { Context } from "./context.ts";
import type { Host } from "./host.ts";
import type { Value } from "./types.ts";

/**
 * Runtime or stage: every limit of config.json, and the one that the engine changed. @param pid 0: whoever makes the call
 * @param isLater that of processes is set after a fork, which it is not to stop (planProcessLimit)
 */
export function planRlimits(c: Context, process: Process, pid: Value, isLater = false): void {
  const { plan, host } = c;
  let hasNoFile = false;
  if (host.liftedLimits !== undefined) putBack(c, process, pid, host.liftedLimits);
  const rlimits = process.rlimits ?? [];
  for (let index = 0; index < rlimits.length; index++) {
    const { type, soft, hard } = rlimits[index]!;
    if (type === "RLIMIT_NOFILE") hasNoFile = true;
    plan.at(`/process/rlimits/${index}`);
    if (isLater && type === "RLIMIT_NPROC") {
      plan.call("prlimit64", [pid, type, { rlim_cur: "RLIM_INFINITY", rlim_max: "RLIM_INFINITY" }], {
        allow: ["EPERM"],
        why: "set once it has forked: lowering it takes no rights then",
      });
      continue;
    }
    plan.call("prlimit64", [pid, type, { rlim_cur: limit(soft), rlim_max: limit(hard) }]);
  }
  if (hasNoFile || host.softNoFile === host.hardNoFile) return;
  plan
    .at("")
    .call(
      "prlimit64",
      [pid, "RLIMIT_NOFILE", { rlim_cur: openFiles(host.softNoFile), rlim_max: openFiles(host.hardNoFile) }],
      {
        why: "the JavaScript engine raised its own",
      },
    );
}

/** Those that config.json does not set. Only the soft ones were changed. */
function putBack(c: Context, process: Process, pid: Value, lifted: NonNullable<Host["liftedLimits"]>): void {
  const rlimits = process.rlimits ?? [];
  for (const type in lifted) {
    if (rlimits.some((rlimit) => rlimit.type === type)) continue;
    const { soft, hard } = lifted[type]!;
    c.plan.at("").call("prlimit64", [pid, type, { rlim_cur: limit(BigInt(soft)), rlim_max: limit(BigInt(hard)) }], {
      why: "it was raised for the JavaScript engine",
    });
  }
}

/** Stage, of a process that was forked by one of the same user: how many there may be. */
export function planProcessLimit({ plan }: Context, process: Process): void {
  const rlimits = process.rlimits ?? [];
  for (let index = 0; index < rlimits.length; index++) {
    const { type, soft, hard } = rlimits[index]!;
    if (type !== "RLIMIT_NPROC") continue;
    plan.at(`/process/rlimits/${index}`);
    plan.call("prlimit64", [0, type, { rlim_cur: limit(soft), rlim_max: limit(hard) }]);
  }
}

/** Exact, so that a limit that is the caller's own is no attempt to raise it: only 2^64-1 is the kernel's infinity. */
function limit(value: JsonInteger): Value {
  return value === maxU64 ? "RLIM_INFINITY" : value;
}

/** The largest exact number from Host stands for infinity; sysctl_nr_open_max keeps what is finite below 2^31. */
function openFiles(value: number): Value {
  return value >= Number.MAX_SAFE_INTEGER ? "RLIM_INFINITY" : value;
}
