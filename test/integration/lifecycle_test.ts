/**
 * The life of a container, operation by operation, by the rules of runtime.md.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import test from "node:test";
import { stateOf, stopped } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { snapshot } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { mode } from "../support/mode.ts";
import { type Scope, describe, scoped } from "../support/scope.ts";
import { userName } from "../support/user.ts";

const status = async (scope: Scope, id: string): Promise<string> => (await stateOf(scope, id)).status;

// MUST runtime.md#lifecycle
test(
  "create, start, kill, delete [whole life]",
  limits,
  scoped("life", [], async (scope) => {
    const before = snapshot(scope.tag, scope.directory, scope.root);
    const bundle = scope.bundle("echo started; exec sleep 1000", (config) => {
      config.annotations = { "com.example.key": "value" };
    });
    const id = scope.id();
    const created = await scope.succeed(["create", "--bundle", bundle.path, id]);
    assert.equal(created.stdout, "", "the program must not run before start");

    // MUST runtime.md#state
    const first = await stateOf(scope, id);
    assert.equal(first.status, "created");
    assert.equal(first.id, id);
    assert.equal(first.bundle, bundle.path);
    assert.equal(first.rootfs, bundle.rootfs);
    assert.match(first.ociVersion, /^1\.\d+\.\d+/);
    assert.match(first.created ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.equal(first.owner, mode === "rootless" ? userName : "root");
    assert.deepEqual(first.annotations, { "com.example.key": "value" });
    assert.ok(first.pid > 0);
    assert.ok(existsSync(`/proc/${first.pid}`), "pid of the state is a process of this machine");
    const startTime = readFileSync(`/proc/${first.pid}/stat`, "utf8").split(" ")[21];

    await scope.succeed(["start", id]);
    const second = await stateOf(scope, id);
    assert.equal(second.status, "running");
    assert.equal(second.pid, first.pid);
    assert.equal(readFileSync(`/proc/${first.pid}/stat`, "utf8").split(" ")[21], startTime, "the same process goes on");
    await until("the program to run", () => readFileSync(`/proc/${first.pid}/cmdline`, "utf8").includes("sleep"));

    // MUST runtime.md#delete: only a stopped container
    const early = await scope.invoke(["delete", id]);
    assert.equal(early.status, 1, describe(["delete"], early));
    assert.match(early.stderr, /not stopped/);
    assert.equal(await status(scope, id), "running");

    await scope.succeed(["kill", id, "KILL"]);
    await stopped(scope, id);
    assert.equal((await stateOf(scope, id)).pid, 0);
    await scope.succeed(["delete", id]);
    const gone = await scope.invoke(["state", id]);
    assert.equal(gone.status, 1);
    assert.match(gone.stderr, /does not exist/);
    const after = snapshot(scope.tag, scope.directory, scope.root);
    assert.deepEqual({ ...after, state: [] }, { ...before, state: [] });
    assert.equal(existsSync(`${scope.root}/${id}`), false);

    // MUST runtime.md#delete: the id may be used again
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    await scope.succeed(["delete", "--force", id]);
  }),
);

// MUST runtime.md#create: later changes of config.json have no effect
test(
  "create [config.json changed after create]",
  limits,
  scoped("changed", [], async (scope) => {
    const bundle = scope.bundle("echo first > /tmp/out");
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    bundle.config.process.args = ["/bin/sh", "-c", "echo second > /tmp/out"];
    bundle.save();
    await scope.succeed(["start", id]);
    await stopped(scope, id);
    assert.equal(readFileSync(`${bundle.rootfs}/tmp/out`, "utf8"), "first\n");
  }),
);

// MUST runtime.md#state: an unknown id is an error; and the words that containerd looks for
for (const words of [["state"], ["start"], ["kill"], ["delete"]]) {
  test(
    `${words[0]} [unknown id]`,
    limits,
    scoped("unknown", [], async (scope) => {
      const outcome = await scope.invoke([...words, scope.id()]);
      assert.equal(outcome.status, 1, describe(words, outcome));
      assert.match(outcome.stderr, /container does not exist/);
      assert.equal(outcome.stdout, "");
    }),
  );
}

test(
  "delete --force [unknown id is no error]",
  limits,
  scoped("force", [], async (scope) => {
    await scope.succeed(["delete", "--force", scope.id()]);
  }),
);

// MUST runtime.md#create
test(
  "create [duplicate id]",
  limits,
  scoped("duplicate", [], async (scope) => {
    const bundle = scope.bundle(["sleep", "1000"]);
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    const before = snapshot(scope.tag, scope.directory, scope.root);
    const again = await scope.invoke(["create", "--bundle", bundle.path, id]);
    assert.equal(again.status, 1, describe(["create"], again));
    assert.match(again.stderr, /exist/);
    assert.deepEqual(snapshot(scope.tag, scope.directory, scope.root), before);
    assert.equal(await status(scope, id), "created");
  }),
);

// MUST runtime.md#start: only a created container
test(
  "start [running and stopped containers]",
  limits,
  scoped("start", [], async (scope) => {
    const bundle = scope.bundle(["sleep", "1000"]);
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    await scope.succeed(["start", id]);
    const running = await scope.invoke(["start", id]);
    assert.equal(running.status, 1);
    assert.equal(await status(scope, id), "running");
    await scope.succeed(["kill", id, "9"]);
    await stopped(scope, id);
    assert.equal((await scope.invoke(["start", id])).status, 1);
    assert.equal(await status(scope, id), "stopped");
  }),
);

// MUST runtime.md#start: without process it is an error, create is none
test(
  "create, start [no process]",
  limits,
  scoped("noprocess", [], async (scope) => {
    const bundle = scope.bundle([], (config) => delete (config as Partial<typeof config>).process);
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    const outcome = await scope.invoke(["start", id]);
    assert.equal(outcome.status, 1, describe(["start"], outcome));
    assert.match(outcome.stderr, /process/);
    await scope.succeed(["delete", "--force", id]);
  }),
);

test(
  "start [a program that is gone, with limits above 2^53 in config.json]",
  limits,
  scoped("gone", [], async (scope) => {
    const bundle = scope.bundle(["/bin/gone"], (config) => {
      config.annotations = { config: '","config":', "1": "x" };
      config.process.rlimits = [{ type: "RLIMIT_MEMLOCK", soft: 18446744073709551615n, hard: 18446744073709551615n }];
    });
    writeFileSync(`${bundle.rootfs}/bin/gone`, "#!/bin/sh\n", { mode: 0o755 });
    const id = scope.id();
    const created = await scope.invoke(["create", "--bundle", bundle.path, id]);
    if (created.status !== 0) {
      // Only who has CAP_SYS_RESOURCE may raise the limit; then the number was read as it stands.
      assert.match(created.stderr, /prlimit64\(.*RLIM_INFINITY.*EPERM/);
      return;
    }
    rmSync(`${bundle.rootfs}/bin/gone`);
    const started = await scope.invoke(["start", id]);
    assert.equal(started.status, 1);
    assert.match(started.stderr, /exec: "\/bin\/gone"/);
  }),
);
