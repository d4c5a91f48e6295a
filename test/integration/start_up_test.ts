/**
 * What a start must not do, since it costs time at every one (README, "Start-up time: rules").
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { scoped } from "../support/scope.ts";
import { podmanProfile } from "../seccomp/profiles.ts";

// The engine compiles `map`, `find` and the like from their source when they are used first.
test(
  "run [nothing is compiled from source but the engine's own loader of modules]",
  limits,
  scoped("compiled", ["cgroup2"], async (scope) => {
    const bundles = [
      scope.bundle("true"),
      scope.bundle("true", (config) => {
        config.linux["seccomp"] = podmanProfile();
      }),
    ];
    for (const bundle of bundles) {
      const env = { ...process.env, BUN_JSC_reportBytecodeCompileTimes: "1" };
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { env, view: "v2" });
      assert.equal(outcome.status, 0, outcome.stderr);
      const compiled = `${outcome.stdout}${outcome.stderr}`.match(/^Compiled .*$/gm) ?? [];
      assert.equal(compiled.length, 1, compiled.join("\n"));
    }
  }),
);

// Threads that a start does not live to use cost half a millisecond of it (syscalls/engine.c).
test(
  "run [the engine starts no thread]",
  limits,
  scoped("threads", ["strace"], async (scope) => {
    const bundle = scope.bundle("true");
    const trace = `${scope.directory}/trace`;
    const before = ["strace", "-f", "-e", "trace=clone3,clone", "-o", trace];
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before });
    assert.equal(outcome.status, 0, outcome.stderr);
    const threads = readFileSync(trace, "utf8").match(/CLONE_THREAD/g) ?? [];
    // The one that makes the stage (syscalls/spawn.h).
    assert.equal(threads.length, 1);
  }),
);
