/**
 * Memory of the stage, which waits for `start` with what it knows of the host, is in no core file: a container may ask for
 * files of any size (RLIMIT_CORE), and whoever shares its pid namespace may send it what ends with one.
 * Kernel: core(5), prctl(2) PR_SET_DUMPABLE; of a name with no directory in core_pattern: written into its own
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { withoutNamespace } from "../support/config.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { scoped } from "../support/scope.ts";
import { skip } from "../support/skip.ts";

const pattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim();

const coresIn = (directory: string): string[] => readdirSync(directory).filter((name) => name.startsWith(pattern));

const body = scoped("core", [], async (scope) => {
  const unlimited = { type: "RLIMIT_CORE", soft: 1 << 30, hard: 1 << 30 };
  // An ordinary program does leave one, or nothing would be shown.
  const usual = scope.bundle("sh -c 'kill -SEGV $$'; true", ({ process, root }) => {
    process.rlimits = [unlimited];
    root.readonly = false;
  });
  await scope.invoke(["run", "--bundle", usual.path, scope.id()]);
  assert.notDeepEqual(coresIn(usual.rootfs), [], "a program that ends so leaves a core file");
  // The first process of a pid namespace would take no such signal.
  const bundle = scope.bundle(["/bin/true"], (config) => {
    withoutNamespace(config, "pid");
    config.process.rlimits = [unlimited];
    config.root.readonly = false;
  });
  const id = scope.id();
  await scope.succeed(["create", "--bundle", bundle.path, id], { before: ["prlimit", "--core=1073741824:1073741824"] });
  const { pid } = JSON.parse((await scope.succeed(["state", id])).stdout) as { pid: number };
  process.kill(pid, "SIGSEGV");
  await until("the stage to end", () => {
    const path = `/proc/${pid}/stat`;
    return !existsSync(path) || readFileSync(path, "utf8").includes(") Z ");
  });
  assert.deepEqual([coresIn(bundle.rootfs), coresIn(bundle.path)], [[], []]);
});

test("create [a stage that is ended by SIGSEGV leaves no core file]", limits, (t) =>
  /^[\w.-]+$/.test(pattern) ? body(t) : skip(t, "core files of this machine go elsewhere"),
);
