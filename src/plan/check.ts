/**
 * The verifier: a plan that passes can be encoded and executed. Input: Plan. Output: nothing, or a PlanError.
 * Used by tests; on the way of a start it would only cost time, since plans come from one builder.
 * @module
 */
import { PlanError } from "../errors.ts";
import type { ArgumentKind } from "../../syscalls/calls.ts";
import { events } from "../../syscalls/ops.ts";
import { fieldKinds } from "../../syscalls/structs.ts";
import { checkVisible } from "./check_visible.ts";
import { parseGVariant } from "./gvariant.ts";
import { isRegister, kindsOf } from "./kinds.ts";
import { propertyType } from "./systemd_properties.ts";
import type { Alternative, Call, Item, Plan, Register, Side, StructValue, Value } from "./types.ts";

/** What the kernel knows as errno. Not "*": what goes on after whichever error may leave out what was asked for. */
const errnoPattern = /^E[A-Z0-9]+$/;

/** JSON Pointer (RFC 6901) or nothing. */
const pointerPattern = /^(\/([^~/]|~[01])*)*$/;

/** Where a register got its value. */
type Written = ReadonlyMap<number, Side | "input">;

/** Throws a PlanError that names the first line that breaks a rule. @param makesStage false: one of the runtime's alone */
export function checkPlan(plan: Plan, makesStage = true): void {
  const inherited = new Set(plan.inherited.map(({ register }) => register));
  const checker = new Checker(plan.registers, inherited);
  const inputs = new Map<number, Side | "input">();
  for (const { register } of Object.values(plan.inputs)) inputs.set(register, "input");
  const written = checker.items(plan.items, inputs);
  for (const register of inherited) {
    if (written.get(register) === undefined) fail(-1, `r${register} is inherited but never written`);
    if (written.get(register) === "stage") fail(-1, `r${register} is inherited but made by the stage itself`);
  }
  checker.finish(makesStage);
  checkVisible(plan);
}

function fail(address: number, message: string): never {
  throw new PlanError(address < 0 ? message : `line ${address}: ${message}`);
}

/** Among what is written: that the mount of a register was attached. */
const attachedKey = (register: number): number => -1 - register;

/** A detached mount is attached once: the second time it would be moved on (ELOOP, EINVAL), and missing where it was. */
function attached({ call, args, side }: Call, written: Written, address: number): Written {
  const [mount, path] = args;
  if (call !== "move_mount" || path !== "" || mount === undefined || !isRegister(mount)) return written;
  const key = attachedKey(mount.register);
  if (written.has(key)) fail(address, `the mount of r${mount.register} is attached a second time`);
  return new Map(written).set(key, side);
}

class Checker {
  readonly #registers: number;
  readonly #inherited: ReadonlySet<number>;
  #address = 0;
  /** Whether the stage exists yet. */
  #isCloned = false;
  /** Events posted by each side and not yet waited for by the other. */
  readonly #posted: Record<Side, string[]> = { runtime: [], thread: [], stage: [] };

  constructor(registers: number, inherited: ReadonlySet<number>) {
    this.#registers = registers;
    this.#inherited = inherited;
  }

  /** Checks items in order; returns what is written after them. */
  items(items: readonly Item[], before: Written): Written {
    let written = before;
    for (const item of items)
      written = item.kind === "call" ? this.#call(item, written) : this.#alternative(item, written);
    return written;
  }

