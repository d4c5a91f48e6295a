/**
 * The namespaces of the container: those it joins, those made anew, and the call that makes the stage in them.
 *
 * Spec: config-linux.md#namespaces
 * Kernel: clone3(2) since Linux 5.3, CLONE_INTO_CGROUP since Linux 5.7; setns(2), unshare(2); user_namespaces(7)
 * Order: paths are opened by the runtime first of all; its thread joins and makes namespaces, which the stage is born
 *   into; a joined mount or time namespace is entered by the stage itself (the kernel wants a single-threaded process),
 *   a joined pid namespace last of all, by a fork of the stage (visible.ts).
 *   The cgroup namespace is made later by the stage: its root is the cgroup of the process that makes it
 *   (cgroup_namespaces(7)), which must be the container's by then
 * Errors: EPERM without CAP_SYS_ADMIN; EINVAL a path of another type; EBUSY the cgroup has children with controllers;
 *   ENOSPC too many namespaces
 * @module
 */
import { findNamespace } from "../spec/namespaces.ts";
import type { NamespaceType } from "../spec/types.ts";
import { type Context, isMachinesRoot } from "./context.ts";
import { proveForeign } from "./host_namespaces.ts";
import { planLoopback } from "./stage.ts";
import type { Register } from "./types.ts";
import { planMapping, planOwnOomScore } from "./user_namespace.ts";
import { isVisible } from "./visible.ts";

/**
 * Every type with its flag and its file below /proc/PID/ns, in the order they are made or joined. The file's name is in
 * that of the limit, too: /proc/sys/user/max_FILE_namespaces.
 */
export const namespaceTypes: readonly (readonly [type: NamespaceType, flag: string, file: string])[] = [
  ["user", "CLONE_NEWUSER", "user"],
  ["mount", "CLONE_NEWNS", "mnt"],
  ["pid", "CLONE_NEWPID", "pid"],
  ["ipc", "CLONE_NEWIPC", "ipc"],
  ["uts", "CLONE_NEWUTS", "uts"],
  ["network", "CLONE_NEWNET", "net"],
  ["cgroup", "CLONE_NEWCGROUP", "cgroup"],
  ["time", "CLONE_NEWTIME", "time"],
];

/** Made by the thread while the rest is planned: they are a task's own, and the kernel is slow at them. */
const earlyTypes: readonly NamespaceType[] = ["ipc", "uts", "network"];

/**
 * Flags of unshare(2) for the namespaces that need nothing of the plan; "" where there are none. Namespaces of a new
 * or joined user namespace must be made within it.
 */
export function earlyNamespaces(fresh: ReadonlySet<NamespaceType>, hasUserNamespace: boolean): string {
  let flags = "";
  if (hasUserNamespace) return flags;
  for (const [type, flag] of namespaceTypes) {
    if (earlyTypes.includes(type) && fresh.has(type)) flags = flags === "" ? flag : `${flags}|${flag}`;
  }
  return flags;
}

/** Thread: the plan's first lines, made before anything else is planned. */
export function planEarlyNamespaces(c: Pick<Context, "plan" | "fresh" | "hasUserNamespace">): void {
  const flags = earlyNamespaces(c.fresh, c.hasUserNamespace);
  if (flags === "") return;
  c.plan.on("thread").at("/linux/namespaces").call("unshare", [flags], { why: "made while the rest is planned" });
  if (c.fresh.has("network")) planLoopback(c);
  c.plan.on("runtime");
}

/** Files of the namespaces that are joined, by type. */
export type NamespaceFiles = ReadonlyMap<NamespaceType, Register>;

/**
 * Whether the stage enters and makes namespaces by itself instead of being born into them: whoever enters a user namespace
 * can be traced by its root as soon as others see him, unless his memory belongs to another one, that in which he was
 * executed (ptrace(2)).
 */
const entersByItself = (c: Context): boolean => isVisible(c) && c.hasUserNamespace;

/** Those that take a process of one thread, and the pid namespace, whose members see whoever is born into it. */
const stagesOwn: readonly NamespaceType[] = ["mount", "time", "pid"];

/** Runtime and thread: opens what is joined, and joins what the stage can be born into. */
export function planJoins(c: Context): NamespaceFiles {
  const { plan } = c;
  const files = new Map<NamespaceType, Register>();
  const byItself = entersByItself(c);
  for (const [type, { path, pointer }] of c.joined) {
    const file = plan.at(pointer).open("openat", ["AT_FDCWD", path, "O_RDONLY|O_CLOEXEC|O_NOCTTY|O_NONBLOCK", 0]);
    proveForeign(c, type, file);
    files.set(type, file);
    if (byItself || stagesOwn.includes(type)) plan.inherit(file);
    if (type !== "pid") continue;
    c.pidNamespace = file;
    plan.call("verify_namespace", [file, "CLONE_NEWPID"], { why: "entered last of all" });
  }
  if (byItself) return files;
  plan.on("thread");
  joinAll(c, files);
  plan.on("runtime");
  return files;
}

