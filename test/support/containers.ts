/**
 * Containers of a test by their id. In: the test's scope. Out: what the operation `state` tells.
 * @module
 */
import { until } from "./execute.ts";
import type { Bundle, InvokeOptions, Scope } from "./scope.ts";

/** runtime.md#state, and what runc adds. */
export interface State {
  ociVersion: string;
  id: string;
  status: string;
  pid: number;
  bundle: string;
  rootfs?: string;
  created?: string;
  owner?: string;
  annotations?: Record<string, string>;
}

/** What `state` prints, which must succeed. */
export async function stateOf(scope: Scope, id: string, options: InvokeOptions = {}): Promise<State> {
  return JSON.parse((await scope.succeed(["state", id], options)).stdout) as State;
}

/** Waits until it has stopped. */
export const stopped = (scope: Scope, id: string, options: InvokeOptions = {}): Promise<boolean> =>
  until("the container to stop", async () => (await stateOf(scope, id, options)).status === "stopped");

/** Runs a bundle in the background: its id and its first process. */
export async function detached(
  scope: Scope,
  bundle: Bundle,
  options: InvokeOptions = {},
): Promise<{ id: string; pid: number }> {
  const id = scope.id();
  await scope.succeed(["run", "--detach", "--bundle", bundle.path, id], options);
  return { id, pid: (await stateOf(scope, id, options)).pid };
}
