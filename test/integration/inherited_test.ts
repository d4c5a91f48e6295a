/**
 * What a process inherits from the caller of the runtime, and what the container, its hooks and the runtime make of it.
 * The caller is given an attribute that is not the usual one; the container tells what it has.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { stateOf } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { scoped } from "../support/scope.ts";

const ignoringChildren = ["env", "--ignore-signal=CHLD"];

test(
  "run, exec, create, delete [the caller ignores SIGCHLD: statuses, hooks and state are as ever]",
  limits,
  scoped("sigchld", [], async (scope) => {
    const before = ignoringChildren;
    const script = scope.script("hook", `echo ran >> ${scope.directory}/hooks`);
    const bundle = scope.bundle("grep SigIgn /proc/self/status; exit 7", (config) => {
      config.hooks = { createRuntime: [{ path: script }], poststop: [{ path: script }] };
    });
    const ran = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before });
    assert.deepEqual([ran.status, ran.stdout, ran.stderr], [7, "SigIgn:\t0000000000000000\n", ""]);
    assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root).filter((name) => name !== ".seccomp") : [], []);
    assert.equal(readFileSync(`${scope.directory}/hooks`, "utf8"), "ran\nran\n");
    bundle.config.process.args = ["/bin/sleep", "1000"];
    bundle.save();
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id], { before });
    await scope.succeed(["start", id], { before });
    const inside = await scope.invoke(["exec", id, "/bin/sh", "-c", "exit 9"], { before });
    assert.deepEqual([inside.status, inside.stderr], [9, ""]);
    await scope.succeed(["kill", id, "KILL"], { before });
    await until("its end", async () => (await stateOf(scope, id)).status === "stopped");
    const deleted = await scope.succeed(["delete", id], { before });
    assert.equal(deleted.stderr, "");
    assert.equal(readFileSync(`${scope.directory}/hooks`, "utf8"), "ran\nran\nran\nran\n");
  }),
);

test(
  "run, exec [the caller is held to one processor: the container has those of its cgroup, as with runc and crun]",
  limits,
  scoped("processors", ["twoProcessors"], async (scope) => {
    const listOf = (text: string): string => /^Cpus_allowed_list:\s*(\S+)/m.exec(text)![1]!;
    const all = listOf(readFileSync("/proc/self/status", "utf8"));
    const first = /^\d+/.exec(all)![0];
    const before = ["taskset", "-c", first];
    const script = "grep Cpus_allowed_list /proc/self/status; echo ready; exec sleep 1000";
    const bundle = scope.bundle(script);
    const id = scope.id();
    const running = scope.launch(["run", "--bundle", bundle.path, id], { before });
    await until("the program", () => running.output().includes("ready"));
    assert.equal(listOf(running.output()), all);
    const inside = await scope.succeed(["exec", id, "/bin/grep", "Cpus_allowed_list", "/proc/self/status"], { before });
    assert.equal(listOf(inside.stdout), all);
    assert.equal(listOf(readFileSync(`/proc/${running.pid}/status`, "utf8")), first, "the monitor stays where it was");
  }),
);
