/**
 * Causes about labels of security modules that a process could not take.
 * In: Failed. Out: Cause. Podman knows the subject by the file's path in back quotes; and it would take the kernel's
 * words for ENOENT, which no profile of that name gives, for a program that is missing.
 * @module
 */
import { type Cause, errnoOf, type Failed } from "./cause_form.ts";

/** openat2, verify_fs or write of /proc/self/attr. */
export function labelCause(failed: Failed): Cause {
  const { call, spec } = failed;
  const isAppArmor = call.from === "/process/apparmorProfile";
  const what = isAppArmor
    ? `AppArmor profile "${spec.process?.apparmorProfile ?? ""}"`
    : `SELinux label "${spec.process?.selinuxLabel ?? ""}"`;
  const file = isAppArmor ? "`/proc/self/attr/apparmor/exec`" : "`/proc/self/attr/exec`";
  const errno = errnoOf(failed);
  const message = `Cannot apply ${what}: ${call.call} of ${file}: ${errno}`;
  if (call.call !== "write") {
    const isOther = errno === "EXDEV" || errno === "ELOOP" || errno === "ENOTSUP";
    return { message, because: isOther ? "something was put in the way of the kernel's own file" : "", attempt: "" };
  }
  if (isAppArmor && errno === "ENOENT") {
    return { message, because: "no profile of that name is loaded", attempt: "apparmor_parser -r FILE" };
  }
  if (errno === "EINVAL") return { message, because: "the loaded policy does not know it", attempt: "" };
  if (errno === "EACCES" || errno === "EPERM") {
    return { message, because: "the policy does not let the runtime change to it", attempt: "" };
  }
  return { message, because: "", attempt: "" };
}
