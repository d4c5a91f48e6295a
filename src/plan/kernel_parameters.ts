/**
 * Calls that write below /proc: `linux.sysctl`, `process.oomScoreAdj` and the labels of the process (labels.ts).
 *
 * Spec: config-linux.md#sysctl, config.md#linux-process
 * Kernel: through a procfs of our own that is mounted nowhere, so nobody can put another file in the way
 *   (CVE-2025-52881, CVE-2019-16884); its filesystem magic is checked all the same
 * Order: in the container's namespaces; before credentials are dropped. In a user namespace before the root is entered:
 *   a new procfs wants one in sight (mount_substitute.ts), and the runtime's own stands in where it is refused; both
 *   show the parameters of the namespaces of whoever opens them
 * Errors: ENOENT no such parameter; EINVAL the kernel refuses the value; EACCES oom_score_adj below what is allowed
 * @module
 */
import { sysctlPath } from "../spec/sysctl.ts";
import { isGuest } from "./cloning.ts";
import type { Context } from "./context.ts";
import { hasLabels, planLabels } from "./labels.ts";
import type { Register } from "./types.ts";

const strict = "RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_XDEV";
/** "self" is a link, an ordinary one: of its own text, not of the kind that leads anywhere. */
const throughSelf = "RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_XDEV";

/** Stage, before the root is entered: in a user namespace only. */
export function planGuestParameters(c: Context): void {
  if (isGuest(c)) planParameters(c);
}

/** Stage, once the root is entered: everywhere else. */
export function planKernelParameters(c: Context): void {
  if (!isGuest(c)) planParameters(c);
}

/** A procfs that is mounted nowhere. */
function openProc(c: Context): Register {
  const { plan } = c;
  const context = plan.register();
  const proc = plan.register();
  const attempt = (): void => {
    plan.into(context, "fsopen", ["proc", "FSOPEN_CLOEXEC"]);
    plan.call("fsconfig", [context, "FSCONFIG_CMD_CREATE", null, null, 0]);
    const attributes = "MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC";
    plan.into(proc, "fsmount", [context, "FSMOUNT_CLOEXEC", attributes]);
  };
  const then = (): void => plan.call("close", [context]);
  if (isGuest(c)) {
    const why = "a user namespace may not mount it: the runtime's own";
    const items = (): void => plan.into(proc, "openat", ["AT_FDCWD", "/proc", "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);
    plan.alternative({ attempt, then, branches: [{ on: ["EPERM"], why, items }] });
  } else {
    attempt();
    then();
  }
  plan.call("verify_fs", [proc, "PROC_SUPER_MAGIC"]);
  return proc;
}

/** Whether config.json asks for any. */
export function hasParameters({ spec }: Context): boolean {
  const { linux, process } = spec;
  if (linux?.sysctl !== undefined || process?.oomScoreAdj !== undefined) return true;
  return process?.apparmorProfile !== undefined || process?.selinuxLabel !== undefined;
}

/** Nothing where nothing is asked for (`oomScoreAdj` unset MUST NOT be touched). */
function planParameters(c: Context): void {
  const { plan, spec } = c;
  // In a user namespace the runtime has written it (user_namespace.ts).
  const oomScoreAdj = c.hasUserNamespace ? undefined : spec.process?.oomScoreAdj;
  const sysctl = Object.entries(spec.linux?.sysctl ?? {});
  const hasLabel = spec.process !== undefined && hasLabels(spec.process);
  if (sysctl.length === 0 && oomScoreAdj === undefined && !hasLabel) return;
  plan.at(sysctl.length > 0 ? "/linux/sysctl" : oomScoreAdj === undefined ? "/process" : "/process/oomScoreAdj");
  const proc = openProc(c);
  const write = (path: string, resolve: string, value: string): void => {
    const file = plan.open("openat2", [proc, path, { flags: "O_WRONLY|O_CLOEXEC", resolve }]);
    plan.call("write", [file, value]);
    plan.call("close", [file]);
  };
  for (const [key, value] of sysctl) {
    plan.at(`/linux/sysctl/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
    // Two files belong to the machine's root, whoever owns the uts namespace; the system calls do the same.
    const path = sysctlPath(key);
    if (isGuest(c) && path === "kernel/domainname") plan.call("setdomainname", [value]);
    else if (isGuest(c) && path === "kernel/hostname") plan.call("sethostname", [value]);
    else write(`sys/${path}`, strict, value);
  }
  if (oomScoreAdj !== undefined) {
    plan.at("/process/oomScoreAdj");
    write("self/oom_score_adj", throughSelf, String(oomScoreAdj));
  }
  if (hasLabel) planLabels(c, spec.process!, proc);
  plan.call("close", [proc]);
}
