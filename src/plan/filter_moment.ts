/**
 * When a stage loads the seccomp filter: as late as the kernel allows, but before anybody else could use the process
 * without it, where the profile lets pass what is still to be called then.
 * In: Context, the process. Out: PlannedFilter.
 *
 * - `last`: nothing but execve comes after it, so that a profile need allow nothing that the runtime does. A foreground
 *   `run` in a pid namespace of its own, where there is nobody yet
 * - `early`: all that is left is to say that it is ready, to wait for `start`, to run the hooks of `start`, to execute.
 *   A created container, which an `exec` may enter; a process that is in sight of others (visible.ts): who traces it would
 *   make calls by it that the filter forbids. With a supervisor always, for it is to be told by `create`
 * - `hooks`: the hooks of `start` run under the filter, as with crun and runc, and so does whoever they see run them
 * - `seen`: with a supervisor, once the process is in sight; else that is `last`, too. A profile that forbids to make a
 *   process at all, or another call that only the process itself can make, leaves nothing else. With no_new_privs, or with a
 *   user namespace, in which nobody can trace a stage that was executed outside of it (ptrace(2): the memory's owner
 *   counts); never with CAP_SYS_ADMIN in sight of who could: there `early` fails, and says why
 * @module
 */
import { type KnownArguments, Verdicts } from "../seccomp/verdicts.ts";
import type { Process, Seccomp } from "../spec/types.ts";
import type { CapabilitySets } from "./capabilities.ts";
import type { Context } from "./context.ts";
import { hasScheduling } from "./scheduling.ts";
import type { StructValue } from "./types.ts";
import { isVisible } from "./visible.ts";

export type FilterMoment = "early" | "seen" | "hooks" | "last";

export interface PlannedFilter {
  readonly seccomp: Seccomp;
  /** struct sock_fprog. */
  readonly program: StructValue;
  readonly moment: FilterMoment;
  /** Why it is so late, where it should not be. */
  readonly why: string | undefined;
  /** The pid namespace is entered by load_listened. */
  readonly entersPid: boolean;
  /** What the process is to have, where it has CAP_SYS_ADMIN besides until the filter is loaded. */
  rights?: CapabilitySets;
}

/** The filter and its moment, decided once. Errors: SpecError for one that is too long. */
export function filterOf(c: Context, process: Process): PlannedFilter | undefined {
  const seccomp = c.spec.linux?.seccomp;
  if (seccomp === undefined) return undefined;
  return (c.filter ??= decide(c, process, seccomp));
}

function decide(c: Context, process: Process, seccomp: Seccomp): PlannedFilter {
  const { plan } = c;
  const filter = c.compile(seccomp, c.host.arch);
  const { words, unknown, left } = filter;
  if (unknown.length > 0) plan.warn(`/linux/seccomp: no architecture has system calls named ${unknown.join(", ")}`);
  if (left.length > 0) plan.warn(`/linux/seccomp/architectures: nothing is known of ${left.join(", ")}`);
  const program = { len: words.length / 2, filter: words };
  const isSupervised = c.supervisor !== undefined;
  const isSeen = isVisible(c);
  const hasHooks = c.init === undefined && (c.spec.hooks?.startContainer ?? []).length > 0;
  const latest = isSupervised ? "seen" : hasHooks ? "hooks" : "last";
  const planned = (moment: FilterMoment, why?: string): PlannedFilter => ({
    seccomp,
    program,
    moment,
    why,
    entersPid: isSupervised && isSeen && moment === "early" && c.entersPidEarly !== true,
  });
  if (!isSeen) {
    if (isSupervised) return planned("early");
    if (c.options.verb !== "create") return planned(latest);
  }
  // A second thread, which hands the listener over, cannot be made in a process whose children are to be elsewhere.
  if (isSeen && isSupervised && c.entersPidEarly === true) return planned("seen");
  const blocked = firstBlocked(c, process, new Verdicts(filter, c.host.arch), hasHooks);
  if (blocked === undefined) return planned("early");
  const why = `as late as this: the profile may not allow ${blocked}`;
  const isSafe = !isSeen || process.noNewPrivileges === true || c.hasUserNamespace;
  return isSafe ? planned(latest, why) : planned("early");
}

/** CLONE_PARENT|CLONE_PARENT_SETTID: what clone(2) is asked for by `fork`. */
const forkFlags = 0x10_8000;

/** ioctl(2): the controlling terminal. */
const TIOCSCTTY = 0x540e;

/** What runs a hook (syscalls/hook.h). */
const hookCalls = [
  "pipe2",
  "close",
  "rt_sigaction",
  "rt_sigprocmask",
  "setpgid",
  "dup3",
  "fcntl",
  "write",
  "ppoll",
  "waitid",
  "getpid",
];

/** The first of the calls behind an early filter that it may stop; undefined: it lets all of them pass. */
function firstBlocked(c: Context, process: Process, verdicts: Verdicts, hasHooks: boolean): string | undefined {
  const isAsked = c.supervisor !== undefined;
  const isSeen = isVisible(c);
  const hasTerminal = process.terminal === true;
  const isExec = c.init !== undefined;
  let blocked: string | undefined;
  const need = (name: string, older?: string, known?: KnownArguments): void => {
    if (blocked !== undefined || verdicts.passes(name, older === undefined ? known : [], isAsked)) return;
    if (older !== undefined && verdicts.isMissing(name) && verdicts.passes(older, known, isAsked)) return;
    blocked = name;
  };
  need("execve");
  // By which CAP_SYS_ADMIN is given up again (seccomp.ts).
  if (process.noNewPrivileges !== true || isAsked) need("capset");
  need("sendto", "write");
  if (isSeen) {
    need("clone3", "clone", [forkFlags]);
    need("setsid");
    if (hasTerminal) need("ioctl", undefined, [0, TIOCSCTTY]);
    for (const { type } of process.rlimits ?? []) if (type === "RLIMIT_NPROC") need("prlimit64");
  }
  if (!isExec || (isSeen && hasScheduling(process))) need("recvfrom", "read");
  if (c.options.verb === "create") {
    need("accept4", "accept");
    if (!verdicts.passes("accept4", [], isAsked)) need("fcntl");
    need("close");
  }
  if (!hasHooks) return blocked;
  need("clone3", "clone");
  for (const name of hookCalls) need(name);
  return blocked;
}
