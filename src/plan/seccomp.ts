/**
 * Stage: the seccomp filter of the container's processes.
 *
 * Spec: config-linux.md#seccomp
 * Kernel: seccomp(2): EACCES without CAP_SYS_ADMIN unless no_new_privs is set
 * Order: with no_new_privs the very last thing before execve, so that a profile need allow nothing the runtime does;
 *   without, before capabilities are given up: the rest of the stage runs under the filter then (as with runc and crun)
 * @module
 */
import { compileSeccomp } from "../seccomp/mod.ts";
import type { Seccomp } from "../spec/types.ts";
import type { Context } from "./context.ts";

/** Loads the filter, where config.json has one. Errors: SpecError for one that is too long. */
export function planSeccomp(c: Context): void {
  const seccomp = c.spec.linux?.seccomp;
  if (seccomp === undefined) return;
  const { plan } = c;
  plan.at("/linux/seccomp");
  const { words, unknown, left, usesNotify } = compileSeccomp(seccomp, c.host.arch);
  if (unknown.length > 0) plan.warn(`/linux/seccomp: no architecture has system calls named ${unknown.join(", ")}`);
  if (left.length > 0) plan.warn(`/linux/seccomp/architectures: nothing is known of ${left.join(", ")}`);
  if (usesNotify) plan.refuse("/linux/seccomp/listenerPath", "SCMP_ACT_NOTIFY is not supported yet");
  plan.call("seccomp", ["SECCOMP_SET_MODE_FILTER", flagsOf(seccomp), { len: words.length / 2, filter: words }]);
}

/**
 * SPEC_ALLOW unless the profile says something, if only an empty list (as runc and crun). WAIT_KILLABLE_RECV is about
 * supervisors: without one the kernel refuses it.
 */
function flagsOf({ flags }: Seccomp): string {
  if (flags === undefined) return "SECCOMP_FILTER_FLAG_SPEC_ALLOW";
  let expression = "";
  for (let i = 0; i < flags.length; i++) {
    if (flags[i] !== "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")
      expression += `${expression === "" ? "" : "|"}${flags[i]}`;
  }
  return expression;
}
