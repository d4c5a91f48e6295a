/**
 * The likely cause of a failed call, where errno alone would leave a user guessing, and the wording callers match.
 * Input: the call, the failure, the Spec. Output: message (empty: the usual form), because, attempt.
 * Podman tells 126 ("permission denied") from 127 ("executable file not found") by these words, so no other text may
 * contain them by accident.
 * @module
 */
import type { Call } from "../plan/types.ts";
import type { Spec } from "../spec/types.ts";
import { hookFailureText } from "../stage/hooks.ts";
import { AT_FDCWD, errnoName, errnoText, readText } from "../stage/sys.ts";
import { mountCause } from "./cause_mount.ts";
import type { Failure } from "./failure.ts";

export interface Cause {
  readonly message: string;
  readonly because: string;
  readonly attempt: string;
}

const nothing: Cause = { message: "", because: "", attempt: "" };

/** Explains a failure. */
export function causeOf(call: Call, failure: Failure, spec: Spec): Cause {
  const cause = generalCause(call, failure, spec);
  const mounting = mountCause(call, errnoName(failure.errno), spec, mountTable);
  return mounting === undefined ? cause : { ...cause, ...mounting };
}

/** Of the runtime; empty where it cannot be read, as the failure itself is what counts. */
function mountTable(): string {
  try {
    return readText(AT_FDCWD, "/proc/self/mountinfo");
  } catch {
    return "";
  }
}

function generalCause(call: Call, failure: Failure, spec: Spec): Cause {
  const errno = errnoName(failure.errno);
  if (call.from === "/process/cwd" && call.call !== "verify_cwd") return workingDirectory(failure, spec);
  switch (call.call) {
    case "hook":
      return { ...nothing, message: hookMessage(call, failure) };
    case "find_executable":
    case "execve":
      return executable(call, failure, spec);
    case "verify_cwd":
      return {
        message: `Working directory "${spec.process?.cwd ?? ""}" is outside the container's root`,
        because: "getcwd does not reach the root from there",
        attempt: "",
      };
    case "verify_node":
      return errno === "EEXIST"
        ? { ...nothing, because: "something that is not this device exists there already" }
        : nothing;
    case "create_in_root":
      return errno === "EROFS"
        ? { ...nothing, because: "the mount point does not exist and the root filesystem is read-only" }
        : nothing;
    case "fsopen":
      return errno === "ENODEV"
        ? {
            ...nothing,
            because: `this kernel has no filesystem "${String(call.args[0])}", or its module is not loaded`,
          }
        : nothing;
    case "openat2":
      if (errno === "ENOENT" && call.from.startsWith("/linux/sysctl/")) {
        return { ...nothing, because: "this kernel has no such parameter, or none in a namespace" };
      }
      return errno === "ELOOP" || errno === "EXDEV"
        ? { ...nothing, because: "a symbolic link stands in the path where none is allowed" }
        : nothing;
    case "prlimit64":
      return errno === "EPERM"
        ? { ...nothing, because: "raising a hard limit takes CAP_SYS_RESOURCE, which the runtime does not have" }
        : nothing;
    case "openat":
      return call.from === "/root/path"
        ? {
            ...nothing,
            message: `Cannot open the root filesystem "${spec.root?.path ?? ""}": ${errno} (${errnoText(failure.errno)})`,
          }
        : nothing;
    case "open_tree":
      return /^\/mounts\/\d+\/source/.test(call.from)
        ? { ...nothing, message: `${bindSubject(call, spec)}: ${errno} (${errnoText(failure.errno)})` }
        : nothing;
    default:
      return nothing;
  }
}

function workingDirectory(failure: Failure, spec: Spec): Cause {
  const errno = errnoName(failure.errno);
  const message = `Cannot enter the working directory "${spec.process?.cwd ?? ""}": ${errno} (${errnoText(failure.errno)})`;
  return errno === "ELOOP" || errno === "EXDEV"
    ? { ...nothing, message, because: "the path leads through a link of /proc or out of the container's root" }
    : { ...nothing, message };
}

function bindSubject(call: Call, spec: Spec): string {
  const index = Number(call.from.split("/")[2]);
  const mount = spec.mounts?.[index];
  return `mounts[${index}] "${mount?.destination ?? ""}": Cannot open bind source "${mount?.source ?? ""}"`;
}

function hookMessage(call: Call, failure: Failure): string {
  const [, , name = "hook", index = "0"] = call.from.split("/");
  return `${name} hook #${index}: ${hookFailureText(String(call.args[0]), failure.errno, failure.result)}`;
}

function executable(call: Call, failure: Failure, spec: Spec): Cause {
  const name = spec.process?.args?.[0] ?? "";
  const errno = errnoName(failure.errno);
  if (call.call === "find_executable" && errno === "ENOENT") {
    return name.includes("/")
      ? { ...nothing, message: `exec: "${name}": stat ${name}: no such file or directory` }
      : { ...nothing, message: `exec: "${name}": executable file not found in $PATH` };
  }
  const message = `exec: "${name}": ${errnoText(failure.errno)}`;
  // The file is there (it was found), so what is missing is what the kernel would run it by.
  if (errno === "ENOENT") {
    return {
      ...nothing,
      message,
      because: "the interpreter of its #! line, or its ELF loader, does not exist in the container",
    };
  }
  if (errno === "ENOEXEC") {
    return {
      ...nothing,
      message,
      because: "it is neither a program for this architecture nor a script with a #! line",
    };
  }
  return { ...nothing, message };
}
