/**
 * The supervisor that some rules of a seccomp filter ask: how it gets the filter's listener.
 *
 * Spec: config-linux.md#seccomp, config-linux.md#containerprocessstate
 * Kernel: seccomp_unotify(2); SECCOMP_USER_NOTIF_FLAG_CONTINUE since Linux 5.5
 * Order: never later than `create`, which is when it is to be told. Where others can see the process, the runtime is the
 *   supervisor for as long as the stage is not in sight, and lets its calls go on (adopt): the process that the real one is
 *   to be told of does not exist before
 * Errors: ENOENT, ECONNREFUSED nobody listens at listenerPath
 * @module
 */
import type { Seccomp } from "../spec/types.ts";
import type { Context } from "./context.ts";
import type { PlannedFilter } from "./filter_moment.ts";
import type { Register } from "./types.ts";

export function asksSupervisor({ syscalls }: Seccomp): boolean {
  if (syscalls === undefined) return false;
  for (let i = 0; i < syscalls.length; i++) if (syscalls[i]!.action === "SCMP_ACT_NOTIFY") return true;
  return false;
}

/** Stage: loads the filter and hands its listener over. */
export function loadSupervised(c: Context, { seccomp, program }: PlannedFilter): void {
  const pid = ownPid(c);
  const [before, between, after] = stateTexts(c, seccomp);
  c.plan.call("load_supervised", [flagsOf(seccomp, true), program, c.supervisor!, before, pid, between, after]);
}

/** Stage: the listener goes to the runtime, which hands it to the supervisor: nothing of the host's is held in sight of others. */
export function loadListened(c: Context, { seccomp, program, entersPid, why, moment }: PlannedFilter): void {
  const { plan } = c;
  const namespace = entersPid ? c.pidNamespace! : -1;
  plan.call("load_listened", [flagsOf(seccomp, true), program, namespace], why === undefined ? {} : { why });
  plan.on("runtime");
  c.listener = plan.open("receive_listener", []);
  plan.on("stage");
  if (moment === "seen") passListener(c);
}

/** Runtime, once the pid is known. */
export function passListener(c: Context): void {
  const { plan, listener } = c;
  if (listener === undefined) return;
  const [before, between, after] = stateTexts(c, c.spec.linux!.seccomp!);
  plan.on("runtime").at("/linux/seccomp");
  plan.call("send_listener", [c.supervisor!, listener, before, c.container!, between, after]);
  plan.call("close", [listener]);
  plan.call("close", [c.supervisor!]);
  plan.on("stage");
}

/** Its pid as the runtime sees it, which only the runtime can tell. */
function ownPid(c: Context): Register {
  const { plan } = c;
  plan.call("post", ["SUPERVISED"]);
  plan.on("runtime").call("wait", ["SUPERVISED"]);
  plan.call("post_value", ["PID", c.container!]);
  return plan.on("stage").open("wait_value", ["PID"]);
}

/** The container process state, cut where the pid stands. The second one is the container's, known in an exec. */
function stateTexts(c: Context, { listenerMetadata }: Seccomp): [string, string, string | null] {
  const { spec, options } = c;
  const version = JSON.stringify(spec.ociVersion);
  const status = c.init === undefined ? "creating" : "running";
  const metadata = listenerMetadata === undefined ? "" : `,"metadata":${JSON.stringify(listenerMetadata)}`;
  const annotations = spec.annotations === undefined ? "" : `,"annotations":${JSON.stringify(spec.annotations)}`;
  const before = `{"ociVersion":${version},"fds":["seccompFd"],"pid":`;
  const between = `${metadata},"state":{"ociVersion":${version},"id":${JSON.stringify(options.id)},"status":"${status}","pid":`;
  const after = `,"bundle":${JSON.stringify(options.bundle)}${annotations}}}`;
  return c.init === undefined ? [before, between, after] : [before, `${between}${c.init}${after}`, null];
}

/**
 * SPEC_ALLOW unless the profile says something, if only an empty list (as runc and crun). WAIT_KILLABLE_RECV is about
 * supervisors: without one the kernel refuses it. TSYNC would put the thread that tells the supervisor under the filter,
 * and means nothing in a process of one thread.
 */
export function flagsOf({ flags }: Seccomp, isSupervised: boolean): string {
  if (flags === undefined) return "SECCOMP_FILTER_FLAG_SPEC_ALLOW";
  const unwanted = isSupervised ? "SECCOMP_FILTER_FLAG_TSYNC" : "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
  let expression = "";
  for (let i = 0; i < flags.length; i++) {
    if (flags[i] !== unwanted) expression += `${expression === "" ? "" : "|"}${flags[i]}`;
  }
  return expression;
}
