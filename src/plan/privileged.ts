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
import { planRlimits } from "./rlimits.ts";
import { hasScheduling, planScheduling } from "./scheduling.ts";
import type { Register } from "./types.ts";

/** Stage, or runtime and stage. */
export function planPrivileged(c: Context, process: Process): void {
  const { container } = c;
  const isAsked = (process.rlimits ?? []).length > 0 || hasScheduling(process);
  if (!isAsked || !c.hasUserNamespace || !c.host.mayMapIds || container === undefined) {
    planRlimits(c, process, 0);
    if (hasScheduling(process)) planScheduling(c, process, 0);
    return;
  }
  planByRuntime(c, process, container);
}

function planByRuntime(c: Context, process: Process, container: Register): void {
  const { plan } = c;
  plan.at("/process").call("post", ["LIMITS"]);
  plan.on("runtime").call("wait", ["LIMITS"]);
  planRlimits(c, process, container);
  planScheduling(c, process, container);
  plan.at("/process").call("post", ["LIMITED"]);
  plan.on("stage").call("wait", ["LIMITED"]);
}
