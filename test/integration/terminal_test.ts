/**
 * Terminals: console socket, foreground relay with resize and Ctrl-C, and the rules between the options.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { execute, until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { native } from "../support/native.ts";
import { patience } from "../support/patience.ts";
import { scoped } from "../support/scope.ts";
import { enter, talkToShell } from "../support/terminal.ts";

const withTerminal = (config: Config): void => {
  config.process.terminal = true;
};

test(
  "create --console-socket [receives the master]",
  limits,
  scoped("console", ["compiler"], async (scope) => {
    const bundle = scope.bundle(
      "tty; stty size; for n in 0 1 2; do echo $n $(readlink /proc/$$/fd/$n); done; ls -l /dev/console | awk '{print $1,$5,$6}'; " +
        "grep ' /dev/console ' /proc/self/mountinfo | sed 's/.* - //'; read line; echo line=$line; exit 9",
      (config) => {
        withTerminal(config);
        config.process["consoleSize"] = { height: 33, width: 111 };
      },
    );
    const socket = `${scope.directory}/console.sock`;
    const listener = scope.start([
      native("pty"),
      "listen",
      socket,
      "expect:devpts",
      enter("hello"),
      "expect:line=hello",
    ]);
    await until("the listener", () => existsSync(socket));
    const id = scope.id();
    const created = await scope.succeed(["create", "--bundle", bundle.path, "--console-socket", socket, id]);
    assert.equal(created.stdout + created.stderr, "");
    await scope.succeed(["start", id]);
    const terminal = await listener.done;
    assert.equal(terminal.status, 0, terminal.stderr + terminal.stdout);
    assert.match(terminal.stderr, /^payload=[1-9]\d* descriptors=1 terminal=1 size=33x111$/m);
    const lines = terminal.stdout.replaceAll("\r", "").split("\n");
    assert.equal(lines[0], "/dev/pts/0");
    assert.equal(lines[1], "33 111");
    assert.deepEqual(lines.slice(2, 5), ["0 /dev/pts/0", "1 /dev/pts/0", "2 /dev/pts/0"]);
    assert.match(terminal.stdout, /^c\S+ 136, 0/m, "/dev/console is the terminal");
    assert.match(terminal.stdout, /devpts/);
  }),
);

test(
  "run --console-socket --detach",
  limits,
  scoped("console-run", ["compiler"], async (scope) => {
    const bundle = scope.bundle("echo from $(tty); exit 0", withTerminal);
    const socket = `${scope.directory}/console.sock`;
    const listener = scope.start([native("pty"), "listen", socket, "expect:from /dev/pts/0"]);
    await until("the listener", () => existsSync(socket));
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, "--console-socket", socket, scope.id()]);
    assert.equal((await listener.done).status, 0);
  }),
);

test(
  "create --console-socket [path longer than a socket address holds]",
  limits,
  scoped("console-long", ["compiler"], async (scope) => {
    const bundle = scope.bundle("echo here", withTerminal);
    const deep = `${scope.directory}/${"d".repeat(60)}/${"e".repeat(60)}`;
    await execute(["mkdir", "-p", deep]);
    const listener = scope.start([native("pty"), "listen", "s", "expect:here"], { cwd: deep });
    await until("the listener", () => existsSync(`${deep}/s`));
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, "--console-socket", `${deep}/s`, id]);
    await scope.succeed(["start", id]);
    const outcome = await listener.done;
    assert.equal(outcome.status, 0, outcome.stderr);
  }),
);

test(
  "run [terminal in the foreground: size, resize, Ctrl-C, exit code]",
  limits,
  scoped("foreground", ["compiler"], async (scope) => {
    const bundle = scope.bundle(["/bin/sh"], (config) => {
      withTerminal(config);
      config.process.env.push("PS1=prompt> ");
    });
    const argv = scope.argv(["run", "--bundle", bundle.path, scope.id()]);
    const outcome = await execute([...talkToShell(), ...argv]);
    assert.equal(outcome.status, 5, outcome.stderr + outcome.stdout);
    assert.doesNotMatch(outcome.stdout, /status=0/, "Ctrl-C ends the program in the foreground");
  }),
);

test(
  "run [the caller's terminal is as before, also after a signal]",
  limits,
  scoped("restore", ["compiler"], async (scope) => {
    const bundle = scope.bundle("echo inside; exec sleep 1000", (config) => {
      withTerminal(config);
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    });
    const run = scope
      .argv(["run", "--bundle", bundle.path, scope.id()])
      .map((word) => `'${word}'`)
      .join(" ");
    const pid = `${scope.directory}/pid`;
    const script =
      `a=$(stty -g); (sleep ${patience}; kill -TERM $(cat ${pid})) & sh -c 'echo $$ > ${pid}; exec "$@"' sh ${run}; ` +
      'echo status=$?; b=$(stty -g); [ "$a" = "$b" ] && echo the-same';
    const outcome = await execute([native("pty"), "run", "24", "80", "--", "/bin/sh", "-c", script]);
    assert.match(outcome.stdout, /inside/);
    assert.match(outcome.stdout, /status=143/, "TERM is passed on");
    assert.match(outcome.stdout, /the-same/, outcome.stdout + outcome.stderr);
  }),
);

test(
  "run [terminal without one of the caller's own: input from a pipe]",
  limits,
  scoped("piped", [], async (scope) => {
    const bundle = scope.bundle("tty; exit 4", withTerminal);
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { stdin: "" });
    assert.equal(outcome.status, 4, outcome.stderr);
    assert.match(outcome.stdout, /\/dev\/pts\/0/);
  }),
);

test(
  "create [terminal without --console-socket]",
  limits,
  scoped("inconsistent", [], async (scope) => {
    const bundle = scope.bundle([], (config) => {
      withTerminal(config);
      config.process.args = ["/bin/sh"];
    });
    for (const words of [["create"], ["run", "--detach"]]) {
      const outcome = await scope.invoke([...words, "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1, words.join(" "));
      assert.match(outcome.stderr, /console/);
    }
    assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
  }),
);

test(
  "create --console-socket [without terminal]",
  limits,
  scoped("inconsistent", [], async (scope) => {
    const bundle = scope.bundle();
    const outcome = await scope.invoke([
      "create",
      "--bundle",
      bundle.path,
      "--console-socket",
      "/tmp/none",
      scope.id(),
    ]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /console|terminal/);
  }),
);

test(
  "create --console-socket [nobody listens]",
  limits,
  scoped("nobody", [], async (scope) => {
    const bundle = scope.bundle(["/bin/sh"], withTerminal);
    const socket = `${scope.directory}/none.sock`;
    const outcome = await scope.invoke(["create", "--bundle", bundle.path, "--console-socket", socket, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /console|none\.sock/);
    assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
  }),
);
