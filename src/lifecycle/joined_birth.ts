/**
 * The birth of a stage in a user namespace that is joined. What is executed within it belongs to it: root there may trace
 * such a process and would find the host in its reach. So the stage is executed outside, enters everything by itself and
 * forks; the copy's memory still belongs to the outer namespace.
 * Input: Begun, the registers so far. Output: pid and pidfd of the copy; a failure leaves no process.
 *
 * Kernel: user_namespaces(7), ptrace(2) "Ptrace access mode checking"; clone(2) CLONE_PARENT: the copy is our child
 * @module
 */
import { HostError } from "../errors.ts";
import type { Call, Item, Register, StructValue, Value } from "../plan/types.ts";
import { callsOf, type Placed } from "../program/addresses.ts";
import type { Split } from "../program/split.ts";
import { fillStageFile, getRegister } from "../stage/program.ts";
import { post, receive, waitForAny } from "../stage/sockets.ts";
import { reap, type Spawned } from "../stage/spawn.ts";
import { close, sysOrThrow } from "../stage/sys.ts";
import { events } from "../../syscalls/ops.ts";
import { bear, type Begun, buildStage, endStage, map, needsAttendance, type Parts } from "./birth.ts";
import { failureError } from "./failure.ts";

/** As `bear`, wherever the stage is to be born. */
export function bearAnywhere(begun: Begun, parts: Parts): Spawned {
  return (parts.split.joinsUser ? bearInUserNamespace : bear)(begun, parts);
}

function bearInUserNamespace(begun: Begun, { split, prepared, stage, inherit, sync }: Parts): Spawned {
  const { plan, spec, spawn } = begun;
  const valueOf = (value: Value) => getRegister(prepared, (value as Register).register);
  const fork = forkOf(split.clone);
  const all = [...inherit];
  for (const register of registersOf([...split.thread.map(({ item }) => item), fork])) {
    const fd = getRegister(prepared, register);
    if (fd >= 0 && !all.includes(fd)) all.push(fd);
  }
  const outer = outerOf(split.clone);
  spawn.clone({ call: outer, valueOf, entering: undefined, stage, inherit: all });
  try {
    fillStageFile(stage, buildStage(plan, wholeProgram(split, fork), prepared, sync.stages));
  } catch (error) {
    spawn.abandon();
    throw error;
  }
  const first = spawn.finish();
  if (first.pid < 0) {
    throw failureError(plan, spec, { address: split.cloneAddress, errno: -first.pid, result: 0, detail: "" });
  }
  try {
    const pid = forked(begun, sync.ours, first.pidfd);
    const pidfd = sysOrThrow("pidfd_open", pid, 0);
    try {
      if (needsAttendance(split)) map(begun, split, prepared, pid);
      post(sync.ours, events.MAPPED);
    } catch (error) {
      endStage(pidfd);
      throw error;
    }
    return { pid, pidfd };
  } finally {
    // It has ended, or does so now.
    reap(first.pidfd);
    close(first.pidfd);
  }
}

const intoCgroup = "CLONE_INTO_CGROUP";

/**
 * The plan's clone3 as the runtime makes it: outside, but into the cgroup, over which there are no rights from within a user
 * namespace, its own root's excepted (cgroups(7), "Delegation containment"; EACCES). The fork is born where its maker is.
 */
function outerOf(clone: Call): Call {
  const { cgroup } = clone.args[0] as StructValue;
  const place = cgroup === undefined ? {} : { flags: intoCgroup, cgroup };
  return { ...clone, args: [{ exit_signal: "SIGCHLD", ...place }] };
}

/** The rest of it as the stage makes it. Its end is told by the signal of whoever forked (clone(2), CLONE_PARENT). */
function forkOf(clone: Call): Call {
  const { exit_signal: _, flags: asked, cgroup: __, ...wanted } = clone.args[0] as StructValue;
  let all = "CLONE_PARENT";
  if (asked !== undefined) for (const flag of (asked as string).split("|")) if (flag !== intoCgroup) all += `|${flag}`;
  const { out: ___, ...call } = clone;
  return { ...call, call: "fork", side: "stage", args: [{ flags: all, ...wanted }] };
}

/** What the thread would have entered, the fork, and the stage's own lines once its mappings are written. */
function wholeProgram(split: Split, fork: Call): Placed[] {
  const wait: Call = { kind: "call", side: "stage", call: "wait", args: ["MAPPED"], from: fork.from };
  return [
    ...split.thread,
    { item: fork, address: split.cloneAddress },
    { item: wait, address: split.cloneAddress },
    ...split.stage,
  ];
}

/** Registers that these read: what they hold must reach the process that runs them. */
function registersOf(items: readonly Item[]): Set<number> {
  const found = new Set<number>();
  const visitValue = (value: Value): void => {
    if (value === null || typeof value !== "object") return;
    if ("register" in value) found.add((value as Register).register);
    else for (const inner of Object.values(value as StructValue)) visitValue(inner);
  };
  for (const { args } of callsOf({ items })) args.forEach(visitValue);
  return found;
}

/**
 * Waits for the pid of the copy. The other end of the socket is still open here, so that its maker's end is told by the
 * pidfd alone; what it said before lies in the socket then. Errors: StageError when a line failed before.
 */
function forked({ plan, spec }: Begun, ours: number, maker: number): number {
  for (;;) {
    if (waitForAny([ours, maker], -1) !== 0) {
      throw new HostError("The process that joins a user namespace ended before it had forked");
    }
    for (const message of receive(ours)) {
      if (message.kind === "failed") throw failureError(plan, spec, { ...message, errno: message.value });
      if (message.kind === "post" && message.value === events.FORKED) return message.result;
    }
  }
}
