/**
 * Builds a plan line by line: hands out registers, remembers the config.json pointer and the side in force.
 * Input: calls as the sections name them. Output: Plan.
 * @module
 */
import type { Alternative, Branch, Call, Item, Plan, Refusal, Register, ResctrlGroups, Side, Value } from "./types.ts";

/** Optional parts of a call. */
export interface CallOptions {
  /** JSON Pointer; the pointer set by `at` unless given. */
  from?: string;
  why?: string;
  allow?: readonly string[];
}

/** Collects the items of one plan. Sections receive it, append their calls and return what later ones need. */
export class PlanBuilder {
  #items: Item[] = [];
  #side: Side = "runtime";
  #pointer = "";
  #registers = 0;
  readonly inputs: Record<string, Register> = {};
  readonly inherited: Register[] = [];
  readonly refusals: Refusal[] = [];
  readonly warnings: string[] = [];
  readonly cgroups: string[] = [];
  unit: Plan["unit"];
  resctrl: ResctrlGroups | undefined;

  /** Sets the side that makes the calls from here on. */
  on(side: Side): this {
    this.#side = side;
    return this;
  }

  /** Sets the config.json pointer that the calls from here on belong to. */
  at(pointer: string): this {
    this.#pointer = pointer;
    return this;
  }

  /** The pointer in force. */
  get pointer(): string {
    return this.#pointer;
  }

  /** A register that the lifecycle fills before the plan starts. */
  input(name: string): Register {
    return (this.inputs[name] ??= this.#register());
  }

  /** Marks a host descriptor that the stage must inherit over its own execve. */
  inherit(register: Register): void {
    this.inherited.push(register);
  }

  /** Appends a call whose result nobody needs. */
  call(name: string, args: readonly Value[], options?: CallOptions): void {
    this.#items.push(this.#make(name, args, undefined, options));
  }

  /** Appends a call and returns the register of its result. */
  open(name: string, args: readonly Value[], options?: CallOptions): Register {
    const out = this.#register();
    this.#items.push(this.#make(name, args, out, options));
    return out;
  }

  /** Appends a call that writes an existing register: branches of an alternative must agree on it. */
  into(out: Register, name: string, args: readonly Value[], options?: CallOptions): void {
    this.#items.push(this.#make(name, args, out, options));
  }

  /**
   * Appends an alternative. `attempt`, `then` and each branch's `items` are callbacks that append to this builder.
   * `attempt` may hold plain calls only.
   */
  alternative(parts: {
    attempt: () => void;
    then?: () => void;
    branches: readonly { on: readonly string[]; why: string; items?: () => void }[];
  }): void {
    const attempt = this.#collect(parts.attempt) as Call[];
    const then = this.#collect(parts.then);
    const branches: Branch[] = [];
    for (const { on, why, items } of parts.branches) branches.push({ on, why, items: this.#collect(items) });
    const item: Alternative = { kind: "alternative", attempt, then, branches };
    this.#items.push(item);
  }

  /** A fresh register, for `into`. */
  register(): Register {
    return this.#register();
  }

  /** Notes something that this version does not do, or this machine cannot. */
  refuse(pointer: string, message: string, detail?: readonly string[]): void {
    this.refusals.push(detail === undefined ? { pointer, message } : { pointer, message, detail });
  }

  warn(message: string): void {
    this.warnings.push(message);
  }

  /** The finished plan. */
  build(): Plan {
    return {
      items: this.#items,
      registers: this.#registers,
      inputs: this.inputs,
      inherited: this.inherited,
      refusals: this.refusals,
      warnings: this.warnings,
      notes: [],
      cgroups: this.cgroups,
      ...(this.unit === undefined ? {} : { unit: this.unit }),
      ...(this.resctrl === undefined ? {} : { resctrl: this.resctrl }),
    };
  }

  /** Hundreds of calls a plan, on the way of every start: no spreads. */
  #make(name: string, args: readonly Value[], out: Register | undefined, options: CallOptions | undefined): Call {
    const call: { -readonly [K in keyof Call]: Call[K] } = {
      kind: "call",
      side: this.#side,
      call: name,
      args,
      from: this.#pointer,
    };
    if (out !== undefined) call.out = out;
    if (options !== undefined) {
      if (options.from !== undefined) call.from = options.from;
      if (options.why !== undefined) call.why = options.why;
      if (options.allow !== undefined) call.allow = options.allow;
    }
    return call;
  }

  #register(): Register {
    return { register: this.#registers++ };
  }

  #collect(append: (() => void) | undefined): Item[] {
    const inner: Item[] = [];
    if (append === undefined) return inner;
    const outer = this.#items;
    this.#items = inner;
    append();
    this.#items = outer;
    return inner;
  }
}
