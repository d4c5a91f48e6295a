/**
 * `exec` where it cannot be, or only just: containers that have ended, are created, paused, ending; many at once.
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { stateOf } from "../support/containers.ts";
import { processFile, running, shell } from "../support/exec.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { mode } from "../support/mode.ts";
import { type Scope, scoped } from "../support/scope.ts";

const pidOf = async (scope: Scope, id: string): Promise<number> => (await stateOf(scope, id)).pid;

const failures: readonly [name: string, words: (id: string) => string[], message: RegExp][] = [
  [
    "no such file",
    (id) => [id, "/no/such"],
    /^bunker: exec: "\/no\/such": stat \/no\/such: no such file or directory$/m,
  ],
  ["not in PATH", (id) => [id, "nonsense"], /^bunker: exec: "nonsense": executable file not found in \$PATH$/m],
  ["a directory", (id) => [id, "/tmp"], /permission denied/i],
  ["no such container", () => ["nobody", "/bin/true"], /container does not exist/],
  ["no such working directory", (id) => ["--cwd", "/none", id, "/bin/true"], /working directory "\/none"/],
  ["a relative working directory", (id) => ["--cwd", "none", id, "/bin/true"], /for --cwd: an absolute path/],
  ["nothing to run", (id) => [id], /requires a command, or --process/],
  ["no such process file", (id) => ["-p", "/none.json", id], /Cannot read "\/none\.json": ENOENT/],
  ["detached terminal", (id) => ["-d", "-t", id, "/bin/true"], /without --console-socket when detached/],
  ["a socket for no terminal", (id) => ["--console-socket", "/s", id, "/bin/true"], /has no terminal/],
  ["descriptors that are not open", (id) => ["--preserve-fds", "3", id, "/bin/true"], /descriptor \d+: it is not open/],
  ["a user out of range", (id) => ["-u", "4294967295", id, "/bin/true"], /"4294967295" for --user: a number/],
  ["a user above 32 bits", (id) => ["-u", "4294967296", id, "/bin/true"], /for --user: a number/],
  ["a negative user", (id) => ["-u", "-1", id, "/bin/true"], /"-1" for --user: a number/],
  ["half a user", (id) => ["-u", "1:", id, "/bin/true"], /"1:" for --user: a number/],
  ["a user in another base", (id) => ["-u", "0x1", id, "/bin/true"], /"0x1" for --user: a number/],
  ["a user with more", (id) => ["-u", "1:2:3", id, "/bin/true"], /"1:2:3" for --user: a number/],
  ["a variable without a name", (id) => ["-e", "=1", id, "/bin/true"], /for --env: NAME=VALUE/],
  ["a cgroup elsewhere", (id) => ["--cgroup", "../..", id, "/bin/true"], /a path below the container's cgroup/],
  ["an SELinux label", (id) => ["--process-label", "a:b:c", id, "/bin/true"], /SELinux/],
  ["an AppArmor profile", (id) => ["--apparmor", "x", id, "/bin/true"], /AppArmor/],
];

test(
  "exec [what cannot be: status 255 and one line that says why]",
  limits,
  scoped("failures", [], async (scope) => {
    const id = await running(scope);
    for (const [name, words, message] of failures) {
      const outcome = await scope.invoke(["exec", ...words(id)]);
      assert.equal(outcome.status, 255, `${name}: ${outcome.stderr}`);
      assert.match(outcome.stderr, message, name);
      assert.equal(outcome.stdout, "", name);
    }
    assert.equal((await scope.invoke(["exec", "--process-label", "", "--apparmor", "", id, "/bin/true"])).status, 0);
    const bad = processFile(scope, { cwd: "relative" });
    const outcome = await scope.invoke(["exec", "--process", bad, id]);
    assert.equal(outcome.status, 255);
    assert.match(outcome.stderr, /^bunker: process file ".*process\.json": \/process\/cwd: Expected an absolute path/);
  }),
);

test(
  "exec [a container that has ended, one that is created]",
  limits,
  scoped("states", [], async (scope) => {
    const bundle = scope.bundle("true");
    const ended = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, ended]);
    await until("the end", async () => (await scope.invoke(["state", ended])).stdout.includes('"stopped"'));
    const outcome = await scope.invoke(["exec", ended, "/bin/true"]);
    assert.equal(outcome.status, 255);
    assert.match(outcome.stderr, /^bunker: Container "[^"]*": container not running$/m);
    await scope.succeed(["delete", ended]);
    const created = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, created]);
    assert.equal((await scope.succeed(["exec", created, "/bin/echo", "in"])).stdout, "in\n");
    assert.match((await scope.succeed(["state", created])).stdout, /"created"/);
  }),
);

test(
  "exec [a paused container]",
  limits,
  scoped("paused", ["cgroup1"], async (scope) => {
    if (mode === "rootless") return;
    const id = await running(scope);
    const freezer = `/sys/fs/cgroup/freezer/${scope.tag}-b1/freezer.state`;
    writeFileSync(freezer, "FROZEN");
    try {
      const outcome = await scope.invoke(["exec", id, "/bin/true"]);
      assert.equal(outcome.status, 255);
      assert.match(outcome.stderr, /cannot exec in a paused container/);
      const patient = scope.launch(["exec", "--ignore-paused", id, "/bin/echo", "late"]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(patient.output(), "");
      writeFileSync(freezer, "THAWED");
      const late = await patient.done;
      assert.equal(late.status, 0, late.stderr);
      assert.equal(late.stdout, "late\n");
    } finally {
      writeFileSync(freezer, "THAWED");
    }
  }),
);

test(
  "exec [many at once]",
  limits,
  scoped("many", [], async (scope) => {
    const id = await running(scope);
    const all = await Promise.all(Array.from({ length: 12 }, (_, n) => shell(scope, id, `echo ${n}; exit ${n}`)));
    assert.deepEqual(
      all.map(({ status, stdout }) => `${status} ${stdout.trim()}`),
      all.map((_, n) => `${n} ${n}`),
    );
    const pid = await pidOf(scope, id);
    assert.equal(readFileSync(`/proc/${pid}/status`, "utf8").includes("State:\tS"), true);
  }),
);

test(
  "exec [a container that ends meanwhile]",
  limits,
  scoped("ending", [], async (scope) => {
    for (let round = 0; round < 4; round++) {
      const bundle = scope.bundle("sleep 0.4");
      const id = scope.id();
      await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
      const one = async (): Promise<void> => {
        for (;;) {
          const outcome = await scope.invoke(["exec", id, "/bin/sleep", "0.03"]);
          // 137: the program ran, and ended with the container.
          if (outcome.status === 0 || outcome.status === 137) continue;
          assert.equal(outcome.status, 255, outcome.stderr);
          assert.match(outcome.stderr, /^bunker: Container "[^"]*": container not running$/m);
          return;
        }
      };
      await Promise.all([one(), one(), one()]);
      await scope.succeed(["delete", id]);
    }
  }),
);
