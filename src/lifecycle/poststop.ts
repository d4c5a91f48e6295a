/**
 * The hooks that run after a container is gone. Input: StateRecord. Output: warnings.
 *
 * Spec: config.md#poststop, runtime.md#lifecycle step 13: a failure is a warning and the next hook still runs
 * @module
 */
import { runHooks } from "../stage/hooks.ts";
import type { StateRecord } from "../state/record.ts";
import type { RuntimeOptions } from "./types.ts";
import { hookOutputOf, hookState } from "./view.ts";

export function runPoststop(rt: RuntimeOptions, record: Omit<StateRecord, "config">): void {
  const hooks = record.hooks.poststop ?? [];
  if (hooks.length === 0) return;
  for (const failure of runHooks(hooks, 0, hookState(record, "stopped"), hookOutputOf(record), true)) {
    rt.log.warn(`Hook /hooks/poststop/${failure.index} failed: ${failure.message}`);
  }
}
