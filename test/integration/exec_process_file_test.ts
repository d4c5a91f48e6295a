/**
 * `exec --process`: what the file leaves out, and where it may come from.
 * @module
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test from "node:test";
import { detached } from "../support/containers.ts";
import { limits } from "../support/machine.ts";
import { mode } from "../support/mode.ts";
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

test(
  "exec --process, run --config [a pipe whose writer takes its time]",
  limits,
  scoped("pipe", [], async (scope) => {
    if (mode === "rootless") return; // the pipe is root's
    const { id } = await detached(scope, scope.bundle("exec sleep 1000"));
    const file = processFile(scope, { args: ["/bin/echo", "late"] });
    const through = (path: string): readonly string[] => [
      "/bin/sh",
      "-c",
      `{ sleep 0.3; head -c 20 ${path}; sleep 0.3; tail -c +21 ${path}; } | { exec 5<&0 0</bin/sh; exec "$@"; }`,
      "sh",
    ];
    const late = await scope.succeed(["exec", "--process", "/dev/fd/5", id], { before: through(file) });
    assert.equal(late.stdout, "late\n");
    const other = scope.bundle(["/bin/echo", "configured"]);
    const words = ["run", "--bundle", other.path, "--config", "/dev/fd/5", scope.id()];
    const before = through(`${other.path}/config.json`);
    assert.equal((await scope.succeed(words, { before })).stdout, "configured\n");
  }),
);
