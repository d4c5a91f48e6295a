/**
 * The likely cause of a failed call, where errno alone would leave a user guessing, and the wording callers match.
 * Input: the call, the failure, the Spec, the plan. Output: message (empty: the usual form), because, attempt.
 * Podman tells 126 ("permission denied") from 127 ("executable file not found") by these words, so no other text may
 * contain them by accident.
 * @module
 */
import { claimCause, limitCause } from "./cause_cgroup.ts";
import { hookFailureText } from "../stage/hooks.ts";
import { tryReadText } from "../stage/sys.ts";
import { because, type Cause, errnoOf, errnoWords, type Failed, nothing } from "./cause_form.ts";
import { asNewer, missingCause } from "./cause_missing.ts";
import { mountCause } from "./cause_mount.ts";
import { becameOwnCause, cloneCause, joinCause, namespaceFileCause } from "./cause_namespace.ts";
import { helperCause, makeNamespaceCause, mapCause } from "./cause_ids.ts";
import {
  attachCause,
  destinationCause,
  idmapCause,
  machinesDevCause,
  makingCause,
  notDirectoryCause,
  openTreeCause,
} from "./cause_source.ts";
import { netDeviceCause } from "./cause_net.ts";
import { executableCause, identityCause, workingDirectoryCause } from "./cause_process.ts";
import { filteredCause, loadFilterCause, supervisorCause } from "./cause_seccomp.ts";
import { labelCause } from "./cause_label.ts";

/** Explains a failure. */
export function causeOf(given: Failed): Cause {
  const missing = missingCause(given);
  if (missing !== undefined) return missing;
  const failed = asNewer(given);
  const cause = causeOfCall(failed);
  if (cause.because !== "") return cause;
  const filtered = filteredCause(failed);
  if (filtered !== undefined) return { ...filtered, message: cause.message };
  const mounting = mountCause(
    failed.call,
    errnoOf(failed),
    failed.spec,
    () => tryReadText("/proc/self/mountinfo") ?? "",
  );
  return mounting === undefined ? cause : { ...cause, ...mounting };
}

function causeOfCall(failed: Failed): Cause {
  const { call, spec } = failed;
  const errno = errnoOf(failed);
  if (call.from === "/process/cwd" && call.call !== "verify_cwd") return workingDirectoryCause(failed);
  if (call.from.startsWith("/linux/resources")) return limitCause(failed);
  if (call.from === "/process/apparmorProfile" || call.from === "/process/selinuxLabel") return labelCause(failed);
  switch (call.call) {
    case "hook":
      return { ...nothing, message: hookMessage(failed) };
    case "find_executable":
    case "execve":
      return executableCause(failed);
    case "verify_cwd":
      return {
        message: `Working directory "${spec.process?.cwd ?? ""}" is outside the container's root`,
        because: "getcwd does not reach the root from there",
        attempt: "",
      };
    case "verify_unprotected":
      return machinesDevCause(failed);
    case "verify_node":
      // Without a name it is one of the host's.
      if (errno === "ENOENT" && call.args[1] !== "") return machinesDevCause(failed);
      return errno === "EEXIST" && call.args[1] !== ""
        ? because("something that is not this device exists there already")
        : nothing;
    case "verify_mount":
    case "verify_outside":
      return destinationCause(failed);
    case "create_in_root":
    case "mkdirat":
    case "mknodat":
    case "symlinkat":
      return makingCause(failed);
    case "fsopen":
      return errno === "ENODEV"
        ? because(`this kernel has no filesystem "${String(call.args[0])}", or its module is not loaded`)
        : nothing;
    case "openat2":
      if (errno === "ENOENT" && call.from.startsWith("/linux/sysctl/")) {
        return { ...nothing, because: "this kernel has no such parameter, or none in a namespace" };
      }
      if (errno === "ENOTDIR") return notDirectoryCause(failed);
      return errno === "ELOOP" || errno === "EXDEV"
        ? { ...nothing, because: "a symbolic link stands in the path where none is allowed" }
        : nothing;
    case "prlimit64":
      return errno === "EPERM"
        ? { ...nothing, because: "raising a hard limit takes CAP_SYS_RESOURCE, which the runtime does not have" }
        : nothing;
    case "openat":
      if (call.from === "/root/path") {
        return {
          ...nothing,
          message: `Cannot open the root filesystem "${spec.root?.path ?? ""}": ${errnoWords(failed)}`,
        };
      }
      return call.from.startsWith("/linux/namespaces/") ? namespaceFileCause(failed) : nothing;
    case "open_tree":
      return openTreeCause(failed);
    case "move_mount":
    case "mount_fd":
      return errno === "EINVAL" || errno === "ENOTDIR" ? attachCause(failed) : nothing;
    case "copy_tree":
      return errno === "ENOTDIR" ? attachCause(failed) : nothing;
    case "mount_setattr":
      return idmapCause(failed);
    case "make_user_namespace":
      return makeNamespaceCause(failed);
    case "claim_cgroup":
      return claimCause(failed);
    case "write":
      return mapCause(failed);
    case "helper":
      return helperCause(failed);
    case "clone3":
    case "unshare":
      return cloneCause(failed);
    case "move_net_device":
      return netDeviceCause(failed);
    case "seccomp":
    case "load_supervised":
      return loadFilterCause(failed);
    case "connect":
      return supervisorCause(failed);
    case "verify_other":
      return becameOwnCause(failed);
    case "setns":
    case "verify_namespace":
      return joinCause(failed);
    case "setresuid":
    case "setresgid":
    case "setgroups":
      return identityCause(failed);
    default:
      return nothing;
  }
}

function hookMessage({ call, failure }: Failed): string {
  const [, , name = "hook", index = "0"] = call.from.split("/");
  return `${name} hook #${index}: ${hookFailureText(String(call.args[0]), failure.errno, failure.result)}`;
}
