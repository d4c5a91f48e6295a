/**
 * State directories that somebody or something has spoilt, and records that cannot be read right now: what is damaged is
 * shown and can be removed, what was not read is not taken for damaged, and nothing outside goes with it.
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { detached } from "../support/containers.ts";
import { cgroupsNamed } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { afterMounting } from "../support/own_mounts.ts";
import { describe, type Scope, scoped } from "../support/scope.ts";

/** What state.json may turn out to be. */
const spoilt: Readonly<Record<string, (path: string) => void>> = {
  fifo: (path) => void execFileSync("mkfifo", ["-m", "600", path]),
  link: (path) => symlinkSync("/etc/passwd", path),
  directory: (path) => mkdirSync(path),
  empty: (path) => writeFileSync(path, "", { mode: 0o600 }),
  foreign: (path) => writeFileSync(path, '{"pid":0,"cgroups":[]}', { mode: 0o600 }),
};

function spoil(scope: Scope, id: string, kind: string): void {
  mkdirSync(`${scope.root}/${id}`, { recursive: true, mode: 0o700 });
  rmSync(`${scope.root}/${id}/state.json`, { force: true });
  spoilt[kind]!(`${scope.root}/${id}/state.json`);
}

test(
  "list, state, exec, delete [damaged records: each its line, none waited for, none in the others' way]",
  limits,
  scoped("spoilt", [], async (scope) => {
    const { id } = await detached(scope, scope.bundle(["/bin/sleep", "100"]));
    const kinds = Object.keys(spoilt);
    for (const kind of kinds) spoil(scope, `${scope.tag}-${kind}`, kind);
    const listed = await scope.succeed(["list", "--format", "json"], { timeoutMs: 5000 });
    const states = new Map(
      (JSON.parse(listed.stdout) as { id: string; status: string }[]).map((view) => [view.id, view.status]),
    );
    assert.equal(states.get(id), "running");
    for (const kind of kinds) {
      const name = `${scope.tag}-${kind}`;
      assert.equal(states.get(name), "damaged", kind);
      for (const words of [
        ["state", name],
        ["exec", name, "true"],
        ["kill", name],
        ["delete", name],
      ]) {
        const outcome = await scope.invoke(words, { timeoutMs: 5000 });
        assert.equal(outcome.timedOut, false, `${kind}: ${words[0]} waits`);
        assert.match(outcome.stderr, /^bunker: State file ".*" is damaged/, describe(words, outcome));
      }
      await scope.succeed(["delete", "--force", name], { timeoutMs: 5000 });
      assert.equal(existsSync(`${scope.root}/${name}`), false);
    }
    assert.match((await scope.succeed(["list"])).stdout, /running/);
  }),
);

test(
  "delete --force [a record that cannot be read just now is no damaged one: nothing is removed]",
  limits,
  scoped("transient", [], async (scope) => {
    const { id, pid } = await detached(scope, scope.bundle(["/bin/sleep", "100"]));
    const before = cgroupsNamed(scope.tag).length;
    let failed = 0;
    for (let most = 6; most <= 12; most++) {
      const prefix = [`prlimit`, `--nofile=${most}`];
      const outcome = await scope.invoke(["delete", "--force", "--instance", "2:2", id], { before: prefix });
      // With --instance of another nothing is to be done even where everything can be read.
      if (outcome.status !== 0) failed++;
      assert.doesNotMatch(outcome.stderr, /damaged/);
      assert.ok(existsSync(`${scope.root}/${id}/state.json`), `state is gone with ${most} descriptors`);
      assert.ok(existsSync(`/proc/${pid}`));
      assert.equal(cgroupsNamed(scope.tag).length, before);
    }
    assert.ok(failed > 0, "some limit is too small");
  }),
);

const outside = (scope: Scope): string => `${scope.directory}/outside`;

/** A stopped container whose record names another cgroup. */
async function withCgroup(scope: Scope, path: string): Promise<string> {
  const id = scope.id();
  await scope.succeed(["run", "--detach", "--bundle", scope.bundle(["/bin/true"]).path, id]);
  const file = `${scope.root}/${id}/state.json`;
  const [first, ...added] = readFileSync(file, "utf8").split("\x1e");
  const { config, ...record } = JSON.parse(first!) as Record<string, unknown>;
  const changed = JSON.stringify({ ...record, cgroups: [path], found: undefined, config });
  writeFileSync(file, [`${changed}\n`, ...added].join("\x1e"));
  return id;
}

test(
  "delete --force [a record that names a directory outside cgroups: it stays]",
  limits,
  scoped("foreign", [], async (scope) => {
    mkdirSync(outside(scope));
    for (const path of [outside(scope), `/sys/fs/cgroup/../../..${outside(scope)}`]) {
      const id = await withCgroup(scope, path);
      const outcome = await scope.succeed(["delete", "--force", id]);
      assert.match(outcome.stderr, /damaged: \/cgroups/);
      assert.ok(existsSync(outside(scope)), path);
    }
  }),
);

test(
  "delete --force [a cgroup's path that is on another filesystem: it stays]",
  limits,
  scoped("fs", [], async (scope) => {
    const id = await withCgroup(scope, "/sys/fs/cgroup/foreign/empty");
    mkdirSync(`${outside(scope)}/foreign/empty`, { recursive: true });
    // The container's own cgroups are out of sight there; the scope removes them.
    const before = afterMounting(`mount --bind ${outside(scope)} /sys/fs/cgroup`);
    await scope.succeed(["delete", "--force", id], { before });
    assert.deepEqual(readdirSync(`${outside(scope)}/foreign`), ["empty"]);
  }),
);

test(
  "create [few descriptors: an error that says so, and nothing left]",
  limits,
  scoped("few", [], async (scope) => {
    const bundle = scope.bundle(["/bin/true"]);
    for (let most = 6; most <= 40; most += most < 16 ? 1 : 6) {
      const id = scope.id();
      const words = ["create", "--bundle", bundle.path, id];
      const outcome = await scope.invoke(words, { before: ["prlimit", `--nofile=${most}`] });
      assert.doesNotMatch(outcome.stderr, /was deleted while|internal error/, describe(words, outcome));
      if (outcome.status === 0) await scope.succeed(["delete", "--force", id]);
      const names = existsSync(scope.root) ? readdirSync(scope.root).filter((name) => !name.startsWith(".")) : [];
      assert.deepEqual(names, [], `${most} descriptors: ${outcome.stderr}`);
      assert.deepEqual(cgroupsNamed(scope.tag), [], `${most} descriptors: ${outcome.stderr}`);
    }
  }),
);
