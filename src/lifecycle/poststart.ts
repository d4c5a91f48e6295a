/**
 * The hooks that run once the user's process executes. Input: StateRecord. Output: nothing, or the error that ends the
 * container (L3: a failing poststart hook stops and destroys it).
 * Spec: config.md#poststart, runtime.md#lifecycle step 9
 * @module
 */
import { BunkerError } from "../errors.ts";
import { runHooks } from "../stage/hooks.ts";
import type { StateRecord } from "../state/record.ts";
import type { RuntimeOptions } from "./types.ts";
import { hookOutputOf, hookState } from "./view.ts";

/** Runs them in order. Errors: BunkerError at the first that fails. */
export function runPoststart(_rt: RuntimeOptions, record: Omit<StateRecord, "config">): void {
  const hooks = record.hooks.poststart ?? [];
  if (hooks.length === 0) return;
  const [failure] = runHooks(hooks, record.pid, hookState(record, "running"), hookOutputOf(record));
  if (failure !== undefined) throw new BunkerError(`poststart hook #${failure.index}: ${failure.message}`);
}