  finish(makesStage: boolean): void {
    if (makesStage && !this.#isCloned) fail(-1, "no clone3 makes the stage");
    // READY, EXEC and START are between the stage and the lifecycle.
    for (const side of ["runtime", "stage"] as const) {
      const open = this.#posted[side].filter((event) => event !== "READY" && event !== "EXEC");
      if (open.length > 0) fail(-1, `${open[0]} is posted by the ${side} and nobody waits for it`);
    }
  }

  /** After an alternative only what every way through it writes is written. */
  #alternative(item: Alternative, before: Written): Written {
    const first = this.#address;
    if (item.attempt.length === 0) fail(first, "an alternative attempts nothing");
    if (item.branches.length === 0) fail(first, "an alternative has no branch");
    const side = item.attempt[0]!.side;
    for (const call of item.attempt) {
      if (call.allow !== undefined) fail(this.#address, `${call.call} is attempted and may not allow errnos besides`);
    }
    const attempted = this.items(item.attempt, before);
    const ends = [this.items(item.then, attempted)];
    const seen = new Set<string>();
    for (const branch of item.branches) {
      if (branch.why === "") fail(this.#address, "a branch does not say why");
      for (const errno of branch.on) {
        if (!errnoPattern.test(errno)) fail(this.#address, `"${errno}" is no errno`);
        if (seen.has(errno)) fail(this.#address, `two branches on ${errno}`);
        seen.add(errno);
      }
      // The failing call wrote no usable result.
      ends.push(this.items(branch.items, before));
    }
    this.#sameSide(item, side, first);
    const after = new Map(before);
    for (const [register, by] of ends[0]!) if (ends.every((end) => end.has(register))) after.set(register, by);
    return after;
  }

  /** A program holds one side: an alternative cannot span two. */
  #sameSide(item: Alternative, side: Side, address: number): void {
    const visit = (inner: Item): void => {
      if (inner.kind === "alternative") this.#sameSide(inner, side, address);
      else if (inner.side !== side) fail(address, `an alternative of the ${side} holds a call of the ${inner.side}`);
    };
    for (const inner of item.attempt) visit(inner);
    for (const inner of item.then) visit(inner);
    for (const branch of item.branches) for (const inner of branch.items) visit(inner);
  }

  #call(call: Call, written: Written): Written {
    const address = this.#address++;
    const kinds = kindsOf(call);
    if (kinds === undefined) fail(address, `unknown call "${call.call}"`);
    if (call.args.length !== kinds.length) {
      fail(address, `${call.call} takes ${kinds.length} arguments but has ${call.args.length}`);
    }
    if (!pointerPattern.test(call.from)) fail(address, `"${call.from}" is no JSON Pointer`);
    for (const errno of call.allow ?? []) if (!errnoPattern.test(errno)) fail(address, `"${errno}" is no errno`);
    this.#sides(call, address);
    call.args.forEach((value, index) => {
      const problem = this.#value(value, kinds[index]!, call, address, written);
      if (problem !== undefined) fail(address, `argument ${index + 1} of ${call.call} ${problem}`);
    });
    const after = attached(call, written, address);
    if (call.out === undefined) return after;
    this.#range(call.out, address);
    const made = new Map(after).set(call.out.register, call.side);
    made.delete(attachedKey(call.out.register));
    return made;
  }

  #sides(call: Call, address: number): void {
    const { side } = call;
    if (call.call === "clone3") {
      if (side !== "runtime" || this.#isCloned) fail(address, "clone3 is made once, by the runtime");
      this.#isCloned = true;
    } else if (side === "stage" && !this.#isCloned)
      fail(address, "the stage makes a call before clone3 makes the stage");
    if (side === "thread" && this.#isCloned) fail(address, "the thread ends with clone3 and makes no call after it");
    if (call.call === "post" || call.call === "post_value") this.#posted[side].push(call.args[0] as string);
    if ((call.call !== "wait" && call.call !== "wait_value") || call.args[0] === "START") return;
    const other = this.#posted[side === "runtime" ? "stage" : "runtime"];
    const at = other.indexOf(call.args[0] as string);
    if (at < 0) fail(address, `the ${side} waits for ${String(call.args[0])}, which nobody has posted`);
    other.splice(at, 1);
  }

  #range({ register }: Register, address: number): void {
    if (register < 0 || register >= this.#registers)
      fail(address, `r${register} is not one of ${this.#registers} registers`);
  }

  /** What is wrong with a value, if anything. */
  #value(value: Value, kind: ArgumentKind, call: Call, address: number, written: Written): string | undefined {
    if (isRegister(value)) {
      this.#range(value, address);
      const { register } = value;
      const by = written.get(register);
      if (by === undefined) fail(address, `r${register} is read before it is written`);
      if (by === "stage" && call.side !== "stage")
        fail(address, `r${register} is the stage's, the ${call.side} cannot read it`);
      if (by === "thread" && call.side !== "thread")
        fail(address, `r${register} is the thread's, nobody else can read it`);
      if (by === "runtime" && call.side === "stage" && kind === "fd" && !this.#inherited.has(register)) {
        fail(address, `r${register} is the runtime's and not inherited by the stage`);
      }
      return ["fd", "int", "str"].includes(kind) ? undefined : `may not be a register (${kind})`;
    }
    if (kind === "properties") return this.#properties(value, address, written);
    if (kind.startsWith("struct "))
      return value === null ? undefined : this.#struct(kind.slice(7), value, call, address, written);
    return matches(value, kind, call) ? undefined : `is no ${kind}: ${JSON.stringify(value)}`;
  }

  #properties(value: Value, address: number, written: Written): string | undefined {
    for (const [name, content] of Object.entries(value as StructValue)) {
      if (Array.isArray(content)) {
        for (const item of content as Register[]) {
          if (!isRegister(item) || written.get(item.register) !== "runtime") fail(address, `"${name}" is no register`);
        }
        continue;
      }
      const type = propertyType(name);
      if (type === undefined) return `has a property "${name}" of no known type`;
      if (typeof content !== "string" || parseGVariant(content, type) === undefined) {
        return `has a wrong "${name}": ${JSON.stringify(content)}`;
      }
    }
    return undefined;
  }

  #struct(name: string, value: Value, call: Call, address: number, written: Written): string | undefined {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return `is no struct ${name}`;
    const fields = fieldKinds(name);
    for (const [field, content] of Object.entries(value as StructValue)) {
      const kind = fields[field];
      if (kind === undefined) return `has a field "${field}" that ${name} has not`;
      const as: ArgumentKind = kind === "fd" ? "fd" : kind === "flags" || kind === "int" ? "flags" : "str";
      if (kind === "words") {
        if (!Array.isArray(content) || !content.every((word) => Number.isInteger(word)))
          return `has no words in "${field}"`;
        continue;
      }
      if (kind === "ptr") return `writes "${field}", which is the runner's`;
      if (as === "flags" ? !isNumber(content) : this.#value(content, as, call, address, written) !== undefined) {
        return `has a wrong "${field}": ${typeof content === "bigint" ? content : JSON.stringify(content)}`;
      }
    }
    return undefined;
  }
}

const isNumber = (value: Value): boolean =>
  typeof value === "bigint" ||
  (typeof value === "number" && Number.isFinite(value)) ||
  (typeof value === "string" && /^[A-Z0-9_a-zx|]*$/.test(value));

function matches(value: Value, kind: ArgumentKind, call: Call): boolean {
  switch (kind) {
    case "fd":
      return value === "AT_FDCWD" || (typeof value === "number" && value >= 0);
    case "int":
    case "flags":
      if (kind === "flags" && /^(post|wait)(_value)?$/.test(call.call))
        return typeof value === "string" && value in events;
      return isNumber(value);
    case "str":
      return value === null || isText(value);
    case "data":
      return isText(value);
    case "strv":
      if (value === null) return call.call === "hook" && call.side === "runtime"; // the runtime's environment
      return Array.isArray(value) && value.every((item) => isRegister(item as Value) || isText(item as Value));
    case "ids":
      return value === null || (Array.isArray(value) && value.every((item) => Number.isInteger(item)));
    case "dev":
      return typeof value === "object" && value !== null && "major" in value && "minor" in value;
    default:
      return false;
  }
}

/** cstrings end at the first NUL: one within would cut the text silently. */
function isText(value: Value): boolean {
  return typeof value === "string" && !value.includes("\0");
}
