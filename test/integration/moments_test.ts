/**
 * Every question at every moment of every operation: the answers are those of one state, which the container can be in,
 * and no state comes again that was left. An operation is stopped at each of its system calls, and asked about wherever
 * something has changed; and questions are stopped at each of theirs while an operation goes through.
 * @module
 */
import assert from "node:assert/strict";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { detached } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { commonPhase, type Phase, questions } from "../support/questions.ts";
import { type Bundle, describe, type Scope, scoped } from "../support/scope.ts";
import { Stepped } from "../support/steps.ts";
import { visible } from "../support/visible.ts";

/** The states that a container goes through while the operation makes one call after the other. */
async function phasesOf(scope: Scope, id: string, operation: Stepped): Promise<Phase[]> {
  const phases: Phase[] = [];
  let last: string | undefined;
  for (let pending = await operation.settle(); ; pending = await operation.step()) {
    const now = visible(scope, id);
    if (now !== last) {
      const outcomes = await Promise.all(questions.map(({ words }) => scope.invoke(words(id))));
      const phase = commonPhase(outcomes, id);
      if (phase !== phases.at(-1)) phases.push(phase);
    }
    last = now;
    if (pending === undefined) return phases;
  }
}

interface Operation {
  readonly name: string;
  readonly change?: (config: Config, other: () => Promise<number>) => void | Promise<void>;
  /** Leaves a container in the state before, unless there is to be none. */
  readonly before?: (scope: Scope, bundle: Bundle, id: string) => Promise<unknown>;
  readonly words: (bundle: Bundle, id: string) => string[];
  readonly phases: readonly Phase[];
  readonly status?: number;
}

const create = (scope: Scope, { path }: Bundle, id: string): Promise<unknown> =>
  scope.succeed(["create", "--bundle", path, id]);
const start = async (scope: Scope, bundle: Bundle, id: string): Promise<unknown> => {
  await create(scope, bundle, id);
  return scope.succeed(["start", id]);
};
const stop = async (scope: Scope, bundle: Bundle, id: string): Promise<unknown> => {
  await start(scope, bundle, id);
  await scope.succeed(["kill", id, "KILL"]);
  return until("its end", async () => (await scope.invoke(["state", id])).stdout.includes('"stopped"'));
};

const operations: readonly Operation[] = [
  {
    name: "create",
    words: ({ path }, id) => ["create", "--bundle", path, id],
    phases: ["absent", "creating", "created"],
  },
  {
    name: "run --detach",
    words: ({ path }, id) => ["run", "--detach", "--bundle", path, id],
    phases: ["absent", "creating", "running"],
  },
  { name: "start", before: create, words: (_, id) => ["start", id], phases: ["created", "running"] },
  { name: "kill KILL", before: start, words: (_, id) => ["kill", id, "KILL"], phases: ["running", "stopped"] },
  {
    name: "kill KILL, created",
    before: create,
    words: (_, id) => ["kill", id, "KILL"],
    phases: ["created", "stopped"],
  },
  { name: "delete", before: stop, words: (_, id) => ["delete", id], phases: ["stopped", "absent"] },
  {
    name: "delete, created",
    before: create,
    words: (_, id) => ["delete", id],
    phases: ["created", "stopped", "absent"],
  },
  {
    name: "delete --force",
    before: start,
    words: (_, id) => ["delete", "--force", id],
    phases: ["running", "stopped", "absent"],
  },
];

const failing: Operation = {
  name: "create, that fails",
  change: (config) => void (config.hooks = { createRuntime: [{ path: "/bin/false" }] }),
  words: ({ path }, id) => ["create", "--bundle", path, id],
  phases: ["absent", "creating", "absent"],
  status: 1,
};

/** Its process is another one in the middle of it: src/plan/visible.ts. */
const joining: Operation = {
  name: "create, in the pid namespace of another container",
  change: async (config, other) => {
    config.linux.namespaces.find(({ type }) => type === "pid")!.path = `/proc/${await other()}/ns/pid`;
  },
  words: ({ path }, id) => ["create", "--bundle", path, id],
  phases: ["absent", "creating", "created"],
};

for (const { name, change, before, words, phases, status = 0 } of [...operations, failing, joining]) {
  test(
    `state, list, kill, exec, ps, events [at each moment of ${name}]`,
    limits,
    scoped("moments", ["compiler"], async (scope) => {
      const bundle = scope.bundle(["/bin/sleep", "1000"]);
      await change?.(bundle.config, async () => (await detached(scope, scope.bundle(["/bin/sleep", "1000"]))).pid);
      bundle.save();
      const id = scope.id();
      await before?.(scope, bundle, id);
      const operation = new Stepped(scope, words(bundle, id));
      assert.deepEqual(await phasesOf(scope, id, operation), phases);
      const outcome = await operation.end();
      assert.equal(outcome.status, status, describe(words(bundle, id), outcome));
    }),
  );
}

/** Where a question learns or does something: between two of these what it knows may become old. */
const looks = ["openat", "flock", "read", "statx", "getdents64", "readlinkat", "pidfd_open", "pidfd_send_signal"];

/** A question that has made so many of its looks. */
async function asked(scope: Scope, words: readonly string[], looksMade: number): Promise<Stepped> {
  const question = new Stepped(scope, words);
  let made = 0;
  for (let pending = await question.settle(); pending !== undefined; pending = await question.step()) {
    if (looks.includes(pending.call) && made++ === looksMade) break;
  }
  return question;
}

/** More than any but exec makes before it enters the container. */
const mostLooks = 20;

for (const { name, before, words, phases } of operations) {
  test(
    `state, list, kill, exec, ps, events [stopped at each look, while ${name} goes through]`,
    limits,
    scoped("looks", ["compiler"], async (scope) => {
      const bundle = scope.bundle(["/bin/sleep", "1000"], (config) => {
        delete config.linux.cgroupsPath; // each container's own, by its id
      });
      for (let made = 0, open = true; open && made < mostLooks; made++) {
        const id = scope.id();
        await before?.(scope, bundle, id);
        // A creation has begun: there is something to be seen.
        const operation = new Stepped(scope, words(bundle, id));
        for (const wanted of before === undefined ? ["renameat"] : []) {
          while ((await operation.settle())?.call !== wanted) await operation.step();
          await operation.step();
        }
        const stopped = await Promise.all(questions.map((question) => asked(scope, question.words(id), made)));
        open = stopped.some(({ pending }) => pending !== undefined);
        const outcome = await operation.end();
        assert.equal(outcome.status, 0, describe(words(bundle, id), outcome));
        for (const [index, question] of stopped.entries()) {
          const answer = await question.end();
          const { words: asking, fits } = questions[index]!;
          const isKilled = asking(id)[0] === "exec" && phases.includes("stopped") && answer.status === 137;
          assert.ok(
            isKilled || fits(answer, id).some((phase) => phases.includes(phase)),
            `after ${made} looks: ${describe(asking(id), answer)}`,
          );
        }
        await scope.succeed(["delete", "--force", id]);
      }
    }),
  );
}
