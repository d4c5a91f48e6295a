/**
 * Properties of the process that take rights of the initial user namespace: limits and scheduling.
 *
 * Kernel: prlimit(2), sched_setattr(2): CAP_SYS_RESOURCE and CAP_SYS_NICE count in the initial user namespace only
 * Order: late in the stage, which must not fall under the limits itself, and before capabilities are given up; in a
 *   user namespace, whose stage has no such rights, by the runtime on its behalf while it waits
 * @module
 */
import type { Process } from "../spec/types.ts";
import type { Context } from "./context.ts";
import { planProcessLimit, planRlimits } from "./rlimits.ts";
import { hasScheduling, planScheduling } from "./scheduling.ts";

/** Stage, or runtime and stage. Where a fork is still to come, what concerns it is left to planVisibleLimits. */
export function planPrivileged(c: Context, process: Process): void {
  const { container } = c;
  const isLater = c.birth !== undefined;
  const isScheduled = hasScheduling(process) && !isLater;
  const isAsked = (process.rlimits ?? []).length > 0 || isScheduled;
  if (!isAsked || !c.hasUserNamespace || !c.host.mayMapIds || container === undefined) {
    planRlimits(c, process, 0, isLater);
    if (isScheduled) planScheduling(c, process, 0);
    return;
  }
  byRuntime(c, () => {
    planRlimits(c, process, container, isLater);
    if (isScheduled) planScheduling(c, process, container);
  });
}

/**
 * Stage and runtime, once others can see the process: how many processes its user may have, for the stage was one of them
 * until now, and how it is scheduled, for a fork may reset that, and one of SCHED_DEADLINE fails (sched(7)).
 */
export function planVisibleLimits(c: Context, process: Process): void {
  planProcessLimit(c, process);
  if (hasScheduling(process)) byRuntime(c, () => planScheduling(c, process, c.container!));
}

/** Runtime, while the stage waits. */
function byRuntime(c: Context, set: () => void): void {
  const { plan } = c;
  plan.at("/process").call("post", ["LIMITS"]);
  plan.on("runtime").call("wait", ["LIMITS"]);
  set();
  plan.at("/process").call("post", ["LIMITED"]);
  plan.on("stage").call("wait", ["LIMITED"]);
}