/** Thread or stage. */
function joinAll(c: Context, files: NamespaceFiles): void {
  const { plan } = c;
  const join = (type: NamespaceType, flag: string): void => {
    const file = files.get(type);
    if (file !== undefined) plan.at(c.joined.get(type)!.pointer).call("setns", [file, flag]);
  };
  // With rights over both, what does not belong to the user namespace is still in reach before it is entered; without,
  // it is the user namespace that gives the rights.
  const hasRights = c.host.mayMount;
  if (!hasRights) join("user", "CLONE_NEWUSER");
  for (const [type, flag] of namespaceTypes) {
    if (type !== "user" && !stagesOwn.includes(type)) join(type, flag);
  }
  if (hasRights) join("user", "CLONE_NEWUSER");
}

/** Stage: first of all. The root of a joined mount namespace is the working directory then, too (setns(2)). */
export function enterStageNamespaces(c: Context, files: NamespaceFiles): void {
  const { plan } = c;
  if (entersByItself(c)) enterByItself(c, files);
  const mount = files.get("mount");
  const time = files.get("time");
  if (mount !== undefined) plan.at(c.joined.get("mount")!.pointer).call("setns", [mount, "CLONE_NEWNS"]);
  if (time !== undefined) plan.at(c.joined.get("time")!.pointer).call("setns", [time, "CLONE_NEWTIME"]);
}

/** Stage: joins everything, makes the rest; the runtime writes the maps of a new user namespace meanwhile. */
function enterByItself(c: Context, files: NamespaceFiles): void {
  const { plan } = c;
  if (c.fresh.has("user")) {
    // Of the pid namespace it has no right over from within a new user namespace.
    c.entersPidEarly = true;
    plan.at(c.joined.get("pid")!.pointer).call("setns", [files.get("pid")!, "CLONE_NEWPID"]);
    if ((c.spec.hooks?.createContainer ?? []).length > 0) {
      plan.refuse(
        "/hooks/createContainer",
        "a hook of the host's would run in sight of the pid namespace that is joined",
      );
    }
  }
  joinAll(c, files);
  const flags: string[] = [];
  for (const [type, flag] of namespaceTypes) if (type !== "cgroup" && c.fresh.has(type)) flags.push(flag);
  if (flags.length > 0) plan.at("/linux/namespaces").call("unshare", [flags.join("|")]);
  if (!c.fresh.has("user")) return;
  plan.call("post", ["UNSHARED"]);
  plan.on("runtime").call("wait", ["UNSHARED"]);
  planMapping(c, c.container!);
  plan.at("/linux/namespaces").call("post", ["MAPPED"]);
  plan.on("stage").call("wait", ["MAPPED"]);
}

/** Runtime: maps and offsets, where the namespaces are made by the call that makes the stage. */
export function planStagesMapping(c: Context, container: Register): void {
  if (entersByItself(c) && c.fresh.has("user")) return;
  planMapping(c, container);
}

/**
 * Runtime: until it executes, the stage shares the runtime's memory. A process that sees it and may trace it would have
 * all of the runtime's rights (CVE-2016-9962): any of root's outside where root owns the new user namespace, for it has
 * every capability over that. Not where an ordinary user's maps are still to be written: its own /proc files must stay its
 * own, and nobody but itself could trace it. In a pid namespace that is joined it is never seen (visible.ts).
 */
export function planSecrecy(c: Context): void {
  const isRoot = isMachinesRoot(c.host);
  const { plan } = c;
  if (c.joined.has("user")) {
    if (!isRoot) planOwnOomScore(c);
    if (entersByItself(c)) return;
    // A program executed in the user namespace would belong to it: root there may trace it whatever it says of itself.
    // So it is executed outside, and what it forks within still has the outer one's memory (fork in calls.ts).
    plan.on("thread").at("").call("prctl", ["PR_SET_DUMPABLE", 0, 0, 0, 0], {
      why: "out of reach for processes of the namespaces that are joined",
    });
    plan.on("runtime");
    return;
  }
  if (!c.fresh.has("user") || !isRoot || entersByItself(c)) return;
  plan.at("").call("prctl", ["PR_SET_DUMPABLE", 0, 0, 0, 0], {
    why: "the stage shares this memory until it executes",
  });
}

/** Runtime: returns the register of the stage's pid. */
export function planClone(c: Context, cgroup: Register | undefined): Register {
  const flags: string[] = [];
  const early = earlyNamespaces(c.fresh, c.hasUserNamespace);
  for (const [type, flag] of namespaceTypes) {
    if (type !== "cgroup" && c.fresh.has(type) && !early.includes(flag) && !entersByItself(c)) flags.push(flag);
  }
  if (cgroup !== undefined) flags.push("CLONE_INTO_CGROUP");
  const args = {
    ...(flags.length === 0 ? {} : { flags: flags.join("|") }),
    exit_signal: "SIGCHLD",
    ...(cgroup === undefined ? {} : { cgroup }),
  };
  const isAdded = c.fresh.has("user") && findNamespace(c.spec.linux, "user") === undefined;
  const options = isAdded ? { why: "a user namespace, too: an ordinary user has no rights without" } : {};
  c.container = c.plan.at("/linux/namespaces").open("clone3", [args], options);
  return c.container;
}
