/**
 * What a process may have that others can see: the part of the verifier that is about visible.ts.
 * Input: Plan. Output: nothing, or a PlanError that names the line. Used by tests, as check.ts.
 * @module
 */
import { PlanError } from "../errors.ts";
import { isRegister } from "./kinds.ts";
import type { Call, Item, Plan, Value } from "./types.ts";

/** Before the fork, in any order: what makes it worthless to whoever takes hold of the process. */
const wanted = ["map_pid", "close_others", "setresgid", "setresuid", "verify_cwd", "capset"];

/** These make processes of the host's, which would be born in sight. */
const makers = ["hook", "helper", "fsopen_in"];

/** Calls whose result is no descriptor. */
const pointers = ["find_executable", "find_home", "number_text", "wait_value", "getpid"];

const entersPid = ({ call, args }: Call): boolean =>
  (call === "setns" && String(args[1]).includes("CLONE_NEWPID")) || (call === "load_listened" && isRegister(args[2]!));

/** Throws a PlanError for a pid namespace that is entered with something of the host's. */
export function checkVisible(plan: Plan): void {
  const calls = flat(plan.items);
  const fail = (at: number, message: string): never => {
    throw new PlanError(`line ${at}: ${message}`);
  };
  const entry = calls.findIndex(entersPid);
  if (entry < 0) return;
  if (calls[entry]!.side !== "stage")
    fail(entry, "a pid namespace is joined by a process that shares the runtime's memory");
  const fork = calls.findIndex(({ call }) => call === "fork");
  if (fork < entry) fail(entry, "a pid namespace is joined and nothing is forked into it");
  const before = calls.slice(0, fork).filter(({ side }) => side === "stage");
  const names = before.map(({ call }) => call);
  for (const name of wanted) if (!names.includes(name)) fail(fork, `the process becomes visible before ${name}`);
  const secret = before.some(({ call, args }) => call === "prctl" && args[0] === "PR_SET_DUMPABLE" && args[1] === 0);
  if (!secret) fail(fork, "the process becomes visible while it is dumpable");
  for (let at = entry; at < fork; at++) {
    if (makers.includes(calls[at]!.call)) fail(at, `${calls[at]!.call} makes a process in sight`);
  }
  const closing = calls.findIndex(({ call }) => call === "close_others");
  const kept = new Set(registersIn(calls[closing]!.args));
  for (let at = closing + 1; at < calls.length; at++) {
    const { call, side, args, out } = calls[at]!;
    if (side !== "stage") continue;
    if (at < fork && out !== undefined && !pointers.includes(call)) fail(at, `${call} opens something that goes along`);
    if (out !== undefined) kept.add(out.register);
    for (const register of registersIn(args)) {
      if (!kept.has(register)) fail(at, `r${register} is closed by then`);
    }
  }
}

/** Every call in the order of its line. */
function flat(items: readonly Item[]): Call[] {
  const calls: Call[] = [];
  for (const item of items) {
    if (item.kind === "call") calls.push(item);
    else {
      calls.push(...item.attempt, ...flat(item.then));
      for (const branch of item.branches) calls.push(...flat(branch.items));
    }
  }
  return calls;
}

function registersIn(values: readonly Value[]): number[] {
  const found: number[] = [];
  for (const value of values) {
    if (isRegister(value)) found.push(value.register);
    else if (Array.isArray(value)) found.push(...registersIn(value as Value[]));
  }
  return found;
}
