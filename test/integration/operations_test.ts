/**
 * `kill`, `list`, and `create` in unusual company: what the life of one container does not show.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type State, stateOf, stopped } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { snapshot } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { scoped } from "../support/scope.ts";

// MUST runtime.md#kill: exactly the given signal; only created or running
const signals: [string[], string][] = [
  [[], "TERM"],
  [["TERM"], "TERM"],
  [["SIGUSR1"], "USR1"],
  [["12"], "USR2"],
  [["hup"], "HUP"],
  [["--all", "INT"], "INT"],
];
test(
  "kill [signals by name and number]",
  limits,
  scoped("signals", ["ownCgroups"], async (scope) => {
    const traps = ["TERM", "USR1", "USR2", "HUP", "INT"]
      .map((name) => `trap 'echo ${name}; exit 0' ${name};`)
      .join(" ");
    for (const [words, expected] of signals) {
      const bundle = scope.bundle(`${traps} echo ready; while :; do sleep 0.02; done`);
      const id = scope.id();
      const running = scope.launch(["run", "--bundle", bundle.path, id]);
      await until("the traps", () => running.output().includes("ready"));
      const flags = words.filter((word) => word.startsWith("-"));
      await scope.succeed(["kill", ...flags, id, "0"]);
      await scope.succeed(["kill", ...flags, id, ...words.filter((word) => !word.startsWith("-"))]);
      assert.equal((await running.done).stdout, `ready\n${expected}\n`);
    }
  }),
);

test(
  "kill [stopped container]",
  limits,
  scoped("killstopped", [], async (scope) => {
    const bundle = scope.bundle();
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    await scope.succeed(["start", id]);
    await stopped(scope, id);
    const outcome = await scope.invoke(["kill", id, "TERM"]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /not running|process already finished/);
    // kill(2): 0 only asks whether it is there.
    assert.equal((await scope.invoke(["kill", id, "0"])).status, 1);
    const bad = await scope.invoke(["kill", id, "SIGNONSENSE"]);
    assert.equal(bad.status, 1);
    assert.match(bad.stderr, /SIGNONSENSE/);
  }),
);

test(
  "kill [container waiting for start]",
  limits,
  scoped("killcreated", [], async (scope) => {
    const bundle = scope.bundle("echo ran > /tmp/ran");
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    await scope.succeed(["kill", id, "KILL"]);
    await stopped(scope, id);
    assert.equal(existsSync(`${bundle.rootfs}/tmp/ran`), false);
    await scope.succeed(["delete", id]);
  }),
);

test(
  "kill KILL [without a pid namespace, the whole cgroup ends]",
  limits,
  scoped("killall", ["ownCgroups"], async (scope) => {
    const bundle = scope.bundle("sleep 1001 & sleep 1002 & echo ready; sleep 1003", (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    });
    const id = scope.id();
    const running = scope.launch(["run", "--detach", "--bundle", bundle.path, id]);
    assert.equal((await running.done).status, 0);
    await until("the program", () => running.output().includes("ready"));
    await scope.succeed(["delete", "--force", id]);
    await until("no process to be left", () => snapshot(scope.tag, scope.directory, scope.root).processes.length === 0);
  }),
);

test(
  "list [table, JSON, ids]",
  limits,
  scoped("list", [], async (scope) => {
    const empty = await scope.succeed(["list", "--format", "json"]);
    assert.match(empty.stdout.trim(), /^(\[\]|null)$/);
    const ids = [scope.id(), scope.id()];
    const bundles = ids.map(() => scope.bundle(["sleep", "1000"]).path);
    for (const [index, id] of ids.entries()) await scope.succeed(["create", "--bundle", bundles[index]!, id]);
    await scope.succeed(["start", ids[1]!]);
    const list = JSON.parse((await scope.succeed(["list", "-f", "json"])).stdout) as State[];
    assert.deepEqual(
      list.map((entry) => [entry.id, entry.status, entry.bundle]),
      [
        [ids[0], "created", bundles[0]],
        [ids[1], "running", bundles[1]],
      ],
    );
    const quiet = await scope.succeed(["list", "-q"]);
    assert.deepEqual(quiet.stdout.split("\n").filter(Boolean), ids);
    const table = (await scope.succeed(["list"])).stdout.split("\n");
    assert.match(table[0]!, /^ID\s+PID\s+STATUS\s+BUNDLE\s+CREATED\s+OWNER/);
    assert.match(table[1]!, new RegExp(`^${ids[0]}\\s+\\d+\\s+created\\s+${bundles[0]}\\s`));
  }),
);

test(
  "create [two at once on one id: one wins]",
  limits,
  scoped("race", [], async (scope) => {
    const bundles = [scope.bundle(["sleep", "1000"]), scope.bundle(["sleep", "1000"])];
    for (let round = 0; round < 5; round++) {
      const id = scope.id();
      const outcomes = await Promise.all(
        bundles.map((bundle) => scope.invoke(["create", "--bundle", bundle.path, id])),
      );
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status).toSorted(),
        [0, 1],
        outcomes.map((o) => o.stderr).join(),
      );
      const winner = outcomes.findIndex((outcome) => outcome.status === 0);
      assert.match(outcomes[1 - winner]!.stderr, /exist|busy/);
      assert.equal((await stateOf(scope, id)).bundle, bundles[winner]!.path);
      await scope.succeed(["delete", "--force", id]);
      assert.deepEqual(snapshot(scope.tag, scope.directory, scope.root).cgroups, []);
    }
  }),
);

test(
  "create [state directory is private]",
  limits,
  scoped("private", [], async (scope) => {
    const bundle = scope.bundle(["sleep", "1000"]);
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    assert.equal(statSync(scope.root).mode & 0o077, 0, "root of the states");
    assert.equal(statSync(`${scope.root}/${id}`).mode & 0o777, 0o700);
  }),
);

test(
  "create [relative bundle, --config elsewhere]",
  limits,
  scoped("relative", [], async (scope) => {
    const bundle = scope.bundle(["sleep", "1000"]);
    const id = scope.id();
    await scope.succeed(["create", "--bundle", "bundle1", id], { cwd: scope.directory });
    assert.equal((await stateOf(scope, id)).bundle, bundle.path);
    const other = scope.id();
    writeFileSync(
      `${scope.directory}/other.json`,
      readFileSync(`${bundle.path}/config.json`, "utf8").replace("-b1", "-o"),
    );
    await scope.succeed(["create", "--bundle", bundle.path, "--config", `${scope.directory}/other.json`, other]);
  }),
);
