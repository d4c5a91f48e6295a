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
import { filterOf } from "./filter_moment.ts";
import { planSeccomp, setsForFilter } from "./seccomp.ts";
import { passListener } from "./supervisor.ts";
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

/** What is known of the program before it is executed. */
export interface Program {
  readonly path: Register;
  readonly environment: readonly (string | Register)[];
}

/**
 * Stage: everything about the process but what follows `start`. Where others can see the process, all that takes rights is
 * done by a stage that they cannot see (visible.ts).
 */
export function planProcess(c: Context, process: Process, cwd: Register, hasTerminal: boolean): Program {
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
  if (c.birth !== undefined) leaveHost(c, [cwd], hasFilter && filterOf(c, process)!.entersPid);
  const sets = grantableSets(c);
  planBoundingSet(c, sets);
  planUser(c, process, cwd);
  plan.at("/process/cwd").call("verify_cwd", []);
  const held = hasFilter ? setsForFilter(c, process, sets) : sets;
  planCapabilitySets(c, held, held === sets ? undefined : "CAP_SYS_ADMIN until the filter is loaded");
  if (process.noNewPrivileges === true) {
    plan.at("/process/noNewPrivileges").call("prctl", ["PR_SET_NO_NEW_PRIVS", 1, 0, 0, 0]);
  }
  const path = plan.at("/process/args/0").open("find_executable", [executableCandidates(process)]);
  const environment = planEnvironment(c, process);
  if (c.birth !== undefined) goOnVisibly(c, process, hasTerminal);
  return { path, environment };
}

/** Stage: what only the process itself can do. */
function goOnVisibly(c: Context, process: Process, hasTerminal: boolean): void {
  const hasFilter = c.spec.linux?.seccomp !== undefined;
  c.plan.at("").call("prctl", ["PR_SET_DUMPABLE", 0, 0, 0, 0], { why: "changed ids may have undone it" });
  if (hasFilter) loadEarly(c, process);
  becomeVisible(c);
  if (hasFilter) passListener(c);
  planVisibleSession(c, hasTerminal);
  planVisibleLimits(c, process);
  if (hasFilter) planSeccomp(c, process, "seen");
}

/** Stage: the filter, and before it what it need not allow then. */
function loadEarly(c: Context, process: Process): void {
  if (filterOf(c, process)!.moment !== "early") return;
  sealDescriptors(c);
  planSeccomp(c, process, "early");
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
export function planStart(c: Context, process: Process | undefined, program: Program | undefined): void {
  const { plan, options } = c;
  const isCreated = options.verb === "create";
  const hasFilter = process !== undefined && c.spec.linux?.seccomp !== undefined;
  plan.at("");
  // What fails once it is ready would be told to nobody.
  if (isCreated && c.birth === undefined) {
    if (c.hookOutput !== undefined) keepHookOutput(c);
    const kept = [plan.input("listen"), plan.input("created"), c.supervisor ?? -1, -1];
    plan.at("").call("close_others", [3 + options.preserveFds, ...kept], { why: "a container may wait for long" });
  }
  if (hasFilter && c.birth === undefined) loadEarly(c, process);
  plan.at("").call("post", ["READY"]);
  if (isCreated) plan.call("wait_start", [plan.input("listen")]);
  else plan.call("wait", ["START"]);
  if (process === undefined || program === undefined) return;
  if (hasFilter && filterOf(c, process)!.moment === "hooks") {
    sealDescriptors(c);
    planSeccomp(c, process, "hooks");
  }
  planStartHooks(c, program.environment);
  becomeProgram(c, process, program);
}

/** Stage: the very end. */
export function becomeProgram(c: Context, process: Process, { path, environment }: Program): void {
  const { plan } = c;
  const hasFilter = c.spec.linux?.seccomp !== undefined;
  const moment = hasFilter ? filterOf(c, process)!.moment : "last";
  if (moment === "last" || moment === "seen") sealDescriptors(c);
  plan.at("").call("post", ["EXEC"]);
  if (hasFilter) planSeccomp(c, process, "last");
  plan.at("/process/args").call("execve", [path, process.args, environment]);
}

/** Stage: what is opened from here on closes by itself (accept4, pipe2). */
function sealDescriptors(c: Context): void {
  const { plan, options } = c;
  plan.at("");
  for (let fd = 3; fd < 3 + options.preserveFds; fd++) {
    plan.call("fcntl", [fd, "F_SETFD", 0], { why: "--preserve-fds" });
  }
  plan.call("close_range", [3 + options.preserveFds, 0xffff_ffff, "CLOSE_RANGE_CLOEXEC"], {
    why: "nothing of the host's reaches the program",
  });
}
