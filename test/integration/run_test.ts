/**
 * `run`: exit codes, signals, detaching, descriptors, pid file.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { stateOf, stopped } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { snapshot } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { scoped } from "../support/scope.ts";

for (const [program, expected] of [
  ["exit 0", 0],
  ["exit 7", 7],
  ["exit 255", 255],
] as const) {
  test(
    `run [${program}]`,
    limits,
    scoped("exit", [], async (scope) => {
      const before = snapshot(scope.tag, scope.directory, scope.root);
      const bundle = scope.bundle(`echo out; echo err >&2; ${program}`);
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, expected, outcome.stderr);
      assert.equal(outcome.stdout, "out\n");
      assert.equal(outcome.stderr, "err\n");
      const after = snapshot(scope.tag, scope.directory, scope.root);
      assert.deepEqual({ ...after, state: [] }, { ...before, state: [] });
      assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
    }),
  );
}

for (const [name, number] of [
  ["TERM", 15],
  ["INT", 2],
  ["HUP", 1],
  ["USR1", 10],
  ["QUIT", 3],
  ["ALRM", 14],
] as const) {
  test(
    `run [${name} is passed on]`,
    limits,
    scoped("forward", [], async (scope) => {
      const bundle = scope.bundle(`trap 'echo got ${name}; exit 30' ${name}; echo ready; while :; do sleep 0.02; done`);
      const running = scope.launch(["run", "--bundle", bundle.path, scope.id()]);
      await until("the trap", () => running.output().includes("ready"));
      process.kill(running.pid, number);
      const outcome = await running.done;
      assert.equal(outcome.stdout, `ready\ngot ${name}\n`);
      assert.equal(outcome.status, 30);
    }),
  );
}

test(
  "run [program ended by a signal gives 128+n]",
  limits,
  scoped("signal", [], async (scope) => {
    for (const number of [9, 15]) {
      // Process 1 of a namespace is not ended by a signal from inside: it comes from outside.
      const bundle = scope.bundle("echo ready; exec sleep 1000", (config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
      });
      const id = scope.id();
      const running = scope.launch(["run", "--bundle", bundle.path, id]);
      await until("the program", () => running.output().includes("ready"));
      await scope.succeed(["kill", id, `${number}`]);
      assert.equal((await running.done).status, 128 + number);
    }
  }),
);

test(
  "run --detach [returns, process lives on]",
  limits,
  scoped("detach", [], async (scope) => {
    const bundle = scope.bundle("echo ready; exec sleep 1000");
    const id = scope.id();
    const pidFile = `${scope.directory}/pid`;
    const running = scope.launch(["run", "--detach", "--pid-file", pidFile, "--bundle", bundle.path, id]);
    assert.equal((await running.done).status, 0);
    const pid = readFileSync(pidFile, "utf8");
    assert.match(pid, /^\d+$/, "decimal, no newline");
    const state = await stateOf(scope, id);
    assert.equal(state.pid, Number(pid));
    assert.equal(state.status, "running");
    await until("its output", () => running.output() === "ready\n");
    // Nobody of the runtime stays: the process has been given to the next reaper.
    assert.equal(existsSync(`/proc/${running.pid}`), false);
    const parent = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    assert.doesNotMatch(readFileSync(`/proc/${parent}/comm`, "utf8"), /bunker|stage|monitor/);
    await scope.succeed(["kill", id, "KILL"]);
    await stopped(scope, id);
    await scope.succeed(["delete", id]);
  }),
);

test(
  "create --pid-file [written before create returns]",
  limits,
  scoped("pidfile", [], async (scope) => {
    const bundle = scope.bundle(["sleep", "1000"]);
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, "--pid-file", `${scope.directory}/pid`, id]);
    const state = await stateOf(scope, id);
    assert.equal(readFileSync(`${scope.directory}/pid`, "utf8"), String(state.pid));
    const other = scope.bundle(["sleep", "1000"]);
    const outcome = await scope.invoke(["create", "--bundle", other.path, "--pid-file", "/not/there/pid", scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /"\/not\/there\/pid".*ENOENT/);
    assert.equal(readdirSync(scope.root).length, 1, "a failed create leaves no state");
  }),
);

test(
  "run --keep [container is there afterwards, stopped]",
  limits,
  scoped("keep", [], async (scope) => {
    const bundle = scope.bundle("exit 3");
    const id = scope.id();
    const outcome = await scope.invoke(["run", "--keep", "--bundle", bundle.path, id]);
    assert.equal(outcome.status, 3, outcome.stderr);
    const state = await stateOf(scope, id);
    assert.equal(state.status, "stopped");
    assert.equal(state.pid, 0);
    await scope.succeed(["delete", id]);
  }),
);

test(
  "run [standard input reaches the program]",
  limits,
  scoped("stdin", [], async (scope) => {
    const bundle = scope.bundle(["cat"]);
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { stdin: "one\ntwo\n" });
    assert.equal(outcome.stdout, "one\ntwo\n", outcome.stderr);
  }),
);

// Without a pipe: the shell itself would hold its ends.
const listDescriptors = "ls -1 /proc/$$/fd; echo L=$LISTEN_FDS,$LISTEN_PID";

/** Opens descriptors before the runtime: 3 and 4 on known files, 5 and 9 as strangers. */
const openDescriptors = (directory: string, then = ""): string[] => [
  "/bin/sh",
  "-c",
  `${then} echo three > ${directory}/3; echo four > ${directory}/4; exec 3<${directory}/3 4<${directory}/4 5</etc/passwd 9</etc/passwd; exec "$@"`,
  "sh",
];

