/**
 * A stage whose program goes on in a pid namespace that others live in: every `exec`, and containers that join one (pods).
 * In: Context. Out: the lines before its process becomes visible there, and the one from which on it is.
 *
 * Whoever lives there may see that process and, with CAP_SYS_PTRACE, read and write its memory, take its descriptors
 * (pidfd_getfd(2)), pass through its root and working directory, and act with its rights; that it is not dumpable stops
 * only those without (ptrace(2), CVE-2016-9962). So nothing is left to find:
 * - memory is its own: the stage is executed outside, from the sealed file, and the process is a copy of it. It was never
 *   the runtime's, its environment is empty, its program is what the container's process is to be
 * - root, working directory and namespaces are the container's: all of them are entered before
 * - ids, capabilities and no_new_privs are the user program's, so there is no right to gain that the container has not;
 *   CAP_SYS_ADMIN, by which the filter is loaded, is given up before (seccomp.ts)
 * - its session is its own, and has no terminal: /dev/tty is not the caller's
 * - descriptors: the sync socket, the caller's standard input and output, what config.json or the command line give to the
 *   program or its hooks (--preserve-fds, run.oci.hooks.*), and of a created container two sockets, for `start` and for
 *   whoever asks whether it still waits: no descriptor of a file of the host's
 * - what it says by the sync socket is taken for a stranger's word; its pid comes from the kernel (syscalls/fork.h); that it
 *   says nothing at all holds up nobody who has a signal for it (syscalls/leave.h)
 * - its file is /proc/PID/exe: sealed, and readable for nobody without CAP_DAC_OVERRIDE
 * - the seccomp filter is loaded already, by the stage that nobody sees: clone(2) hands it on. Where the profile stops one of
 *   the calls that are still to be made under it, of which clone is one, nothing can be done: only the process itself can load
 *   it then (filter_moment.ts, `seen` and `last`; the plan says so at that line)
 * So it is a process of the container's. What tells it from one, from here to its execve, some 0.1 ms (of a created
 * container: until `start`):
 * - labels. SELinux and AppArmor give theirs by execve, so until then it has the runtime's: but they ask for the labels of both
 *   when somebody is to be traced, and a confined process may not trace an unconfined one
 * - RLIMIT_NPROC and the scheduler's settings are still to come (privileged.ts): who takes hold of it could make as many
 *   processes as its cgroup allows, and run them as the runtime is scheduled
 *
 * Kernel: pid_namespaces(7): setns changes where children are born, not where the caller is; clone(2) CLONE_PARENT
 * Order: everything that takes rights, files of the host or processes of its own before; then here
 * @module
 */
import type { Context } from "./context.ts";
import { keepHookOutput } from "./hooks.ts";
import type { Register } from "./types.ts";

/** Whether there is somebody to see it. */
export function isVisible(c: Pick<Context, "joined">): boolean {
  return c.joined.has("pid");
}

/** Runtime: what the pid of the process will be read from. */
export function openBirth(c: Context): void {
  const { plan } = c;
  plan.at("");
  const file = plan.open("memfd_create", ["bunker-pid", "MFD_CLOEXEC"]);
  plan.call("ftruncate", [file, 4]);
  plan.inherit(file);
  c.birth = file;
}

/**
 * Stage: everything of the host's is closed, and the next process is born in the pid namespace.
 * @param keep what is still needed: of the container's own
 * @param isLater the namespace is entered together with a filter (load_listened)
 */
export function leaveHost(c: Context, keep: readonly Register[], isLater: boolean): void {
  const { plan, options } = c;
  const namespace = c.pidNamespace!;
  plan.at("").call("map_pid", [c.birth!]);
  if (!isLater && c.entersPidEarly !== true) {
    plan.at(c.joined.get("pid")!.pointer).call("setns", [namespace, "CLONE_NEWPID"]);
  }
  if (c.hookOutput !== undefined) keepHookOutput(c);
  const kept: (Register | -1)[] = [...keep];
  if (isLater) kept.push(namespace);
  if (options.verb === "create") kept.push(plan.input("listen"), plan.input("created"));
  while (kept.length < 4) kept.push(-1);
  plan
    .at("")
    .call("close_others", [3 + options.preserveFds, ...kept], { why: "what others see holds nothing of the host's" });
}

/** Stage, then runtime: from here on the process is visible. Its pid is the container's. */
export function becomeVisible(c: Context): void {
  const { plan } = c;
  plan.at("/linux/namespaces").call("fork", [{ flags: "CLONE_PARENT" }], {
    why: "visible in the pid namespace from here on, holding nothing of the host's",
  });
  plan.on("runtime").at("");
  c.container = plan.open("adopt", [c.container!, c.birth!, c.listener ?? -1]);
  plan.on("stage");
}
