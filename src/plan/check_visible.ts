/**
 * What a process may have that others can see: the part of the verifier that is about visible.ts.
 * Input: Plan. Output: nothing, or a PlanError that names the line. Used by tests, as check.ts.
 * @module
 */
import { PlanError } from "../errors.ts";
import { isRegister } from "./kinds.ts";
import type { Call, Item, Plan, Value } from "./types.ts";

/** Before the fork, in any order: what makes it worthless to whoever takes hold of the process. */
const wanted = ["map_pid", "close_others", "setsid", "setresgid", "setresuid", "verify_cwd", "capset"];

/** What loads a filter. */
const loaders = ["seccomp", "load_listened", "load_supervised"];

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
  const isSecret = ({ call, args }: Call): boolean =>
    call === "prctl" && args[0] === "PR_SET_DUMPABLE" && args[1] === 0;
  // Changed ids may make it dumpable again (prctl(2), fs.suid_dumpable).
  const changed = names.lastIndexOf("setresuid");
  if (!before.some((call, at) => at > changed && isSecret(call)))
    fail(fork, "the process becomes visible while it is dumpable");
  checkRights(calls, fork, fail);
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

/**
 * The filter is loaded before, or there is a reason; and the sets of capabilities are those that the program begins with: a
 * set that holds more is followed by a smaller one, after the filter that it was for.
 */
function checkRights(calls: readonly Call[], fork: number, fail: (at: number, message: string) => never): void {
  let sets = 0;
  let isLoaded = false;
  for (let at = 0; at < calls.length; at++) {
    const { call, side, why } = calls[at]!;
    if (side !== "stage") continue;
    if (call === "capset") {
      sets++;
      if (at > fork) fail(at, "capabilities are given up in sight");
      if (sets > 1 && !isLoaded) fail(at, "capabilities are set twice for nothing");
    }
    if (!loaders.includes(call)) continue;
    isLoaded = true;
    if (at > fork && why === undefined) fail(at, "the filter is loaded in sight without a reason");
    const isHeld = calls.slice(0, fork).some((set) => set.call === "capset" && set.why !== undefined);
    const isDropped = calls.slice(at, fork).some((set) => set.call === "capset");
    if (at < fork && isHeld && !isDropped) fail(fork, "the process becomes visible with the right to load the filter");
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
