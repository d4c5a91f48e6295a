/**
 * Calls that say how the process is scheduled: processor time, I/O, processors, memory nodes.
 *
 * Spec: config.md#linux-process (scheduler, ioPriority, execCPUAffinity), config-linux.md#memory-policy
 * Kernel: sched_setattr(2), ioprio_set(2), sched_setaffinity(2), set_mempolicy(2)
 * Order: before capabilities are given up: real-time policies and negative niceness take CAP_SYS_NICE of the initial
 *   user namespace, so in another one they are the runtime's to set (privileged.ts)
 * Errors: EPERM without that; EINVAL processors or nodes that are not the cgroup's; ENOSYS a kernel without NUMA
 * @module
 */
import { SpecError } from "../errors.ts";
import type { Process } from "../spec/types.ts";
import type { Context } from "./context.ts";
import type { Value } from "./types.ts";

/** linux/ioprio.h: the class stands above the 13 bits of the priority. */
const ioClasses = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 } as const;
const ioClassShift = 8192;

/** linux/sched.h has the policy of ordinary processes under its own name, and one that nobody ever implemented not. */
const policies: Readonly<Record<string, string | number>> = { SCHED_OTHER: "SCHED_NORMAL", SCHED_ISO: 4 };

/** Size of struct sched_attr up to the fields that are set here: kernels since 3.14 know it. */
const schedAttrBytes = 48;

/** Whether the process asks for anything that planScheduling sets. */
export function hasScheduling({ scheduler, ioPriority }: Process): boolean {
  return scheduler !== undefined || ioPriority !== undefined;
}

/** Runtime or stage: scheduler and I/O priority of a process. @param pid 0: whoever makes the call */
export function planScheduling(c: Context, { scheduler, ioPriority }: Process, pid: Value): void {
  const { plan } = c;
  if (scheduler !== undefined) {
    const { policy, nice, priority, flags, runtime, deadline, period } = scheduler;
    plan.at("/process/scheduler").call("sched_setattr", [
      pid,
      {
        size: schedAttrBytes,
        sched_policy: policies[policy] ?? policy,
        sched_flags: flags === undefined || flags.length === 0 ? 0 : flags.join("|"),
        sched_nice: nice ?? 0,
        sched_priority: priority ?? 0,
        sched_runtime: runtime ?? 0,
        sched_deadline: deadline ?? 0,
        sched_period: period ?? 0,
      },
      0,
    ]);
  }
  if (ioPriority !== undefined) {
    const value = ioClasses[ioPriority.class] * ioClassShift + ioPriority.priority;
    plan.at("/process/ioPriority").call("ioprio_set", ["IOPRIO_WHO_PROCESS", pid, value], {
      why: `${ioPriority.class} ${ioPriority.priority}`,
    });
  }
}

/** Thread or stage: the processors this task may run on. */
export function planAffinity(c: Context, list: string, pointer: string): void {
  const mask = maskOf(list, pointer);
  c.plan.at(pointer).call("sched_setaffinity", [0, mask.length * 4, mask], { why: list });
}

/**
 * Stage, once it is in the cgroup: the processors are the cgroup's, not those that the caller happens to be held to (as runc
 * and crun). Not where config.json has an execCPUAffinity: without `final` "runtime SHOULD NOT change" it then. A filter around
 * us may forbid the call, and a deadline task's processors may not be changed (EBUSY): then they stay the caller's.
 */
export function planUsualAffinity({ plan }: Pick<Context, "plan">): void {
  plan.at("/process").call("reset_affinity", [], { allow: ["EPERM", "ENOSYS", "EBUSY"] });
}

/** Stage: on which nodes memory is taken; inherited by execve. */
export function planMemoryPolicy(c: Context): void {
  const policy = c.spec.linux?.memoryPolicy;
  if (policy === undefined) return;
  const { mode, nodes = "", flags = [] } = policy;
  const mask = maskOf(nodes, "/linux/memoryPolicy/nodes");
  const isEmpty = mask.length === 0;
  // set_mempolicy(2): the kernel takes one bit less than it is told.
  c.plan
    .at("/linux/memoryPolicy")
    .call("set_mempolicy", [[mode, ...flags].join("|"), isEmpty ? null : mask, isEmpty ? 0 : mask.length * 32 + 1]);
}

/** Far beyond what any kernel is built for (8192), so that a typing error does not fill memory. */
const maxNumber = 65_535;

/** "0-3,7" as words of 32 bits, lowest first; an even number of them, as the kernel counts in 64. */
function maskOf(list: string, pointer: string): number[] {
  const words: number[] = [];
  for (const part of list.split(",")) {
    const range = part.trim();
    if (range === "") continue;
    const dash = range.indexOf("-");
    const first = Number(dash < 0 ? range : range.slice(0, dash));
    const last = dash < 0 ? first : Number(range.slice(dash + 1));
    if (last > maxNumber || first > last) {
      throw new SpecError(pointer, `Expected numbers up to ${maxNumber}, the lower first, but received "${range}"`);
    }
    while (words.length * 32 <= last || words.length % 2 === 1) words.push(0);
    for (let number = first; number <= last; number++) words[number >> 5]! |= 1 << (number & 31);
  }
  return words;
}