test(
  "run [no descriptor of the caller gets in]",
  limits,
  scoped("fds", [], async (scope) => {
    const bundle = scope.bundle(listDescriptors);
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
      before: openDescriptors(scope.directory),
    });
    assert.equal(outcome.stdout, "0\n1\n2\nL=,\n", outcome.stderr);
  }),
);

test(
  "run --preserve-fds [exactly so many]",
  limits,
  scoped("preserve", [], async (scope) => {
    const bundle = scope.bundle(`${listDescriptors}; cat <&3; cat <&4`);
    const outcome = await scope.invoke(["run", "--preserve-fds", "2", "--bundle", bundle.path, scope.id()], {
      before: openDescriptors(scope.directory),
    });
    assert.equal(outcome.stdout, "0\n1\n2\n3\n4\nL=,\nthree\nfour\n", outcome.stderr);
  }),
);

test(
  "run [LISTEN_FDS]",
  limits,
  scoped("listen", [], async (scope) => {
    const bundle = scope.bundle(`${listDescriptors}; cat <&3`);
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
      before: openDescriptors(scope.directory, "export LISTEN_FDS=1 LISTEN_PID=$$;"),
    });
    assert.equal(outcome.stdout, "0\n1\n2\n3\nL=1,1\nthree\n", outcome.stderr);
  }),
);

// crun takes them, runc does not: what is there is passed on, and what is not there was not meant for us.
test(
  "run [LISTEN_FDS without LISTEN_PID: descriptors that are there, or none]",
  limits,
  scoped("listen", [], async (scope) => {
    const bundle = scope.bundle(listDescriptors);
    const words = ["run", "--bundle", bundle.path, scope.id()];
    const given = await scope.invoke(words, { before: openDescriptors(scope.directory, "export LISTEN_FDS=1;") });
    assert.equal(given.stdout, "0\n1\n2\n3\nL=1,1\n", given.stderr);
    const none = await scope.invoke(words, { env: { LISTEN_FDS: "1" } });
    assert.equal(none.stdout, "0\n1\n2\nL=,\n", none.stderr);
  }),
);

test(
  "run --preserve-fds [a closed descriptor is an error]",
  limits,
  scoped("closed", [], async (scope) => {
    const bundle = scope.bundle();
    // Neither does what the engine opened for itself pass for one of the caller's.
    for (const count of ["1", "2", "12"]) {
      const outcome = await scope.invoke(["run", "--preserve-fds", count, "--bundle", bundle.path, scope.id()]);
      assert.notEqual(outcome.status, 0, count);
      assert.match(outcome.stderr, /descriptor|fd/);
    }
    assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
  }),
);

test(
  "run [closed standard descriptors stay closed or null, nothing of the runtime's]",
  limits,
  scoped("closed", [], async (scope) => {
    const bundle = scope.bundle("ls -l /proc/1/fd > /tmp/fds");
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
      before: ["/bin/sh", "-c", 'exec 0<&- 1>&- 2>&-; exec "$@"', "sh"],
    });
    assert.equal(outcome.status, 0);
    const lines = readFileSync(`${bundle.rootfs}/tmp/fds`, "utf8")
      .split("\n")
      .filter((line) => line.includes("->"));
    for (const line of lines) assert.match(line, /[012] -> (\/dev\/null|\/tmp\/fds)$/);
  }),
);

test(
  "run [an environment of 0.8 MB]",
  limits,
  scoped("largeenv", [], async (scope) => {
    const bundle = scope.bundle('echo "${#LARGE_7} $(env | grep -c LARGE_)"', (config) => {
      for (let i = 0; i < 8; i++) config.process.env.push(`LARGE_${i}=${"x".repeat(100_000 + i)}`);
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stderr, "");
    assert.equal(outcome.stdout, "100007 8\n");
  }),
);

test(
  "run [the stage fails while the rest of its program is on its way]",
  limits,
  scoped("earlyfailure", [], async (scope) => {
    const before = snapshot(scope.tag, scope.directory, scope.root);
    const bundle = scope.bundle("true", (config) => {
      config.mounts[0] = { destination: "/proc", type: "proc", source: "proc", options: ["no_such_option=1"] };
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.notEqual(outcome.status, 0);
    assert.match(outcome.stderr, /mounts\[0\] "\/proc"/);
    assert.match(outcome.stderr, /no_such_option/);
    assert.deepEqual(snapshot(scope.tag, scope.directory, scope.root), before);
  }),
);
