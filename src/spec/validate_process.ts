/**
 * Rules within `process`. In: Process. Out: nothing, or a SpecError.
 * Spec: config.md#posix-process, config.md#linux-process
 * @module
 */
import { SpecError } from "../errors.ts";
import { pointerTo } from "./pointer.ts";
import type { Process, Rlimit, Scheduler } from "./types.ts";

/** All rules of a process, of config.json's or of one to execute later. */
export function validateProcess(process: Process): void {
  if (process.rlimits !== undefined) validateRlimits(process.rlimits);
  if (process.scheduler !== undefined) validateScheduler(process.scheduler);
}

/** MUST config.md#posix-process: duplicated types are an error. */
function validateRlimits(rlimits: readonly Rlimit[]): void {
  const seen = new Set<string>();
  for (const rlimit of rlimits) {
    const { type, soft, hard } = rlimit;
    const at = (key: string): string => pointerTo("process", "rlimits", rlimits.indexOf(rlimit), key);
    if (seen.has(type)) throw new SpecError(at("type"), `Expected each limit once but received "${type}" again`);
    seen.add(type);
    if (soft > hard) throw new SpecError(at("soft"), `Expected at most the hard limit ${hard} but received ${soft}`);
  }
}

/**
 * Which policy takes which number; sched_setattr(2) would answer the wrong ones with a bare EINVAL. `nice` it takes with
 * every policy, and so do runc and crun: it counts for whoever changes the policy later.
 */
const policiesOf = {
  priority: ["SCHED_FIFO", "SCHED_RR"],
  runtime: ["SCHED_DEADLINE"],
  deadline: ["SCHED_DEADLINE"],
  period: ["SCHED_DEADLINE"],
} as const;

function validateScheduler(scheduler: Scheduler): void {
  for (const key of Object.keys(policiesOf) as (keyof typeof policiesOf)[]) {
    const policies: readonly string[] = policiesOf[key];
    if ((scheduler[key] ?? 0) === 0 || policies.includes(scheduler.policy)) continue;
    throw new SpecError(
      pointerTo("process", "scheduler", key),
      `Expected ${policies.join(" or ")} as policy for it but received "${scheduler.policy}"`,
    );
  }
}
