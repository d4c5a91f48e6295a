/**
 * Makes a plan do without the calls that are missing here: a pass over the finished plan, so that no section needs to
 * know, and what `explain` prints is what is done. Input: Plan, Host. Output: Plan.
 * Order: last; only where Host.missing names something
 * @module
 */
import type { Host } from "./host.ts";
import { LoweredMounts } from "./lower_mounts.ts";
import { missingNotes, missingText, mountsByDescriptor } from "./missing.ts";
import type { Call, Item, Plan, Refusal, Register, StructValue, Value } from "./types.ts";

/** Pseudo-calls that take the same arguments. */
const standIns: Readonly<Record<string, string>> = { openat2: "resolve", close_range: "close_descriptors" };

/** The same plan by other means. */
export function withoutMissing(plan: Plan, host: Host): Plan {
  if (host.missing.length === 0) return plan;
  const refusals: Refusal[] = [...plan.refusals];
  let { items, registers, inherited } = plan;
  if (host.missing.includes("clone3")) {
    const lowered = withoutClone3(items, registers, host, refusals);
    ({ items, registers } = lowered);
    if (lowered.file !== undefined) inherited = [...inherited, lowered.file];
  }
  if (!mountsByDescriptor(host)) {
    const mounts = new LoweredMounts(registers, missingText(host), host.mayMount && !entersUserNamespace(items));
    items = mounts.lower(items);
    registers = mounts.registers;
    for (const refusal of mounts.refusals) refusals.push(refusal);
  }
  const renamed: Record<string, string> = {};
  for (const call of host.missing) if (standIns[call] !== undefined) renamed[call] = standIns[call];
  if (host.missing.includes("openat2")) items = withTops(items, rootPath(items));
  return {
    ...plan,
    items: rename(items, renamed),
    registers,
    inherited,
    refusals,
    notes: [...plan.notes, ...missingNotes(host)],
  };
}

function entersUserNamespace(items: readonly Item[]): boolean {
  for (const item of items) {
    if (item.kind === "alternative") continue;
    const flags =
      item.call === "clone3" ? (item.args[0] as StructValue)["flags"] : item.call === "setns" ? item.args[1] : "";
    if (typeof flags === "string" && flags.includes("CLONE_NEWUSER")) return true;
  }
  return false;
}

/** Where the container's root lies in the stage's namespace, for hooks; undefined: over "/". */
function rootPath(items: readonly Item[]): string | undefined {
  for (const item of items) {
    if (item.kind === "call") continue;
    const isPlace = item.then[0]?.kind === "call" && item.then[0].call === "verify_same";
    if (isPlace) return item.attempt[0]?.args[1] as string;
  }
  return undefined;
}

/**
 * What is mounted over a root, which openat2 finds by "..", no walk from descriptor to descriptor does: over "/" it is
 * ".." of the process's root (R2), elsewhere its path has to be opened again.
 */
function withTops(items: readonly Item[], path = "/.."): Item[] {
  const lowered: Item[] = [];
  for (const item of items) {
    const isTop =
      item.kind === "call" && item.call === "openat2" && item.args[0] !== "AT_FDCWD" && item.args[1] === "..";
    if (!isTop) lowered.push(item);
    else lowered.push({ ...item, call: "openat", args: ["AT_FDCWD", path, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0] });
  }
  return lowered;
}

function rename(items: readonly Item[], names: Readonly<Record<string, string>>): Item[] {
  const renamed: Item[] = [];
  for (const item of items) {
    if (item.kind === "call") {
      const name = names[item.call];
      renamed.push(name === undefined ? item : { ...item, call: name });
      continue;
    }
    renamed.push({
      ...item,
      attempt: rename(item.attempt, names) as Call[],
      then: rename(item.then, names),
      branches: item.branches.map((branch) => ({ ...branch, items: rename(branch.items, names) })),
    });
  }
  return renamed;
}

/**
 * clone(2), which the shim makes of it, has no room for CLONE_INTO_CGROUP: the stage writes itself into the cgroup, first
 * of all, through a file that the runtime has opened with its own rights. Nor for CLONE_NEWTIME.
 */
function withoutClone3(
  items: readonly Item[],
  registers: number,
  host: Host,
  refusals: Refusal[],
): { items: Item[]; registers: number; file: Register | undefined } {
  const lowered: Item[] = [];
  let file: Register | undefined;
  let isJoined = false;
  for (const item of items) {
    if (item.kind === "call" && item.call === "clone3") {
      const { cgroup, flags = "", ...wanted } = item.args[0] as StructValue;
      const kept: string[] = [];
      for (const flag of (flags as string).split("|")) {
        if (flag === "CLONE_NEWTIME") {
          refusals.push({
            pointer: item.from,
            message: `a new time namespace takes clone3: ${missingText(host, ["clone3"])}`,
          });
        } else if (flag !== "" && flag !== "CLONE_INTO_CGROUP") kept.push(flag);
      }
      if (cgroup !== undefined) {
        file = { register: registers++ };
        const args: Value[] = [cgroup, "cgroup.procs", "O_WRONLY|O_CLOEXEC", 0];
        lowered.push({ kind: "call", side: "runtime", call: "openat", args, out: file, from: "/linux/cgroupsPath" });
      }
      const struct = { ...(kept.length === 0 ? {} : { flags: kept.join("|") }), ...wanted };
      lowered.push({ ...item, args: [struct], why: "by clone(2)" });
      continue;
    }
    if (file !== undefined && !isJoined && item.kind === "call" && item.side === "stage") {
      isJoined = true;
      const line = { kind: "call", side: "stage", from: "/linux/cgroupsPath" } as const;
      lowered.push({ ...line, call: "write", args: [file, "0"], why: "clone(2) cannot be told the cgroup" });
      lowered.push({ ...line, call: "close", args: [file] });
    }
    lowered.push(item);
  }
  return { items: lowered, registers, file };
}
