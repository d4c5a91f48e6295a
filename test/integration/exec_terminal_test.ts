/**
 * `exec` with a terminal: from the container's own devpts, by console socket and in the foreground.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { execute, until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { native } from "../support/native.ts";
import { type Scope, scoped } from "../support/scope.ts";
import { enter, talkToShell } from "../support/terminal.ts";

async function running(scope: Scope): Promise<string> {
  const bundle = scope.bundle("exec sleep 1000");
  const id = scope.id();
  await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
  return id;
}

test(
  "exec --detach --process --console-socket [receives the master]",
  limits,
  scoped("console", ["compiler"], async (scope) => {
    const id = await running(scope);
    const socket = `${scope.directory}/run-console.sock`;
    const listener = scope.start([
      native("pty"),
      "listen",
      socket,
      "expect:33 111",
      "expect:tty=/dev/pts/",
      enter("hello"),
      "expect:line=hello",
    ]);
    await until("the listener", () => existsSync(socket));
    const file = `${scope.directory}/process.json`;
    writeFileSync(
      file,
      JSON.stringify({
        terminal: true,
        consoleSize: { height: 33, width: 111 },
        cwd: "/",
        env: ["PATH=/bin"],
        args: ["/bin/sh", "-c", "stty size; echo tty=$(tty); read line; echo line=$line; ls -l /proc/$$/fd"],
      }),
    );
    const words = ["exec", "--detach", "--process", file, "--console-socket", socket, id];
    const outcome = await scope.succeed(words);
    assert.equal(outcome.stdout + outcome.stderr, "");
    const terminal = await listener.done;
    assert.equal(terminal.status, 0, terminal.stderr + terminal.stdout);
    assert.match(terminal.stderr, /^payload=[1-9]\d* descriptors=1 terminal=1 size=33x111$/m);
    assert.equal(terminal.stdout.match(/ [012] -> \/dev\/pts\/\d/g)?.length, 3, terminal.stdout);
    assert.doesNotMatch(terminal.stdout, /ptmx/, "the master is not the program's");
  }),
);

test(
  "exec --tty [in the foreground: size, resize, Ctrl-C, exit code]",
  limits,
  scoped("foreground", ["compiler"], async (scope) => {
    const id = await running(scope);
    const argv = scope.argv(["exec", "--tty", "-e", "PS1=prompt> ", id, "/bin/sh"]);
    const outcome = await execute([...talkToShell(), ...argv]);
    assert.equal(outcome.status, 5, outcome.stderr + outcome.stdout);
  }),
);

test(
  "exec --tty [several at once have a terminal each]",
  limits,
  scoped("several", ["compiler"], async (scope) => {
    const id = await running(scope);
    const argv = scope.argv(["exec", "-t", id, "/bin/sh", "-c", "tty; sleep 0.5"]);
    const one = () => execute([native("pty"), "run", "24", "80", "--", ...argv]);
    const outcomes = await Promise.all([one(), one(), one()]);
    const names = outcomes.map(({ stdout }) => stdout.trim());
    assert.equal(new Set(names).size, 3, names.join(" "));
    for (const name of names) assert.match(name, /^\/dev\/pts\/\d$/);
  }),
);

test(
  "exec [the monitor takes less than 100 KB]",
  limits,
  scoped("memory", [], async (scope) => {
    const id = await running(scope);
    const exec = scope.launch(["exec", id, "/bin/sh", "-c", "echo ready; exec sleep 100"]);
    await until("the program", () => exec.output().includes("ready"));
    const memory = (): number =>
      Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${exec.pid}/status`, "utf8"))?.[1]);
    await until("the monitor", () => memory() < 100);
    process.kill(exec.pid, "SIGKILL");
    await exec.done;
  }),
);
