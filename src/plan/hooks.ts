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
import type { Context, HookOutput } from "./context.ts";
import { below } from "./paths.ts";
import type { Register } from "./types.ts";

/** crun's annotations: files that hooks write to. */
export const hookOutputs = { stdout: "run.oci.hooks.stdout", stderr: "run.oci.hooks.stderr" } as const;

/** Runtime: opens these files, once for its own hooks and once for the stage to inherit. Paths count from the bundle. */
export function openHookOutput(c: Context): void {
  const { plan, spec, options } = c;
  const open = (name: string, isStages: boolean): Register | -1 => {
    const path = spec.annotations?.[name];
    if (path === undefined || path === "") return -1;
    const how = "O_WRONLY|O_CREAT|O_APPEND|O_NOCTTY|O_CLOEXEC";
    plan.at(`/annotations/${name}`);
    const file = plan.open("openat", ["AT_FDCWD", below(options.bundle, path), how, "0600"]);
    if (isStages) plan.inherit(file);
    return file;
  };
  const outputOf = (isStages: boolean, kinds: readonly HookKind[]): HookOutput =>
    kinds.some((kind) => (spec.hooks?.[kind] ?? []).length > 0)
      ? { stdout: open(hookOutputs.stdout, isStages), stderr: open(hookOutputs.stderr, isStages) }
      : { stdout: -1, stderr: -1 };
  if (spec.annotations?.[hookOutputs.stdout] === undefined && spec.annotations?.[hookOutputs.stderr] === undefined)
    return;
  c.hookOutput = {
    runtime: outputOf(false, ["prestart", "createRuntime"]),
    stage: outputOf(true, ["createContainer", "startContainer"]),
  };
}

/** Hooks from here on write there. Returns what is to be closed after them. */
function planHookOutput({ plan, hookOutput }: Context, kind: HookKind): Register | undefined {
  const isRuntimes = kind === "prestart" || kind === "createRuntime";
  const { stdout, stderr } = (isRuntimes ? hookOutput?.runtime : hookOutput?.stage) ?? { stdout: -1, stderr: -1 };
  plan.at(`/hooks/${kind}`);
  if (stdout !== -1) {
    plan.call("hook_output", [stdout, stderr]);
    return undefined;
  }
  // What hooks say is no output of the container's (crun: /dev/null; runc: a pipe that it reads). Opened where the hook runs:
  // a container has the host's node in no other way. Without one, the output goes where it always went.
  const nowhere = plan.open("openat", ["AT_FDCWD", "/dev/null", "O_WRONLY|O_NOCTTY|O_NONBLOCK|O_CLOEXEC", 0], {
    allow: ["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EPERM", "ENXIO", "ENODEV"],
  });
  plan.call("hook_output", [nowhere, stderr]);
  return nowhere;
}

/** Stage, before everything else is closed: the hooks of `start` are still to come. */
export function keepHookOutput(c: Context): void {
  if (c.hookOutput === undefined || (c.spec.hooks?.startContainer ?? []).length === 0) return;
  c.plan.at("/hooks/startContainer").call("hook_output", [c.hookOutput.stage.stdout, c.hookOutput.stage.stderr]);
}

/**
 * What a hook without `env` gets; null: the runtime's own environment, which no plan holds, for plans are printed and kept.
 * The specification is silent. runc and crun: the runtime's for those in its namespaces, the process's for startContainer.
 * createContainer: crun gives the runtime's, runc nothing, and so do we: what is the host's stays out of the container's
 * namespaces. `env: []` is an environment, too: an empty one (crun; runc's startContainer loses the difference).
 */
type Environment = readonly (string | Register)[] | null;

/** Runs one kind of hooks with the state on standard input. */
function planHooks(
  c: Context,
  kind: HookKind,
  status: "creating" | "created",
  pid: Register,
  environment: Environment,
): void {
  const hooks = c.spec.hooks?.[kind] ?? [];
  if (hooks.length === 0) return;
  const { spec, options, plan } = c;
  const nowhere = planHookOutput(c, kind);
  for (let index = 0; index < hooks.length; index++) {
    const hook = hooks[index]!;
    // The pid is known at run time only: what stands before and after it in the JSON text goes along.
    const before = `{"ociVersion":${JSON.stringify(spec.ociVersion)},"id":${JSON.stringify(options.id)},"status":"${status}","pid":`;
    const annotations = spec.annotations === undefined ? "" : `,"annotations":${JSON.stringify(spec.annotations)}`;
    const after = `,"bundle":${JSON.stringify(options.bundle)}${annotations}}`;
    plan
      .at(`/hooks/${kind}/${index}`)
      .call("hook", [
        hook.path,
        hook.args ?? [hook.path],
        hook.env ?? environment,
        hook.timeout ?? 0,
        pid,
        before,
        after,
      ]);
  }
  plan.call("hook_output", [-1, -1]);
  if (nowhere !== undefined) plan.call("close", [nowhere], { allow: ["EBADF"] });
}

/** Both sides: the hooks of `create`. */
export function planCreateHooks(c: Context, container: Register): void {
  const { plan, spec } = c;
  if ((spec.hooks?.prestart ?? []).length > 0 || (spec.hooks?.createRuntime ?? []).length > 0) {
    plan.at("/hooks");
    plan.on("stage").call("post", ["MOUNTED"]);
    plan.on("runtime").call("wait", ["MOUNTED"]);
    planHooks(c, "prestart", "creating", container, null);
    planHooks(c, "createRuntime", "creating", container, null);
    plan.at("/hooks");
    plan.call("post", ["HOOKS_DONE"]);
    plan.on("stage").call("wait", ["HOOKS_DONE"]);
  }
  planContainerHooks(c, "createContainer", "creating", []);
}

/** Stage: the hooks of `start`. @param environment the process's */
export function planStartHooks(c: Context, environment: readonly (string | Register)[]): void {
  planContainerHooks(c, "startContainer", "created", environment);
}

/** L12: hooks in the container's namespaces see its pid as it is there. */
function planContainerHooks(
  c: Context,
  kind: HookKind,
  status: "creating" | "created",
  environment: readonly (string | Register)[],
): void {
  if ((c.spec.hooks?.[kind] ?? []).length === 0) return;
  const pid = c.plan.at(`/hooks/${kind}`).open("getpid", []);
  planHooks(c, kind, status, pid, environment);
}
