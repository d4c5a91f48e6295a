/**
 * Calls whose failure was once overlooked: each of them fails here, and what comes of it is an error that is told, with
 * nothing left, or what was asked for. All others: test/integration/faults_test.ts.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { running } from "../support/exec.ts";
import { type Fault, faultPrefix, seenIn } from "../support/fault.ts";
import { cgroupsNamed, processesNamed } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { describe, type Scope, scoped } from "../support/scope.ts";
import type { Outcome } from "../support/execute.ts";

/** Far more than any of these takes, less than those that wait for ever. */
const timeoutMs = 8000;

async function failing(scope: Scope, fault: Fault, words: readonly string[]): Promise<Outcome> {
  const log = `${scope.directory}/faults`;
  const outcome = await scope.invoke(words, { before: faultPrefix(log, fault), timeoutMs });
  assert.ok(seenIn(log).length > 0, `no ${fault.call} was made: ${describe(words, outcome)}`);
  assert.equal(outcome.timedOut, false, describe(words, outcome));
  assert.doesNotMatch(outcome.stderr, /internal error/);
  return outcome;
}

const records = (scope: Scope): string[] =>
  existsSync(scope.root) ? readdirSync(scope.root).filter((name) => !name.startsWith(".")) : [];

function nothingLeft(scope: Scope): void {
  assert.deepEqual([cgroupsNamed(scope.tag), records(scope)], [[], []]);
  assert.deepEqual(
    processesNamed(scope.tag).filter((line) => !line.includes(" fault-")),
    [],
  );
}

const runs: readonly { name: string; fault: Fault; said: RegExp; status?: number }[] = [
  {
    name: "signalfd4: the monitor could wait for nobody",
    fault: { call: "signalfd4", error: "EMFILE" },
    said: /^bunker: signalfd4\(.*\): EMFILE \(too many open files\)/,
  },
  {
    name: "waitid: the monitor does not learn what the container ended with",
    fault: { call: "waitid", error: "EIO", argument: { at: 0, value: 3 } },
    said: /^bunker: Cannot wait for container "[^"]+" any longer: it is killed\n$/,
    status: 125,
  },
  {
    name: "ppoll: the monitor asks again and again",
    // Of its five descriptors; the runtime waits for one.
    fault: { call: "ppoll", error: "ENOMEM", argument: { at: 1, value: 5 }, last: 1 },
    said: /^bunker: Cannot wait for container "[^"]+" any longer: it is killed\n$/,
    status: 125,
  },
  {
    name: "flock: whether somebody else is in the cgroup",
    fault: { call: "flock", error: "EIO", first: 3, last: 3 },
    said: /^bunker: linux\.cgroupsPath: claim_cgroup\(.*\): EIO/,
  },
];

for (const { name, fault, said, status = 1 } of runs) {
  test(
    `run [fails: ${name}]`,
    limits,
    scoped("fault", [], async (scope) => {
      const bundle = scope.bundle("exec sleep 1");
      const words = ["run", "--bundle", bundle.path, scope.id()];
      const outcome = await failing(scope, fault, words);
      assert.equal(outcome.status, status, describe(words, outcome));
      assert.match(outcome.stderr, said);
      nothingLeft(scope);
    }),
  );
}

const F_SETFD = 2;

// The last five are those of the monitor: pidfd, signals so far, the state's directory and the one above, the executable.
test(
  "run [fails: F_SETFD of each descriptor that the monitor is to have]",
  limits,
  scoped("fault", [], async (scope) => {
    const outcomes: Outcome[] = [];
    const words = ["run", "--bundle", scope.bundle("echo ran").path];
    for (let at = 1; ; at++) {
      const log = `${scope.directory}/faults${at}`;
      const fault: Fault = { call: "fcntl", error: "EIO", argument: { at: 1, value: F_SETFD }, first: at, last: at };
      const outcome = await scope.invoke([...words, scope.id()], { before: faultPrefix(log, fault), timeoutMs });
      if (seenIn(log).length === 0) break;
      outcomes.push(outcome);
    }
    assert.ok(outcomes.length > 5);
    for (const outcome of outcomes.slice(-5)) {
      assert.equal(outcome.status, 1, describe(words, outcome));
      assert.match(outcome.stderr, /^bunker: fcntl\(\d+, 2, 0\): EIO \(input\/output error\)/);
    }
    nothingLeft(scope);
  }),
);

