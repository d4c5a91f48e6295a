/**
 * Causes about the seccomp filter: why it is not loaded, and what fails once it is.
 * In: Failed. Out: Cause.
 * Kernel: seccomp(2)
 * @module
 */
import type { Call } from "../plan/types.ts";
import { callsBefore } from "../program/addresses.ts";
import { because, type Cause, errnoOf, type Failed, nothing } from "./cause_form.ts";

/** Loading the filter. */
export function loadFilterCause(failed: Failed): Cause {
  switch (errnoOf(failed)) {
    case "EACCES":
      return because(
        "without no_new_privs a filter takes CAP_SYS_ADMIN, which the runtime does not have",
        'set "noNewPrivileges" in /process',
      );
    case "EINVAL":
      return because("this kernel is built without filters, or does not know one of the flags in /linux/seccomp/flags");
    case "EBUSY":
      return because("a filter that is in force already has a supervisor, and there can be one only");
    default:
      return nothing;
  }
}

/** Reaching the supervisor. */
export function supervisorCause(failed: Failed): Cause {
  switch (errnoOf(failed)) {
    case "ENOENT":
      return because("there is no such socket: the supervisor (seccomp agent) does not run, or listens elsewhere");
    case "ECONNREFUSED":
      return because("nobody listens at this socket: the supervisor (seccomp agent) has ended");
    default:
      return nothing;
  }
}

/** Any other call: undefined unless it comes after the filter and failed as filters let calls fail. */
export function filteredCause(failed: Failed): Cause | undefined {
  const { call, failure, plan, spec } = failed;
  if (spec.linux?.seccomp === undefined || !["EPERM", "ENOSYS"].includes(errnoOf(failed))) return undefined;
  const isLoader = ({ call: name }: Call): boolean =>
    name === "seccomp" || name === "load_supervised" || name === "load_listened";
  if (!callsBefore(plan, failure.address).some(isLoader)) return undefined;
  return because(`the filter of /linux/seccomp is in force by then and may not allow ${call.call}`);
}
