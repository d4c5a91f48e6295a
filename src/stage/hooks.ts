/**
 * Runs OCI hooks in the runtime namespace, by the same pseudo-call the stage uses for its own.
 * Input: hooks, the container's state as JSON. Output: which failed and how.
 * @module
 */
import type { Call } from "../plan/types.ts";
import { type Placed, placed } from "../program/addresses.ts";
import { makeImage, runImage } from "./program.ts";
import { AT_FDCWD, close, errnoName, errnoText, flags, sys, wholeEnvironment } from "./sys.ts";

/** One hook as config.json has it. */
export interface Hook {
  readonly path: string;
  readonly args?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  /** Seconds. */
  readonly timeout?: number | undefined;
}

/** How a hook failed. */
export interface HookFailure {
  readonly index: number;
  readonly message: string;
}

/** The runtime's calls with its environment where a plan leaves a hook's to it. */
export function withEnvironment(items: readonly Placed[]): Placed[] {
  const given: Placed[] = [];
  for (const { item, address } of items) {
    const lacks = item.kind === "call" && item.call === "hook" && item.args[2] === null;
    given.push({ item: lacks ? { ...item, args: item.args.with(2, wholeEnvironment()) } : item, address });
  }
  return given;
}

/** Words for the errno of OP_HOOK. */
export function hookFailureText(path: string, errno: number, status: number): string {
  const name = errnoName(errno);
  if (name === "ECHILD") {
    return status > 128
      ? `"${path}" was killed by signal ${status - 128}`
      : `"${path}" ended with exit status ${status}`;
  }
  if (name === "ETIMEDOUT") return `"${path}" ran longer than its timeout and was killed`;
  return `cannot run "${path}": ${name} (${errnoText(errno)})`;
}

/** The pseudo-call for one hook. */
function hookCall(hook: Hook, pid: number, state: string): Call {
  const args = hook.args === undefined || hook.args.length === 0 ? [hook.path] : hook.args;
  // The state's text comes in two pieces around the pid; here the pid is known, so it is the last piece's start.
  const at = state.indexOf('"pid":') + 6;
  const end = at + /^\d*/.exec(state.slice(at))![0].length;
  return {
    kind: "call",
    side: "runtime",
    call: "hook",
    args: [
      hook.path,
      args,
      hook.env ?? wholeEnvironment(),
      hook.timeout ?? 0,
      pid,
      state.slice(0, at),
      state.slice(end),
    ],
    from: "",
  };
}

/**
 * Runs hooks one after the other; ends at the first failure unless `keepGoing`.
 * @param state JSON of the container's state; its `pid` is replaced by the given one
 */
export function runHooks(
  hooks: readonly Hook[],
  pid: number,
  state: string,
  output: HookOutput,
  keepGoing = false,
): HookFailure[] {
  const failures: HookFailure[] = [];
  const [stdout, stderr] = [openOutput(output.stdout ?? "/dev/null"), openOutput(output.stderr)];
  const redirect: Call = { kind: "call", side: "runtime", call: "hook_output", args: [stdout, stderr], from: "" };
  for (const [index, hook] of hooks.entries()) {
    const call = hookCall(hook, pid, state);
    const { failed } = runImage(makeImage(placed([redirect, call]), 0));
    if (failed === undefined) continue;
    failures.push({ index, message: hookFailureText(hook.path, failed.errno, failed.result) });
    if (!keepGoing) break;
  }
  close(stdout);
  close(stderr);
  return failures;
}

/** Files that hooks write to, absolute; undefined: /dev/null, and for errors where we tell ours. */
export interface HookOutput {
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
}

/** -1 also where it cannot be opened: what a hook does counts, not what it says. */
function openOutput(path: string | undefined): number {
  if (path === undefined) return -1;
  if (path === "/dev/null") return sys("openat", AT_FDCWD, path, flags("O_WRONLY|O_NOCTTY|O_CLOEXEC"), 0);
  return sys("openat", AT_FDCWD, path, flags("O_WRONLY|O_CREAT|O_APPEND|O_NOCTTY|O_CLOEXEC"), 0o600);
}
