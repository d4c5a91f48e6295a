/**
 * A caller whose processes are used up: the operation does what was asked for, or fails with a line that says why; it
 * never waits for ever, and leaves nothing.
 * Kernel: setrlimit(2) RLIMIT_NPROC, which binds nobody with CAP_SYS_RESOURCE or CAP_SYS_ADMIN: an ordinary user here
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import test from "node:test";
import { cgroupsNamed, processesNamed } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { forOneId, singleId } from "../support/mode.ts";
import { describe, scoped } from "../support/scope.ts";
import { noHelp, ordinaryId } from "../support/user.ts";

test(
  "run [a caller that may have few processes] (rootless)",
  limits,
  scoped(
    "nproc",
    ["ordinaryUser"],
    async (scope) => {
      const bundle = scope.bundle("echo ran", forOneId, { ids: singleId, owner: ordinaryId });
      const ended = new Set<boolean>();
      for (const most of [1, 2, 3, 4, 6, 8, 12, 100]) {
        const id = scope.id();
        const words = ["run", "--bundle", bundle.path, id];
        const outcome = await scope.invoke(words, { ownRoot: true, before: ["prlimit", `--nproc=${most}`] });
        assert.equal(outcome.timedOut, false, `${most} processes: it waits`);
        if (outcome.status === 0) assert.equal(outcome.stdout, "ran\n");
        else assert.notEqual(outcome.stderr, "", describe(words, outcome));
        assert.doesNotMatch(outcome.stderr, /internal error/, describe(words, outcome));
        ended.add(outcome.status === 0);
        const names = existsSync(scope.root) ? readdirSync(scope.root).filter((name) => !name.startsWith(".")) : [];
        assert.deepEqual([names, cgroupsNamed(id), processesNamed(id)], [[], [], []], `${most}: ${outcome.stderr}`);
      }
      assert.ok(ended.has(true), "with enough of them it runs");
    },
    noHelp,
  ),
);
