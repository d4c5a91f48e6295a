/**
 * The plan of `exec`: one more process in a container that runs.
 * In: the container's config, the process, Host, what is known of the container's first process. Out: Plan. Pure.
 *
 * Kernel: setns(2) with a pidfd since Linux 5.8; pid_namespaces(7), user_namespaces(7)
 * Order: the stage is born outside, into the container's cgroup, and executed there, so that its memory is its own and no
 *   user namespace's within (ptrace(2)). It enters everything by itself, does all that takes rights, lets go of what is the
 *   host's, and forks into the pid namespace last of all (visible.ts; CVE-2016-9962, CVE-2024-21626). Nothing is looked up
 *   in the container's /proc (CVE-2025-52881). The cgroup namespace comes after the cgroup: within it the way there would
 *   start (ENOENT with nsdelegate, cgroups(7))
 * Errors: ESRCH the container has ended meanwhile; EPERM its namespaces belong to another user
 * @module
 */
import { type Compile, compileSeccomp } from "../seccomp/mod.ts";
import type { NamespaceType, Process, Spec } from "../spec/types.ts";
import { PlanBuilder } from "./builder.ts";
import { type Context, isMachinesRoot, type JoinedNamespace } from "./context.ts";
import { filterOf } from "./filter_moment.ts";
import type { Host, PlanOptions } from "./host.ts";
import { checkProcessIds, type IdMaps } from "./id_maps.ts";
import { withoutMissing } from "./lower.ts";
import { hasLabels, planOutsideLabels, refuseLabels } from "./labels.ts";
import { namespaceTypes, planClone } from "./namespaces.ts";
import { inRoot } from "./paths.ts";
import { how } from "./places.ts";
import { becomeProgram, planProcess } from "./process.ts";
import { joinResctrl, openTasks } from "./resctrl.ts";
import { planAffinity, planUsualAffinity } from "./scheduling.ts";
import { connectSupervisor } from "./seccomp.ts";
import { planKeyring } from "./stage.ts";
import { openTerminal, planSession } from "./terminal.ts";
import type { Plan, Register } from "./types.ts";
import { planOomScore, planOwnOomScore, planRootIds } from "./user_namespace.ts";
import { isVisible, openBirth } from "./visible.ts";

/** What is known of the container's first process: plain data, as golden tests have it. */
export interface ExecTarget {
  /** As the runtime sees it. */
  readonly pid: number;
  /** Types of its namespaces that are not the runtime's. */
  readonly namespaces: readonly NamespaceType[];
  /** Its root is not that of its mount namespace. */
  readonly isChrooted: boolean;
  /** Ids of its user namespace, where that is not the runtime's. */
  readonly maps?: IdMaps;
  /** It is in the runtime's own user namespace, and there are such. */
  readonly sharesUserNamespace?: boolean;
  /** Directories to enter: one of v2, or one of each v1 hierarchy; absolute host paths. */
  readonly cgroups: readonly string[];
  readonly cgroupLayout: "v2" | "v1" | "none";
  /** Classes of resctrl to enter, absolute host paths. */
  readonly resctrl?: readonly string[];
}

/** What the command line adds. */
export interface ExecPlanOptions extends Pick<PlanOptions, "id" | "noNewKeyring" | "preserveFds" | "console"> {
  /** Where the process comes from, for messages. */
  readonly document: string;
  /** The container's, for the supervisor of its filter. */
  readonly bundle?: string;
}