test(
  "exec [fails: waitid in its monitor]",
  limits,
  scoped("fault", [], async (scope) => {
    const id = await running(scope);
    const words = ["exec", id, "/bin/true"];
    const fault: Fault = { call: "waitid", error: "EIO", argument: { at: 0, value: 3 } };
    const outcome = await failing(scope, fault, words);
    assert.equal(outcome.status, 255, describe(words, outcome));
    assert.match(
      outcome.stderr,
      /^bunker: Cannot wait for the process in container "[^"]+" any longer: it is killed\n$/,
    );
  }),
);

// The stage waits for it: without it, runtime and stage would wait for each other, and the lock be held.
test(
  "run [fails: START cannot be posted]",
  limits,
  scoped("fault", [], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000");
    const words = ["run", "--detach", "--bundle", bundle.path, scope.id()];
    // A record is 24 bytes long, what else is sent is longer, or shorter.
    const fault: Fault = { call: "sendto", error: "ENOBUFS", argument: { at: 2, value: 24 }, last: 1 };
    const outcome = await failing(scope, fault, words);
    assert.equal(outcome.status, 1, describe(words, outcome));
    assert.match(outcome.stderr, /Cannot tell the container's first process to go on: ENOBUFS/);
    nothingLeft(scope);
  }),
);

// A hierarchy that is left out is one whose limits, freezer and device rules are not the container's.
test(
  "create [fails: statfs of a hierarchy of version 1]",
  limits,
  scoped("fault", ["cgroup1", "ownCgroups"], async (scope) => {
    const count = readFileSync("/proc/self/cgroup", "utf8").split("\n").length;
    assert.ok(count > 2);
    for (const at of [1, 2, 3]) {
      const bundle = scope.bundle("exec sleep 1000");
      const words = ["create", "--bundle", bundle.path, scope.id()];
      const outcome = await failing(scope, { call: "statfs", error: "EIO", first: at, last: at }, words);
      assert.equal(outcome.status, 1, describe(words, outcome));
      assert.match(outcome.stderr, /^bunker: statfs "\/sys\/fs\/cgroup[^"]*": EIO/);
      nothingLeft(scope);
    }
  }),
);

// What is handed over as a descriptor that the stage does not get: the number is then another file's, or nobody's.
test(
  "run [fails: F_SETFD of each descriptor that the stage is to have]",
  limits,
  scoped("fault", ["userNamespaces"], async (scope) => {
    const bundle = scope.bundle("cat /mnt/file; cat /other/file", () => {}, { ids: mappedIds });
    for (const name of ["one", "two"]) {
      mkdirSync(`${bundle.path}/${name}`);
      writeFileSync(`${bundle.path}/${name}/file`, `${name}\n`);
    }
    bundle.config.mounts.push(
      { destination: "/mnt", source: "one", options: ["bind"] },
      { destination: "/other", source: "two", options: ["bind"] },
    );
    bundle.save();
    const words = ["run", "--bundle", bundle.path];
    for (let at = 1; ; at++) {
      const log = `${scope.directory}/faults${at}`;
      const fault: Fault = { call: "fcntl", error: "EIO", argument: { at: 1, value: F_SETFD }, first: at, last: at };
      const outcome = await scope.invoke([...words, scope.id()], { before: faultPrefix(log, fault), timeoutMs });
      if (seenIn(log).length === 0) break;
      assert.equal(outcome.timedOut, false, describe(words, outcome));
      if (outcome.status === 0) assert.equal(outcome.stdout, "one\ntwo\n", `F_SETFD ${at}`);
      else assert.match(outcome.stderr, /^bunker: .*: EIO \(input\/output error\)/, `F_SETFD ${at}`);
    }
    nothingLeft(scope);
  }),
);
