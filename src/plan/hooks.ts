/**
 * Calls that run the hooks of `create` and `start`, up to the user's program. The later ones are the lifecycle's.
 *
 * Spec: config.md#posix-platform-hooks, runtime.md#lifecycle, runtime.md#state
 * Order: prestart, createRuntime (runtime), createContainer (stage) when the mounts are made and the root is not
 *   yet entered; startContainer (stage) just before the user's program
 * Errors: execve's, ETIMEDOUT, ECHILD for a status other than 0: each ends the container
 * @module
 */
import type { HookKind } from "../spec/types.ts";
import type { Context } from "./context.ts";
import type { Register } from "./types.ts";

/** Runs one kind of hooks with the state on standard input. */
function planHooks(c: Context, kind: HookKind, status: "creating" | "created", pid: Register): void {
  const hooks = c.spec.hooks?.[kind] ?? [];
  const { spec, options, plan } = c;
  for (let index = 0; index < hooks.length; index++) {
    const hook = hooks[index]!;
    // The pid is known at run time only: what stands before and after it in the JSON text goes along.
    const before = `{"ociVersion":${JSON.stringify(spec.ociVersion)},"id":${JSON.stringify(options.id)},"status":"${status}","pid":`;
    const annotations = spec.annotations === undefined ? "" : `,"annotations":${JSON.stringify(spec.annotations)}`;
    const after = `,"bundle":${JSON.stringify(options.bundle)}${annotations}}`;
    plan
      .at(`/hooks/${kind}/${index}`)
      .call("hook", [hook.path, hook.args ?? [hook.path], hook.env ?? [], hook.timeout ?? 0, pid, before, after]);
  }
}

/** Both sides: the hooks of `create`. */
export function planCreateHooks(c: Context, container: Register): void {
  const { plan, spec } = c;
  if ((spec.hooks?.prestart ?? []).length > 0 || (spec.hooks?.createRuntime ?? []).length > 0) {
    plan.at("/hooks");
    plan.on("stage").call("post", ["MOUNTED"]);
    plan.on("runtime").call("wait", ["MOUNTED"]);
    planHooks(c, "prestart", "creating", container);
    planHooks(c, "createRuntime", "creating", container);
    plan.at("/hooks");
    plan.call("post", ["HOOKS_DONE"]);
    plan.on("stage").call("wait", ["HOOKS_DONE"]);
  }
  planContainerHooks(c, "createContainer", "creating");
}

/** Stage: the hooks of `start`. */
export function planStartHooks(c: Context): void {
  planContainerHooks(c, "startContainer", "created");
}

/** L12: hooks in the container's namespaces see its pid as it is there. */
function planContainerHooks(c: Context, kind: HookKind, status: "creating" | "created"): void {
  if ((c.spec.hooks?.[kind] ?? []).length === 0) return;
  const pid = c.plan.at(`/hooks/${kind}`).open("getpid", []);
  planHooks(c, kind, status, pid);
}
