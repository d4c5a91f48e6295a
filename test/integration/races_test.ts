/**
 * Many commands on one id at once: every answer is one that makes sense, and nothing is left.
 * @module
 */
import assert from "node:assert/strict";
import test from "node:test";
import { snapshot } from "../support/leftovers.ts";
import { requires } from "../support/machine.ts";
import { describe, scoped } from "../support/scope.ts";

/** What a command may answer when others work on the same container. */
const answers: Readonly<Record<string, RegExp>> = {
  create: /already exists|was deleted while it was being created|was killed by signal 9 before it was ready/,
  run: /already exists|was deleted while|was killed by signal 9 before|ended before it could execute/,
  start:
    /does not exist|Cannot start container "\S+" in state (running|stopped|creating)|ended before it could execute/,
  kill: /container does not exist|container not running/,
  delete: /container does not exist|that is not stopped: running/,
  state: /container does not exist/,
};

test(
  "create, start, kill, delete, state [four at a time on one id]",
  requires(),
  scoped("races", async (scope) => {
    const bundle = scope.bundle(["/bin/sleep", "1000"]);
    const before = snapshot(scope.tag, scope.directory, scope.root);
    const id = scope.id();
    const lines: string[][] = [
      ["create", "--bundle", bundle.path, id],
      ["create", "--bundle", bundle.path, id],
      ["run", "--detach", "--bundle", bundle.path, id],
      ["start", id],
      ["kill", id, "KILL"],
      ["state", id],
      ["delete", id],
      ["delete", "--force", id],
    ];
    const succeeded = new Set<string>();
    let calls = 0;
    const worker = async (step: number): Promise<void> => {
      // Each worker goes through the commands with a stride of its own, so that they meet in every combination.
      for (let at = step; calls < 200; at += step) {
        calls++;
        const words = lines[at % lines.length]!;
        const outcome = await scope.invoke(words, { timeoutMs: 30_000 });
        if (outcome.status === 0) succeeded.add(words[0]!);
        else assert.match(outcome.stderr.split("\n")[0]!, answers[words[0]!] ?? /^$/, describe(words, outcome));
      }
    };
    await Promise.all([1, 3, 5, 7].map(worker));
    await scope.succeed(["delete", "--force", id]);
    assert.ok(succeeded.has("create") && succeeded.has("delete") && succeeded.has("state"), [...succeeded].join());
    const after = snapshot(scope.tag, scope.directory, scope.root);
    // The state root itself is made by the first create and stays.
    assert.deepEqual({ ...after, state: after.state.length }, { ...before, state: 0 });
  }),
);
