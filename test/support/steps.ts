/**
 * A command that makes one system call after the other when it is told to (native/fault.c): the runtime's own and its
 * stage's, in one order. In: a scope, a command line. Out: its calls, one at a time; its end.
 * @module
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import type { Outcome, Running } from "./execute.ts";
import { seenIn, type Seen } from "./fault.ts";
import { native } from "./native.ts";
import { patience } from "./patience.ts";
import type { InvokeOptions, Scope } from "./scope.ts";

/** How long a command may take to its next call: it waits for others now and then. */
const patienceMs = 10_000;

let counter = 0;

export class Stepped {
  readonly #running: Running;
  readonly #log: string;
  #fifo: number;
  #made = 0;
  #outcome: Outcome | undefined;
  /** The call that it is about to make; undefined: it has ended. */
  pending: Seen | undefined;

  constructor(scope: Scope, words: readonly string[], options: InvokeOptions = {}) {
    const name = `${scope.directory}/outputs/steps${++counter}`;
    this.#log = `${name}.log`;
    execFileSync("mkfifo", [`${name}.fifo`]);
    // For reading, too: opening does not wait then.
    this.#fifo = openSync(`${name}.fifo`, "r+");
    scope.defer(() => this.release());
    const before = [...(options.before ?? []), native("fault"), this.#log, "step", `${name}.fifo`];
    this.#running = scope.launch(words, { timeoutMs: 100_000, ...options, before });
    void this.#running.done.then((outcome) => (this.#outcome = outcome));
  }

  /** Waits until it is about to make a call, or has ended. */
  async settle(): Promise<Seen | undefined> {
    const end = performance.now() + patienceMs * patience;
    for (;;) {
      this.pending = seenIn(this.#log)[this.#made];
      if (this.pending !== undefined || this.#outcome !== undefined) return this.pending;
      if (performance.now() > end) throw new Error(`no further call of ${this.#running.pid} in ${patienceMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Makes the call that is due, and goes on to the next one. */
  async step(): Promise<Seen | undefined> {
    if ((await this.settle()) === undefined) return undefined;
    this.#made++;
    writeSync(this.#fifo, "s");
    return this.settle();
  }

  /** Lets it go on by itself. */
  release(): void {
    if (this.#fifo >= 0) closeSync(this.#fifo);
    this.#fifo = -1;
  }

  /** Lets it go on, and waits for its end. */
  end(): Promise<Outcome> {
    this.release();
    return this.#running.done;
  }
}
