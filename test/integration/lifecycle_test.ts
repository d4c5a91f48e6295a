/**
 * The life of a container, operation by operation, by the rules of runtime.md.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import test from "node:test";
import { until } from "../support/execute.ts";
import { snapshot } from "../support/leftovers.ts";
import { requires } from "../support/machine.ts";
import { bunker } from "../support/runtime.ts";
import { type Scope, describe, scoped } from "../support/scope.ts";

interface State {
  ociVersion: string;
  id: string;
  status: string;
  pid: number;
  bundle: string;
  rootfs?: string;
  created?: string;
  owner?: string;
  annotations?: Record<string, string>;
}

async function state(scope: Scope, id: string): Promise<State> {
  return JSON.parse((await scope.succeed(["state", id])).stdout) as State;
}

const status = async (scope: Scope, id: string): Promise<string> => (await state(scope, id)).status;

const stopped = (scope: Scope, id: string): Promise<boolean> =>
  until("the container to stop", async () => (await status(scope, id)) === "stopped");

// MUST runtime.md#lifecycle
test("create, start, kill, delete [whole life]", requires(), scoped("life", async (scope) => {
  const before = snapshot(scope.tag, scope.directory, scope.root);
  const bundle = scope.bundle("echo started; exec sleep 1000", (config) => {
    config.annotations = { "com.example.key": "value" };
  });
  const id = scope.id();
  const created = await scope.succeed(["create", "--bundle", bundle.path, id]);
  assert.equal(created.stdout, "", "the program must not run before start");

  // MUST runtime.md#state
  const first = await state(scope, id);
  assert.equal(first.status, "created");
  assert.equal(first.id, id);
  assert.equal(first.bundle, bundle.path);
  assert.equal(first.rootfs, bundle.rootfs);
  assert.match(first.ociVersion, /^1\.\d+\.\d+/);
  assert.match(first.created ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  assert.equal(first.owner, "root");
  assert.deepEqual(first.annotations, { "com.example.key": "value" });
  assert.ok(first.pid > 0);
  assert.ok(existsSync(`/proc/${first.pid}`), "pid of the state is a process of this machine");
  const startTime = readFileSync(`/proc/${first.pid}/stat`, "utf8").split(" ")[21];

  await scope.succeed(["start", id]);
  const second = await state(scope, id);
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
  assert.equal((await state(scope, id)).pid, 0);
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
}));

// MUST runtime.md#create: later changes of config.json have no effect
test("create [config.json changed after create]", requires(), scoped("changed", async (scope) => {
  const bundle = scope.bundle("echo first > /tmp/out");
  const id = scope.id();
  await scope.succeed(["create", "--bundle", bundle.path, id]);
  bundle.config.process.args = ["/bin/sh", "-c", "echo second > /tmp/out"];
  bundle.save();
  await scope.succeed(["start", id]);
  await stopped(scope, id);
  assert.equal(readFileSync(`${bundle.rootfs}/tmp/out`, "utf8"), "first\n");
}));

// MUST runtime.md#state: an unknown id is an error; and the words that containerd looks for
for (const words of [["state"], ["start"], ["kill"], ["delete"]]) {
  test(`${words[0]} [unknown id]`, requires(), scoped("unknown", async (scope) => {
    const outcome = await scope.invoke([...words, scope.id()]);
    assert.equal(outcome.status, 1, describe(words, outcome));
    assert.match(outcome.stderr, /container does not exist/);
    assert.equal(outcome.stdout, "");
  }));
}

test("delete --force [unknown id is no error]", requires(), scoped("force", async (scope) => {
  await scope.succeed(["delete", "--force", scope.id()]);
}));

// MUST runtime.md#create
test("create [duplicate id]", requires(), scoped("duplicate", async (scope) => {
  const bundle = scope.bundle(["sleep", "1000"]);
  const id = scope.id();
  await scope.succeed(["create", "--bundle", bundle.path, id]);
  const before = snapshot(scope.tag, scope.directory, scope.root);
  const again = await scope.invoke(["create", "--bundle", bundle.path, id]);
  assert.equal(again.status, 1, describe(["create"], again));
  assert.match(again.stderr, /exist/);
  assert.deepEqual(snapshot(scope.tag, scope.directory, scope.root), before);
  assert.equal(await status(scope, id), "created");
}));

// MUST runtime.md#start: only a created container
test("start [running and stopped containers]", requires(), scoped("start", async (scope) => {
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
}));

// MUST runtime.md#start: without process it is an error, create is none
test("create, start [no process]", requires(), scoped("noprocess", async (scope) => {
  const bundle = scope.bundle([], (config) => delete (config as Partial<typeof config>).process);
  const id = scope.id();
  await scope.succeed(["create", "--bundle", bundle.path, id]);
  const outcome = await scope.invoke(["start", id]);
  assert.equal(outcome.status, 1, describe(["start"], outcome));
  assert.match(outcome.stderr, /process/);
  await scope.succeed(["delete", "--force", id]);
}));

// MUST runtime.md#kill: exactly the given signal; only created or running
const signals: [string[], string][] = [
  [[], "TERM"],
  [["TERM"], "TERM"],
  [["SIGUSR1"], "USR1"],
  [["12"], "USR2"],
  [["hup"], "HUP"],
  [["--all", "INT"], "INT"],
];
test("kill [signals by name and number]", requires(), scoped("signals", async (scope) => {
  const traps = ["TERM", "USR1", "USR2", "HUP", "INT"].map((name) => `trap 'echo ${name}; exit 0' ${name};`).join(" ");
  for (const [words, expected] of signals) {
    const bundle = scope.bundle(`${traps} echo ready; while :; do sleep 0.02; done`);
    const id = scope.id();
    const running = scope.launch(["run", "--bundle", bundle.path, id]);
    await until("the traps", () => running.output().includes("ready"));
    const flags = words.filter((word) => word.startsWith("-"));
    await scope.succeed(["kill", ...flags, id, ...words.filter((word) => !word.startsWith("-"))]);
    assert.equal((await running.done).stdout, `ready\n${expected}\n`);
  }
}));

test("kill [stopped container]", requires(), scoped("killstopped", async (scope) => {
  const bundle = scope.bundle();
  const id = scope.id();
  await scope.succeed(["create", "--bundle", bundle.path, id]);
  await scope.succeed(["start", id]);
  await stopped(scope, id);
  const outcome = await scope.invoke(["kill", id, "TERM"]);
  assert.equal(outcome.status, 1);
  assert.match(outcome.stderr, /not running|process already finished/);
  const bad = await scope.invoke(["kill", id, "SIGNONSENSE"]);
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /SIGNONSENSE/);
}));

test("kill [container waiting for start]", requires(), scoped("killcreated", async (scope) => {
  const bundle = scope.bundle("echo ran > /tmp/ran");
  const id = scope.id();
  await scope.succeed(["create", "--bundle", bundle.path, id]);
  await scope.succeed(["kill", id, "KILL"]);
  await stopped(scope, id);
  assert.equal(existsSync(`${bundle.rootfs}/tmp/ran`), false);
  await scope.succeed(["delete", id]);
}));

test("kill KILL [without a pid namespace, the whole cgroup ends]", requires(), scoped("killall", async (scope) => {
  const bundle = scope.bundle("sleep 1001 & sleep 1002 & echo ready; sleep 1003", (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
  });
  const id = scope.id();
  const running = scope.launch(["run", "--detach", "--bundle", bundle.path, id]);
  assert.equal((await running.done).status, 0);
  await until("the program", () => running.output().includes("ready"));
  await scope.succeed(["delete", "--force", id]);
  await until("no process to be left", () => snapshot(scope.tag, scope.directory, scope.root).processes.length === 0);
}));

test("list [table, JSON, ids]", requires(), scoped("list", async (scope) => {
  const empty = await scope.succeed(["list", "--format", "json"]);
  assert.match(empty.stdout.trim(), /^(\[\]|null)$/);
  const bundle = scope.bundle(["sleep", "1000"]);
  const ids = [scope.id(), scope.id()];
  for (const [index, id] of ids.entries()) {
    bundle.config.linux.cgroupsPath = `/${scope.tag}-list${index}`;
    bundle.save();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
  }
  await scope.succeed(["start", ids[1]!]);
  const list = JSON.parse((await scope.succeed(["list", "-f", "json"])).stdout) as State[];
  assert.deepEqual(
    list.map((entry) => [entry.id, entry.status, entry.bundle]),
    [
      [ids[0], "created", bundle.path],
      [ids[1], "running", bundle.path],
    ],
  );
  const quiet = await scope.succeed(["list", "-q"]);
  assert.deepEqual(quiet.stdout.split("\n").filter(Boolean), ids);
  const table = (await scope.succeed(["list"])).stdout.split("\n");
  assert.match(table[0]!, /^ID\s+PID\s+STATUS\s+BUNDLE\s+CREATED\s+OWNER/);
  assert.match(table[1]!, new RegExp(`^${ids[0]}\\s+\\d+\\s+created\\s+${bundle.path}\\s`));
}));

test("create [two at once on one id: one wins]", requires(), scoped("race", async (scope) => {
  const bundles = [scope.bundle(["sleep", "1000"]), scope.bundle(["sleep", "1000"])];
  for (let round = 0; round < 5; round++) {
    const id = scope.id();
    const outcomes = await Promise.all(
      bundles.map((bundle) => scope.invoke(["create", "--bundle", bundle.path, id])),
    );
    assert.deepEqual(outcomes.map((outcome) => outcome.status).toSorted(), [0, 1], outcomes.map((o) => o.stderr).join());
    const winner = outcomes.findIndex((outcome) => outcome.status === 0);
    assert.match(outcomes[1 - winner]!.stderr, /exist|busy/);
    assert.equal((await state(scope, id)).bundle, bundles[winner]!.path);
    await scope.succeed(["delete", "--force", id]);
    assert.deepEqual(snapshot(scope.tag, scope.directory, scope.root).cgroups, []);
  }
}));

test("create [state directory is private]", requires(), scoped("private", async (scope) => {
  const bundle = scope.bundle(["sleep", "1000"]);
  const id = scope.id();
  await scope.succeed(["create", "--bundle", bundle.path, id]);
  assert.equal(statSync(scope.root).mode & 0o077, 0, "root of the states");
  if (bunker().path.endsWith("bunker")) assert.equal(statSync(`${scope.root}/${id}`).mode & 0o777, 0o700);
}));

test("create [relative bundle, --config elsewhere]", requires(), scoped("relative", async (scope) => {
  const bundle = scope.bundle(["sleep", "1000"]);
  const id = scope.id();
  await scope.succeed(["create", "--bundle", "bundle1", id], { cwd: scope.directory });
  assert.equal((await state(scope, id)).bundle, bundle.path);
  if (!bunker().path.endsWith("bunker")) return; // --config is crun's and ours
  const other = scope.id();
  writeFileSync(`${scope.directory}/other.json`, readFileSync(`${bundle.path}/config.json`, "utf8").replace("-b1", "-o"));
  await scope.succeed(["create", "--bundle", bundle.path, "--config", `${scope.directory}/other.json`, other]);
}));
