/**
 * Annotations run.oci.hooks.stdout and .stderr: where hooks write.
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { scoped } from "../support/scope.ts";

const kinds = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const;

test(
  "create, start, delete [run.oci.hooks.stdout and .stderr: every hook writes there, nothing else does]",
  limits,
  scoped("hooks-output", [], async (scope) => {
    const bundle = scope.bundle('echo program; echo "program errs" >&2', (config) => {
      config.annotations = { "run.oci.hooks.stdout": `${scope.directory}/out`, "run.oci.hooks.stderr": "errors" };
      config.hooks = Object.fromEntries(
        kinds.map((kind) => [kind, [{ path: "/bin/sh", args: ["sh", "-c", `echo ${kind}; echo ${kind} errs >&2`] }]]),
      );
    });
    const id = scope.id();
    const outcomes = [await scope.succeed(["create", "--bundle", bundle.path, id]), await scope.succeed(["start", id])];
    outcomes.push(await scope.succeed(["delete", "--force", id]));
    const expected = (suffix: string): string => kinds.map((kind) => `${kind}${suffix}\n`).join("");
    assert.equal(readFileSync(`${scope.directory}/out`, "utf8"), expected(""));
    assert.equal(readFileSync(`${bundle.path}/errors`, "utf8"), expected(" errs"));
    for (const { stdout, stderr } of outcomes) assert.doesNotMatch(stdout + stderr, /create|start|stop/);

    const again = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(again.stdout, "program\n");
    assert.equal(again.stderr, "program errs\n");
    assert.equal(readFileSync(`${scope.directory}/out`, "utf8"), expected("").repeat(2));
  }),
);

test(
  "run [run.oci.hooks.stderr: a hook that fails is told by the runtime, where it always is]",
  limits,
  scoped("hooks-output-fail", [], async (scope) => {
    const bundle = scope.bundle(["/bin/true"], (config) => {
      config.annotations = { "run.oci.hooks.stderr": "errors" };
      config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "echo oh >&2; exit 4"] }] };
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /exit status 4/);
    assert.equal(readFileSync(`${bundle.path}/errors`, "utf8"), "oh\n");
  }),
);

test(
  "create, start, delete, run [hooks' standard output is nobody's, least of all the container's; their errors are told]",
  limits,
  scoped("hooks-output-none", [], async (scope) => {
    const bundle = scope.bundle("echo program", (config) => {
      config.hooks = Object.fromEntries(
        kinds.map((kind) => [
          kind,
          [{ path: "/bin/sh", args: ["sh", "-c", `echo ${kind} || exit 3; echo ${kind} errs >&2`] }],
        ]),
      );
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "program\n");
    for (const kind of kinds) assert.match(outcome.stderr, new RegExp(`^${kind} errs$`, "m"));

    const id = scope.id();
    let said = (await scope.succeed(["create", "--bundle", bundle.path, id])).stdout;
    said += (await scope.succeed(["start", id])).stdout;
    said += (await scope.succeed(["delete", "--force", id])).stdout;
    assert.doesNotMatch(said, /create|start|stop/);
  }),
);
