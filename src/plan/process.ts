/**
 * Calls that make the stage the process that config.json describes: limits, ids, capabilities, working directory,
 * and at last the program.
 *
 * Spec: config.md#process, config.md#posix-process, config.md#linux-process
 * Order: the root is entered; bounding set, then ids, then the other capability sets, then no_new_privs;
 *   the program is looked for with the user's rights, while `create` still can fail
 * @module
 */
import type { Process } from "../spec/types.ts";
import { grantableSets, planBoundingSet, planCapabilitySets } from "./capabilities.ts";
import type { Context } from "./context.ts";
import { maySetGroups } from "./id_maps.ts";
import { executableCandidates, planEnvironment } from "./environment.ts";
import { keepHookOutput, planStartHooks } from "./hooks.ts";
import { openDirectory } from "./in_root.ts";
import { inRoot } from "./paths.ts";
import { planPrivileged, planVisibleLimits } from "./privileged.ts";
import { planMemoryPolicy } from "./scheduling.ts";
import { entersWithFilter, passListener, planSeccomp } from "./seccomp.ts";
import { planVisibleSession } from "./terminal.ts";
import type { Register } from "./types.ts";
import { becomeVisible, leaveHost } from "./visible.ts";

/**
 * Stage, while the root is still writable: the working directory, made if it is missing (as runc and crun).
 * Opened in the root without magic links, so that a path such as /proc/self/fd/7 leads nowhere (CVE-2024-21626).
 */
export function planWorkingDirectory(c: Context): Register | undefined {
  const { process } = c.spec;
  if (process === undefined) return undefined;
  c.plan.at("/process/cwd");
  return openDirectory(c, inRoot(process.cwd));
}

/**
 * Stage: everything about the process but what follows `start`. Returns the register of the program's path. Where others
 * can see the process, all that takes rights is done by a stage that they cannot see (visible.ts).
 */
export function planProcess(c: Context, process: Process, cwd: Register, hasTerminal: boolean): Register {
  const { plan } = c;
  if (process.user.umask !== undefined) plan.at("/process/user/umask").call("umask", [octal(process.user.umask)]);
  if (c.spec.linux?.personality !== undefined) {
    plan
      .at("/linux/personality/domain")
      .call("personality", [c.spec.linux.personality.domain === "LINUX32" ? "PER_LINUX32" : "PER_LINUX"]);
  }
  planPrivileged(c, process);
  if (c.spec.linux?.memoryPolicy !== undefined) planMemoryPolicy(c);
  const hasFilter = c.spec.linux?.seccomp !== undefined;
  if (c.birth !== undefined) leaveHost(c, [cwd], hasFilter && entersWithFilter(c, process));
  if (hasFilter) planSeccomp(c, process, "before capabilities");
  const sets = grantableSets(c);
  planBoundingSet(c, sets);
  planUser(c, process, cwd);
  plan.at("/process/cwd").call("verify_cwd", []);
  planCapabilitySets(c, sets);
  if (process.noNewPrivileges === true) {
    plan.at("/process/noNewPrivileges").call("prctl", ["PR_SET_NO_NEW_PRIVS", 1, 0, 0, 0]);
  }
  const program = plan.at("/process/args/0").open("find_executable", [executableCandidates(process)]);
  if (c.birth !== undefined) goOnVisibly(c, process, hasTerminal);
  if (hasFilter) planSeccomp(c, process, "with capabilities");
  return program;
}

/** Stage: what only the process itself can do. */
function goOnVisibly(c: Context, process: Process, hasTerminal: boolean): void {
  becomeVisible(c);
  if (c.spec.linux?.seccomp !== undefined && entersWithFilter(c, process)) passListener(c);
  planVisibleSession(c, hasTerminal);
  planVisibleLimits(c, process);
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}

/** crun's annotation, which podman sets for --group-add keep-groups. */
const keepGroups = "run.oci.keep_original_groups";

/**
 * The directory is entered with the rights of root; where these do not suffice (a network filesystem that squashes
 * root), with those of the user.
 */
function planUser(c: Context, process: Process, cwd: Register): void {
  const { plan } = c;
  plan.at("/process/cwd");
  plan.alternative({
    attempt: () => plan.call("fchdir", [cwd]),
    then: () => planIds(c, process),
    branches: [
      {
        on: ["EACCES", "EPERM"],
        why: "tried again as the user",
        items: () => {
          planIds(c, process);
          plan.at("/process/cwd").call("fchdir", [cwd]);
        },
      },
    ],
  });
}

function planIds(c: Context, process: Process): void {
  const { plan } = c;
  const { uid, gid, additionalGids } = process.user;
  plan.at("/process/user");
  // Else leaving uid 0 empties the permitted set, capabilities(7).
  if (uid !== 0) plan.call("prctl", ["PR_SET_KEEPCAPS", 1, 0, 0, 0]);
  if (maySetGroups(c.maps) && c.spec.annotations?.[keepGroups] !== "1") {
    const groups = additionalGids ?? [];
    // Who joins a user namespace cannot know whether it gave setgroups up; then nobody has other groups there.
    const isUnknown = c.joined.has("user") && c.maps === undefined;
    const allow = groups.length === 0 && isUnknown ? { allow: ["EPERM"] } : {};
    plan.at("/process/user/additionalGids").call("setgroups", [groups], allow);
  }
  plan.at("/process/user/gid").call("setresgid", [gid, gid, gid]);
  plan.at("/process/user/uid").call("setresuid", [uid, uid, uid]);
}

/** Stage: tells the runtime that the container is created, waits for `start`, becomes the program. */
export function planStart(c: Context, process: Process | undefined, program: Register | undefined): void {
  const { plan, options } = c;
  const environment = process === undefined ? [] : planEnvironment(c, process);
  plan.at("");
  if (options.verb === "create") {
    const listen = plan.input("listen");
    // What fails once it is ready would be told to nobody.
    if (c.birth === undefined) {
      if (c.hookOutput !== undefined) keepHookOutput(c);
      plan.at("").call("close_others", [3 + options.preserveFds, listen, plan.input("created"), -1, -1], {
        why: "a container may wait for long",
      });
    }
    plan.call("post", ["READY"]);
    plan.call("wait_start", [listen]);
  } else {
    plan.call("post", ["READY"]);
    plan.call("wait", ["START"]);
  }
  if (process === undefined || program === undefined) return;
  planStartHooks(c, environment);
  becomeProgram(c, process, program, environment);
}

/** Stage: the very end. */
export function becomeProgram(
  c: Context,
  process: Process,
  program: Register,
  environment: readonly (string | Register)[],
): void {
  const { plan, options } = c;
  plan.at("");
  for (let fd = 3; fd < 3 + options.preserveFds; fd++) {
    plan.call("fcntl", [fd, "F_SETFD", 0], { why: "--preserve-fds" });
  }
  plan.call("close_range", [3 + options.preserveFds, 0xffff_ffff, "CLOSE_RANGE_CLOEXEC"], {
    why: "nothing of the host's reaches the program",
  });
  plan.call("post", ["EXEC"]);
  if (c.spec.linux?.seccomp !== undefined) planSeccomp(c, process, "last");
  plan.at("/process/args").call("execve", [program, process.args, environment]);
}