/** Plans the process. @param compile where seccomp filters come from  Errors: SpecError for what no host could do. */
export function planExec(
  spec: Spec,
  process: Process,
  host: Host,
  options: ExecPlanOptions,
  target: ExecTarget,
  compile: Compile = compileSeccomp,
): Plan {
  const plan = new PlanBuilder();
  const c = contextOf(plan, { ...spec, process }, host, options, target, compile);
  refuseLabels(c, process);
  checkProcessIds(c, c.maps);
  const init = plan.input("init");
  plan.inherit(init);
  c.pidNamespace = init;
  // Of another process that is not dumpable only the machine's root writes files below /proc.
  const isRoot = isMachinesRoot(host);
  if (!isRoot) planOwnOomScore(c);
  plan.on("runtime").at("");
  const cgroups = openCgroups(c, target);
  if (spec.linux?.seccomp !== undefined) connectSupervisor(c);
  const classes = target.resctrl === undefined ? undefined : openTasks(c, target.resctrl);
  const root = target.isChrooted ? openRoot(c, target) : undefined;
  if (filterOf(c, process)?.entersPid === true && isVisible(c)) c.pidNamespace = openPidNamespace(c, target);
  const mayNest = target.sharesUserNamespace === true && !target.isChrooted;
  const user = mayNest ? openUserNamespaces(c, target) : undefined;
  if (isVisible(c)) openBirth(c);
  const affinity = process.execCPUAffinity;
  if (affinity?.initial !== undefined) {
    plan.on("thread");
    planAffinity(c, affinity.initial, "/process/execCPUAffinity/initial");
    plan.on("runtime");
  }
  const pid = planClone(c, cgroups.directory);
  if (isRoot) planOomScore(c, pid);
  plan.on("stage").at("");
  plan.call("prctl", ["PR_SET_DUMPABLE", 0, 0, 0, 0], { why: "out of reach for processes of the container" });
  plan.call("reset_signals", []);
  plan.at("/linux/cgroupsPath");
  for (const file of cgroups.tasks) plan.call("write", [file, "0"]);
  if (classes !== undefined) joinResctrl(c, classes);
  if (affinity === undefined) planUsualAffinity(c);
  if (hasLabels(process)) planOutsideLabels(c, process);
  join(c, init, root);
  if (user !== undefined) verifyUserNamespace(c, user);
  planRootIds(c);
  if (affinity?.final !== undefined) planAffinity(c, affinity.final, "/process/execCPUAffinity/final");
  planKeyring(c);
  c.root = plan.at("/process/cwd").open("openat", ["AT_FDCWD", "/", "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);
  const cwd = openWorkingDirectory(c, process);
  const terminal = process.terminal === true ? openTerminal(c, process) : undefined;
  planSession(c, terminal);
  // The caller's is unknown here; planProcess sets the one that was asked for.
  if (process.user.umask === undefined) plan.at("").call("umask", ["0022"]);
  const program = planProcess(c, process, cwd, terminal !== undefined);
  becomeProgram(c, process, program);
  return { ...withoutMissing(plan.build(), host), processDocument: options.document };
}

function contextOf(
  plan: PlanBuilder,
  spec: Spec,
  host: Host,
  options: ExecPlanOptions,
  target: ExecTarget,
  compile: Compile,
): Context {
  const joined = new Map<NamespaceType, JoinedNamespace>();
  for (const [type, , file] of namespaceTypes) {
    if (target.namespaces.includes(type)) joined.set(type, { path: `/proc/${target.pid}/ns/${file}`, pointer: "" });
  }
  return {
    plan,
    spec,
    host,
    options: {
      ...options,
      verb: "run",
      bundle: options.bundle ?? "",
      noPivot: false,
      listenFds: 0,
      cgroupManager: "cgroupfs",
    },
    compile,
    fresh: new Set(),
    joined,
    hasUserNamespace: joined.has("user"),
    maps: target.maps,
    cloner: "runtime",
    root: { register: 0 },
    places: { list: [], certainFrom: 0, isFilled: false },
    init: target.pid,
    stacked: 0,
  };
}

interface OpenedCgroups {
  readonly directory?: Register;
  /** v1: the file `tasks` of each hierarchy, for the stage. */
  readonly tasks: readonly Register[];
}

/** Runtime: opens what the process is to enter. */
function openCgroups(c: Context, { cgroups, cgroupLayout }: ExecTarget): OpenedCgroups {
  const { plan } = c;
  plan.at("/linux/cgroupsPath");
  const tasks: Register[] = [];
  for (const path of cgroups) {
    if (cgroupLayout === "v2") {
      return { directory: plan.open("openat", ["AT_FDCWD", path, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]), tasks };
    }
    const file = plan.open("openat", ["AT_FDCWD", `${path}/tasks`, "O_WRONLY|O_CLOEXEC", 0]);
    plan.inherit(file);
    tasks.push(file);
  }
  return { tasks };
}

/** Runtime: the root of a container without a mount namespace of its own. */
function openRoot(c: Context, { pid }: ExecTarget): Register {
  const root = c.plan
    .at("/root/path")
    .open("openat", ["AT_FDCWD", `/proc/${pid}/root`, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);
  c.plan.inherit(root);
  return root;
}

/**
 * Runtime: for a stage that enters it with the program's rights alone. A pidfd would take those over the first process, too
 * (PTRACE_MODE_READ), and a created container's is not dumpable.
 */
function openPidNamespace({ plan }: Context, { pid }: ExecTarget): Register {
  const namespace = plan
    .at("/linux/namespaces")
    .open("openat", ["AT_FDCWD", `/proc/${pid}/ns/pid`, "O_RDONLY|O_CLOEXEC", 0]);
  plan.inherit(namespace);
  return namespace;
}

/** A descriptor of the first process's namespaces, and of the runtime's own user namespace. */
interface UserNamespaces {
  readonly directory: Register;
  readonly own: Register;
}

/** Runtime: for a container that is in the runtime's own user namespace. */
function openUserNamespaces({ plan }: Context, { pid }: ExecTarget): UserNamespaces {
  plan.at("/linux/namespaces");
  const directory = plan.open("openat", ["AT_FDCWD", `/proc/${pid}/ns`, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);
  const own = plan.open("openat", ["AT_FDCWD", "/proc/self/ns/user", "O_PATH|O_CLOEXEC", 0]);
  plan.inherit(directory);
  plan.inherit(own);
  return { directory, own };
}

/**
 * Stage: whoever may make user namespaces may make one at any moment, with a mount namespace in which he mounts what he
 * likes, over /bin. Entered with the rights of the outer one, that would run as its root. So the owner of the mount namespace
 * is looked at once it was entered: who has left ours for another one's never comes back. Not the process's own user
 * namespace: unshare(2) sets that last, after it has waited for the former mounts to go.
 */
function verifyUserNamespace({ plan }: Context, { directory, own }: UserNamespaces): void {
  plan.at("/linux/namespaces");
  const mounts = plan.open("openat", [directory, "mnt", "O_RDONLY|O_CLOEXEC", 0]);
  const owner = plan.open("ioctl", [mounts, "NS_GET_USERNS", 0]);
  plan.call("verify_same", [owner, own], { why: "what was entered is of the same user namespace" });
}

/**
 * Stage: everything but a user namespace in one call, and the pid namespace for its child. setns with the pidfd also proves
 * that what was opened by the pid before belongs to the container: it fails once the process has ended, so the pid was not
 * another's until then.
 */
function join(c: Context, init: Register, root: Register | undefined): void {
  const { plan } = c;
  let others = "";
  const add = (flag: string): void => {
    others = others === "" ? flag : `${others}|${flag}`;
  };
  // With a supervisor it comes later (visible.ts).
  c.entersPidEarly = isVisible(c) && filterOf(c, c.spec.process!)?.entersPid !== true;
  for (const [type, flag] of namespaceTypes) {
    if (type === "user" || (type === "pid" && !c.entersPidEarly)) continue;
    if (c.joined.has(type)) add(flag);
  }
  const { hasUserNamespace } = c;
  plan.at("/linux/namespaces");
  // With rights over both, what belongs to another user namespace is in reach only before the container's is entered;
  // without, it is that namespace that gives the rights.
  const isLast = c.host.mayMount;
  if (hasUserNamespace && !isLast) others = others === "" ? "CLONE_NEWUSER" : `CLONE_NEWUSER|${others}`;
  if (others !== "") plan.call("setns", [init, others]);
  if (root !== undefined) {
    if (others === "")
      plan.call("pidfd_send_signal", [init, 0, 0], { why: "the pid was not another process's before" });
    plan.at("/root/path").call("fchdir", [root]);
    plan.call("chroot", ["."], { why: "the container has no mount namespace of its own" });
  }
  if (hasUserNamespace && c.host.mayMapIds && c.spec.annotations?.["run.oci.keep_original_groups"] !== "1") {
    plan.at("/process/user/additionalGids").call("setgroups", [[]], { why: "setgroups may be given up there" });
  }
  if (hasUserNamespace && isLast) plan.at("/linux/namespaces").call("setns", [init, "CLONE_NEWUSER"]);
}

/** Stage: never made here, unlike by `create`, and no way out of the root (CVE-2024-21626). */
function openWorkingDirectory(c: Context, process: Process): Register {
  const path = inRoot(process.cwd);
  return path === "" ? c.root : c.plan.at("/process/cwd").open("openat2", [c.root, path, how.directory]);
}
