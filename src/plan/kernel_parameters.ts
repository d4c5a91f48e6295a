/**
 * Calls that write below /proc: `linux.sysctl` and `process.oomScoreAdj`.
 *
 * Spec: config-linux.md#sysctl, config.md#linux-process
 * Kernel: through a procfs of our own that is mounted nowhere, so nobody can put another file in the way
 *   (CVE-2025-52881, CVE-2019-16884); its filesystem magic is checked all the same
 * Order: in the container's namespaces; before credentials are dropped
 * Errors: ENOENT no such parameter; EINVAL the kernel refuses the value; EACCES oom_score_adj below what is allowed
 * @module
 */
import { sysctlPath } from "../spec/sysctl.ts";
import type { Context } from "./context.ts";

const strict = "RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_XDEV";
/** "self" is a link, an ordinary one: of its own text, not of the kind that leads anywhere. */
const throughSelf = "RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_XDEV";

/** Stage: nothing where nothing is asked for (`oomScoreAdj` unset MUST NOT be touched). */
export function planKernelParameters(c: Context): void {
  const { plan, spec } = c;
  // In a user namespace the runtime has written it (user_namespace.ts).
  const oomScoreAdj = c.hasUserNamespace ? undefined : spec.process?.oomScoreAdj;
  const sysctl = Object.entries(spec.linux?.sysctl ?? {});
  if (sysctl.length === 0 && oomScoreAdj === undefined) return;
  plan.at(sysctl.length > 0 ? "/linux/sysctl" : "/process/oomScoreAdj");
  const context = plan.open("fsopen", ["proc", "FSOPEN_CLOEXEC"]);
  plan.call("fsconfig", [context, "FSCONFIG_CMD_CREATE", null, null, 0]);
  const proc = plan.open("fsmount", [
    context,
    "FSMOUNT_CLOEXEC",
    "MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC",
  ]);
  plan.call("close", [context]);
  plan.call("verify_fs", [proc, "PROC_SUPER_MAGIC"]);
  const write = (path: string, resolve: string, value: string): void => {
    const file = plan.open("openat2", [proc, path, { flags: "O_WRONLY|O_CLOEXEC", resolve }]);
    plan.call("write", [file, value]);
    plan.call("close", [file]);
  };
  for (const [key, value] of sysctl) {
    plan.at(`/linux/sysctl/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
    write(`sys/${sysctlPath(key)}`, strict, value);
  }
  if (oomScoreAdj !== undefined) {
    plan.at("/process/oomScoreAdj");
    write("self/oom_score_adj", throughSelf, String(oomScoreAdj));
  }
  plan.call("close", [proc]);
}
