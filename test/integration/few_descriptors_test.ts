/**
 * Every command with few descriptors: it works, or fails in words, and the host is as before.
 * @module
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import test from "node:test";
import { detached, stateOf } from "../support/containers.ts";
import { cgroupsNamed } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { describe, scoped } from "../support/scope.ts";

test(
  "every command [3 to 12 descriptors: it works, or fails and leaves nothing]",
  limits,
  scoped("descriptors", [], async (scope) => {
    const { id } = await detached(scope, scope.bundle(["/bin/sleep", "100"]));
    const { path } = scope.bundle(["/bin/true"]);
    const cgroups = cgroupsNamed(scope.tag).length;
    const commands = (fresh: string): string[][] => [
      ["run", "--bundle", path, fresh],
      ["create", "--bundle", path, fresh],
      ["exec", id, "true"],
      ["start", id],
      ["kill", id, "0"],
      ["state", id],
      ["list"],
      ["ps", id],
      ["update", "--pids-limit", "50", id],
      ["pause", id],
      ["resume", id],
      ["delete", id],
    ];
    for (let most = 3; most <= 12; most++) {
      const fresh = scope.id();
      for (const words of commands(fresh)) {
        const outcome = await scope.invoke(words, { before: ["prlimit", `--nofile=${most}`], timeoutMs: 8000 });
        const text = `${most} descriptors: ${describe(words, outcome)}`;
        assert.equal(outcome.timedOut, false, text);
        assert.equal(outcome.signal, null, text);
        assert.doesNotMatch(outcome.stderr, /internal error|damaged|was deleted while/, text);
        if (words[0] === "create" && outcome.status === 0) await scope.succeed(["delete", "--force", fresh]);
        assert.deepEqual(
          readdirSync(scope.root).filter((name) => !name.startsWith(".")),
          [id],
          text,
        );
        assert.equal(cgroupsNamed(scope.tag).length, cgroups, text);
      }
      assert.match((await stateOf(scope, id)).status, /running|paused/);
    }
  }),
);
