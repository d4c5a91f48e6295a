/**
 * `exec --process`: what the file leaves out, and where it may come from.
 * @module
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test from "node:test";
import { detached } from "../support/containers.ts";
import { limits } from "../support/machine.ts";
import { type Scope, scoped } from "../support/scope.ts";

/** A process file in the test's directory. */
function processFile(scope: Scope, process: object): string {
  const path = `${scope.directory}/process.json`;
  writeFileSync(path, JSON.stringify({ cwd: "/", env: ["PATH=/bin"], ...process }));
  return path;
}

test(
  "exec --process [user and limits are the container's where the file names none]",
  limits,
  scoped("incomplete", [], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000", ({ process }) => {
      process.user = { uid: 7, gid: 8, additionalGids: [9] };
    });
    const { id } = await detached(scope, bundle);
    const whose = { args: ["/bin/sh", "-c", "id -u; id -G; ulimit -n"] };
    const run = async (process: object): Promise<string> =>
      (await scope.succeed(["exec", "--process", processFile(scope, process), id])).stdout;
    assert.equal(await run(whose), "7\n8 9\n1024\n");
    assert.equal(await run({ ...whose, user: null, rlimits: [] }), "7\n8 9\n1024\n");
    assert.equal(await run({ ...whose, user: { uid: 0, gid: 0 } }), "0\n0\n1024\n");
  }),
);
