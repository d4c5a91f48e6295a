/**
 * What a start must not do, since it costs time at every one (README, "Start-up time: rules").
 * @module
 */
import assert from "node:assert/strict";
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
