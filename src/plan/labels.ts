/**
 * Calls about the labels of security modules: those the process takes with its program, and those of mounts.
 *
 * Spec: config.md#linux-process (apparmorProfile, selinuxLabel), config-linux.md#mount-label
 * Kernel: proc_pid_attr(5); attr/apparmor since Linux 5.8, before it all modules share attr/exec. What is written there
 *   counts from the next execve on
 * Order: by a procfs of our own or, where there is none to be had, one that is known to be the kernel's: neither a mount
 *   nor a link may lead elsewhere, and the file's filesystem is looked at (CVE-2019-16884, CVE-2025-52881). Before
 *   credentials, seccomp filters and no_new_privs take the right away
 * Errors: ENOENT no such profile is loaded; EINVAL no such label; EACCES the policy allows no such transition
 * @module
 */
import type { Process } from "../spec/types.ts";
import type { Context } from "./context.ts";
import type { Host } from "./host.ts";
import { mountsByDescriptor } from "./missing.ts";
import type { Register } from "./types.ts";

/** "self" is a link, an ordinary one. */
const throughSelf = { flags: "O_WRONLY|O_CLOEXEC", resolve: "RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_XDEV" };

const isSet = (text: string | undefined): text is string => text !== undefined && text !== "";

/** Whether the process asks for a label. An empty one is none, as with runc. */
export function hasLabels({ apparmorProfile, selinuxLabel }: Process): boolean {
  return isSet(apparmorProfile) || isSet(selinuxLabel);
}

/** MUST config.md#linux-process: what is not there cannot be applied, which is an error (Host.securityModules). */
export function refuseLabels(c: Context, process: Process | undefined): void {
  const { appArmor, selinux } = c.host.securityModules ?? { appArmor: false, selinux: false };
  const refuse = (text: string | undefined, isThere: boolean, pointer: string, module: string): void => {
    if (isSet(text) && !isThere) c.plan.refuse(pointer, `${module} is not enabled on this machine`);
  };
  refuse(process?.apparmorProfile, appArmor, "/process/apparmorProfile", "AppArmor");
  refuse(process?.selinuxLabel, selinux, "/process/selinuxLabel", "SELinux");
  refuse(c.spec.linux?.mountLabel, selinux, "/linux/mountLabel", "SELinux");
}

/** Stage: writes them. @param proc descriptor of a procfs */
export function planLabels(c: Context, { apparmorProfile, selinuxLabel }: Process, proc: Register): void {
  const { plan } = c;
  const write = (file: Register, text: string): void => {
    plan.call("verify_fs", [file, "PROC_SUPER_MAGIC"]);
    plan.call("write", [file, text]);
    plan.call("close", [file]);
  };
  if (isSet(apparmorProfile)) {
    plan.at("/process/apparmorProfile");
    const file = plan.register();
    const open = (path: string): void => plan.into(file, "openat2", [proc, path, throughSelf]);
    plan.alternative({
      attempt: () => open("self/attr/apparmor/exec"),
      branches: [
        { on: ["ENOENT"], why: "before Linux 5.8 the modules share one file", items: () => open("self/attr/exec") },
      ],
    });
    write(file, `exec ${apparmorProfile}`);
  }
  if (isSet(selinuxLabel)) {
    plan.at("/process/selinuxLabel");
    write(plan.open("openat2", [proc, "self/attr/exec", throughSelf]), selinuxLabel);
  }
}

/**
 * Stage, while it still is outside: there /proc is the machine's, and shows this process. What is written counts for its
 * child too, the one that executes the program. Of its credentials none may change between opening and writing (Linux 5.13).
 */
export function planOutsideLabels(c: Context, process: Process): void {
  const { plan } = c;
  plan.at("/process");
  const proc = plan.open("openat", ["AT_FDCWD", "/proc", "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);
  plan.call("verify_fs", [proc, "PROC_SUPER_MAGIC"]);
  planLabels(c, process, proc);
  plan.at("/process").call("close", [proc]);
}

/** crun's annotation: podman sets it. */
const contextType = "run.oci.mount_context_type";
const contextTypes = ["context", "fscontext", "defcontext", "rootcontext"];
/** These take no label: the policy knows their files (as with runc and crun). */
const unlabeled = ["proc", "sysfs", "cgroup", "cgroup2", "mqueue"];

/** Stage: `linux.mountLabel` of a filesystem about to be made. */
export function planMountLabel(c: Context, type: string, context: Register): void {
  const label = c.spec.linux?.mountLabel;
  if (!isSet(label) || unlabeled.includes(type)) return;
  const { plan } = c;
  const before = plan.pointer;
  const key = c.spec.annotations?.[contextType] ?? "context";
  if (!contextTypes.includes(key)) {
    plan.refuse(`/annotations/${contextType}`, `Expected one of ${contextTypes.join(", ")} but received "${key}"`);
    return;
  }
  // mount(2) takes all options in one text, in which commas of a value stand in quotes.
  const value = mountsByDescriptor(c.host) ? label : `"${label}"`;
  plan.at("/linux/mountLabel").call("fsconfig", [context, "FSCONFIG_SET_STRING", key, value, 0]);
  plan.at(before);
}

/** What was found. */
export type SecurityModules = NonNullable<Host["securityModules"]>;
