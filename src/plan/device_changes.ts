/**
 * How the devices controller of cgroup v1 gets from rules in force to others, line by line, while processes go on.
 * In: what it keeps, what it is to keep. Out: lines to write in that order. Pure.
 *
 * Kernel: security/device_cgroup.c. Each write is one step. "a" turns round what holds for all devices and empties the
 *   list, which is two: between them everything is open, or nothing, and after "a" in devices.allow everything is until
 *   the exceptions are back. It answers EINVAL where the cgroup has others below, too. So the lists are compared, and "a" is
 *   written only where nothing else will do
 * Order: nothing that only the new rules allow is allowed before all is denied that only the old ones allowed: at each
 *   moment what both allow is allowed, and no more than what one of them allows
 * @module
 */
import { anyNumber, type DeviceAccess } from "./device_program.ts";
import { ruleLine } from "./device_exceptions.ts";

/** What the controller keeps. */
export interface DeviceState {
  /** What holds for all devices but the exceptions. */
  readonly allow: boolean;
  /** Each of type b or c; undefined: the kernel does not show them, and nobody else knows. */
  readonly exceptions: readonly DeviceAccess[] | undefined;
}

/** One write: to devices.allow or devices.deny. */
export interface DeviceLine {
  readonly allow: boolean;
  readonly text: string;
}

export interface DeviceChanges {
  readonly lines: readonly DeviceLine[];
  /** "a" is among them: processes must stand still meanwhile. */
  readonly turnsRound: boolean;
}

/**
 * Reads devices.list. Of exceptions from "everything is allowed" the kernel shows none.
 * @param known rules in force as far as they are known, for these
 */
export function deviceStateOf(list: string, known: DeviceState | undefined): DeviceState {
  const exceptions: DeviceAccess[] = [];
  for (const line of list.split("\n")) {
    const [type, numbers = "", access = ""] = line.trim().split(" ");
    if (type === "a") return { allow: true, exceptions: known?.allow === true ? known.exceptions : undefined };
    if (type !== "b" && type !== "c") continue;
    const [major = "", minor = ""] = numbers.split(":");
    exceptions.push({ allow: true, type, major: numberOf(major), minor: numberOf(minor), access });
  }
  return { allow: false, exceptions };
}

const numberOf = (text: string): number => (text === "*" ? anyNumber : Number(text));

/** Everything the controller can be asked for, from any state. */
export function deviceChanges(from: DeviceState, to: DeviceState): DeviceChanges {
  const { allow } = to;
  const wanted = atomsOf(to.exceptions ?? []);
  if (from.allow !== allow || from.exceptions === undefined) {
    return { lines: [{ allow, text: "a" }, ...linesOf(!allow, wanted, none)], turnsRound: true };
  }
  const kept = atomsOf(from.exceptions);
  if (allow) return { lines: [...linesOf(false, wanted, kept), ...linesOf(true, kept, wanted)], turnsRound: false };
  // Their exceptions may overlap, and what they share would be put down and taken away again.
  if (isSame(kept, wanted)) return { lines: [], turnsRound: false };
  // What both allow, exception by exception, is put down before the wider of the two goes, or comes.
  const both = common(kept, wanted);
  const lines = [
    ...linesOf(true, both, kept),
    ...linesOf(false, kept, both),
    ...linesOf(true, wanted, both),
    ...linesOf(false, both, wanted),
  ];
  return { lines, turnsRound: false };
}

/** Exceptions with one letter of access each, by their lines. */
type Atoms = ReadonlyMap<string, DeviceAccess>;

const none: Atoms = new Map();

function atomsOf(exceptions: readonly DeviceAccess[]): Atoms {
  const atoms = new Map<string, DeviceAccess>();
  for (const exception of exceptions) {
    for (const access of exception.access) {
      const atom = { ...exception, access };
      atoms.set(ruleLine(atom), atom);
    }
  }
  return atoms;
}

function isSame(a: Atoms, b: Atoms): boolean {
  for (const line of a.keys()) if (!b.has(line)) return false;
  return a.size === b.size;
}

/** What is in both, spelled as exceptions. */
function common(a: Atoms, b: Atoms): Atoms {
  const both = new Map<string, DeviceAccess>();
  for (const [line, atom] of a) if (b.has(line)) both.set(line, atom);
  const stay = [...both.values()];
  for (const one of a.values()) {
    for (const other of b.values()) {
      const atom = meetingOf(one, other);
      // Making a node is asked for alone, so that a wider exception will do. Reading and writing can be asked for in one
      // open, for which the kernel looks for one exception that has both.
      const isIdle = atom?.access === "m" && stay.some((wider) => meetingOf(wider, atom) === atom);
      if (atom !== undefined && !isIdle) both.set(ruleLine(atom), atom);
    }
  }
  return both;
}

/** What two exceptions share; the second itself where the first covers it. */
function meetingOf(a: DeviceAccess, b: DeviceAccess): DeviceAccess | undefined {
  if (a.type !== b.type || a.access !== b.access) return undefined;
  const major = numberIn(a.major, b.major);
  const minor = numberIn(a.minor, b.minor);
  if (major === undefined || minor === undefined) return undefined;
  return major === b.major && minor === b.minor ? b : { ...b, major, minor };
}

function numberIn(a: number, b: number): number | undefined {
  if (a === anyNumber || a === b) return b;
  return b === anyNumber ? a : undefined;
}

/** Lines for what is in one and not in the other, all letters of the same numbers in one. */
function linesOf(allow: boolean, atoms: Atoms, without: Atoms): DeviceLine[] {
  const rules = new Map<string, DeviceAccess>();
  for (const [line, atom] of atoms) {
    if (without.has(line)) continue;
    const numbers = line.slice(0, -1);
    const letters = (rules.get(numbers)?.access ?? "") + atom.access;
    let access = "";
    for (const letter of "rwm") if (letters.includes(letter)) access += letter;
    rules.set(numbers, { ...atom, access });
  }
  const lines: DeviceLine[] = [];
  for (const rule of rules.values()) lines.push({ allow, text: ruleLine(rule) });
  return lines;
}
