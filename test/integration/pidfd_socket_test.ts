/**
 * `--pidfd-socket` of create, run and exec.
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { native } from "../support/native.ts";
import { scoped } from "../support/scope.ts";

test(
  "create, run, exec --pidfd-socket [the caller holds the process]",
  limits,
  scoped("pidfd", ["compiler"], async (scope) => {
    let count = 0;
    const received = async (words: (options: readonly string[]) => readonly string[], end: () => Promise<unknown>) => {
      const [socket, pidFile] = [`${scope.directory}/pidfd${++count}`, `${scope.directory}/pid${count}`];
      const receiver = scope.start([native("pidfd"), socket]);
      await until("the receiver", () => receiver.output().includes("listening"));
      await scope.succeed(words(["--pidfd-socket", socket, "--pid-file", pidFile]));
      await until("the pid", () => receiver.output().includes("Pid:"));
      assert.ok(!receiver.output().includes("ended"));
      await end();
      const { stdout } = await receiver.done;
      assert.equal(stdout, `listening\nPid:\t${readFileSync(pidFile, "utf8")}\nended\n`);
    };
    const bundle = scope.bundle("sleep 100").path;
    const [created, ran] = [scope.id(), scope.id()];
    await received(
      (options) => ["create", ...options, "--bundle", bundle, created],
      () => scope.succeed(["delete", "--force", created]),
    );
    await scope.succeed(["run", "--detach", "--bundle", bundle, ran]);
    await received(
      (options) => ["exec", "--detach", ...options, ran, "/bin/sleep", "1"],
      async () => {},
    );
    const other = scope.id();
    await received(
      (options) => ["run", "--detach", ...options, "--bundle", scope.bundle("sleep 100").path, other],
      () => scope.succeed(["kill", other, "KILL"]),
    );
  }),
);

test(
  "create --pidfd-socket [nobody listens: nothing is left]",
  limits,
  scoped("pidfd-none", [], async (scope) => {
    const id = scope.id();
    const words = ["create", "--pidfd-socket", `${scope.directory}/nobody`, "--bundle", scope.bundle().path, id];
    const outcome = await scope.invoke(words);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /Cannot send to --pidfd-socket ".*nobody": ENOENT/);
    assert.equal((await scope.invoke(["state", id])).status, 1);
  }),
);
