/**
 * The seccomp filter of the container's processes, and the supervisor that some of its rules may ask.
 *
 * Spec: config-linux.md#seccomp, config-linux.md#containerprocessstate
 * Kernel: seccomp(2): EACCES without CAP_SYS_ADMIN unless no_new_privs is set; seccomp_unotify(2)
 * Order: with no_new_privs the very last thing before execve, so that a profile need allow nothing the runtime does;
 *   without, before capabilities are given up: the rest of the stage runs under the filter then (as with runc and crun).
 *   With a supervisor never later than `create`, which is when it is to be told
 * Errors: ENOENT, ECONNREFUSED nobody listens at listenerPath
 * @module
 */
import { SpecError } from "../errors.ts";
import type { Process, Seccomp } from "../spec/types.ts";
import type { Context } from "./context.ts";
import type { Register, StructValue } from "./types.ts";
import { isVisible } from "./visible.ts";

/** Calls by which a stage makes the process that goes on in its place, under a filter whose supervisor knows nothing of it yet. */
const forks = ["clone", "clone3"];

/** Whether the stage enters the pid namespace together with the filter: its supervisor takes a second thread (supervisor.h). */
export function entersWithFilter(c: Context, process: Process): boolean {
  return c.supervisor !== undefined && isVisible(c) && process.noNewPrivileges !== true;
}

/** When a filter may be loaded; which one it is depends on the profile and the process. */
export type FilterMoment = "before capabilities" | "with capabilities" | "last";

/** Longest path in struct sockaddr_un. */
const maxSocketPath = 107;

function asksSupervisor({ syscalls }: Seccomp): boolean {
  if (syscalls === undefined) return false;
  for (let i = 0; i < syscalls.length; i++) if (syscalls[i]!.action === "SCMP_ACT_NOTIFY") return true;
  return false;
}

function momentFor(seccomp: Seccomp, { noNewPrivileges }: Process): FilterMoment {
  if (noNewPrivileges !== true) return "before capabilities";
  return asksSupervisor(seccomp) ? "with capabilities" : "last";
}

/** Runtime, before the stage exists: the connection to the supervisor, one for each process. */
export function connectSupervisor(c: Context): void {
  const seccomp = c.spec.linux?.seccomp;
  if (seccomp === undefined || c.spec.process === undefined || !asksSupervisor(seccomp)) return;
  const { plan } = c;
  const path = seccomp.listenerPath ?? "";
  const { length } = new TextEncoder().encode(path);
  if (length > maxSocketPath) {
    throw new SpecError(
      "/linux/seccomp/listenerPath",
      `Expected at most ${maxSocketPath} bytes but received ${length}`,
    );
  }
  plan.at("/linux/seccomp/listenerPath");
  c.supervisor = plan.open("socket", ["AF_UNIX", "SOCK_STREAM|SOCK_CLOEXEC", 0]);
  plan.call("connect", [c.supervisor, { sun_family: "AF_UNIX", sun_path: path }]);
  if (!isVisible(c)) plan.inherit(c.supervisor);
}

/** Stage: loads the filter, if there is one and this is its moment. Errors: SpecError for one that is too long. */
export function planSeccomp(c: Context, process: Process, moment: FilterMoment): void {
  const seccomp = c.spec.linux?.seccomp;
  if (seccomp === undefined || momentFor(seccomp, process) !== moment) return;
  const { plan } = c;
  plan.at("/linux/seccomp");
  const { words, unknown, left } = c.compile(seccomp, c.host.arch);
  if (unknown.length > 0) plan.warn(`/linux/seccomp: no architecture has system calls named ${unknown.join(", ")}`);
  if (left.length > 0) plan.warn(`/linux/seccomp/architectures: nothing is known of ${left.join(", ")}`);
  const filter = { len: words.length / 2, filter: words };
  if (c.supervisor === undefined) {
    plan.call("seccomp", ["SECCOMP_SET_MODE_FILTER", flagsOf(seccomp, false), filter]);
    return;
  }
  if (isVisible(c)) {
    loadListened(c, seccomp, filter, moment);
    return;
  }
  const pid = ownPid(c);
  const [before, between, after] = stateTexts(c, seccomp);
  plan.call("load_supervised", [flagsOf(seccomp, true), filter, c.supervisor, before, pid, between, after]);
}

/** Stage: the listener goes to the runtime, which hands it to the supervisor: nothing of the host's is held in sight of others. */
function loadListened(c: Context, seccomp: Seccomp, filter: StructValue, moment: FilterMoment): void {
  const { plan } = c;
  const isEarly = moment === "before capabilities";
  if (isEarly) {
    for (const { names, action } of seccomp.syscalls ?? []) {
      if (action !== "SCMP_ACT_NOTIFY" || !names.some((name) => forks.includes(name))) continue;
      plan.refuse(
        "/linux/seccomp/syscalls",
        "without noNewPrivileges, a supervisor asked for clone is not supported in a pid namespace that is joined",
      );
    }
  }
  plan.call("load_listened", [flagsOf(seccomp, true), filter, isEarly ? c.pidNamespace! : -1]);
  if (!isEarly) passListener(c);
}

/** Runtime, once the pid is known. */
export function passListener(c: Context): void {
  const { plan } = c;
  const [before, between, after] = stateTexts(c, c.spec.linux!.seccomp!);
  plan.on("runtime").at("/linux/seccomp");
  const listener = plan.open("receive_listener", []);
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
function flagsOf({ flags }: Seccomp, isSupervised: boolean): string {
  if (flags === undefined) return "SECCOMP_FILTER_FLAG_SPEC_ALLOW";
  const unwanted = isSupervised ? "SECCOMP_FILTER_FLAG_TSYNC" : "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
  let expression = "";
  for (let i = 0; i < flags.length; i++) {
    if (flags[i] !== unwanted) expression += `${expression === "" ? "" : "|"}${flags[i]}`;
  }
  return expression;
}
