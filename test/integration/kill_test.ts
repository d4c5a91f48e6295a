/**
 * SIGKILL of `create` and `run` at random points of their work: whatever stage they had reached,
 * `delete --force` cleans it all, and nothing of it is in the machine's mount table.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { until } from "../support/execute.ts";
import { cgroupsNamed, processesNamed } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { type Bundle, type Scope, describe, scoped } from "../support/scope.ts";

const points = 50;

const mountTable = (): string[] => readFileSync("/proc/self/mountinfo", "utf8").split("\n").toSorted();

/** How long the command takes when nobody kills it: the points lie within that. */
async function usualTime(scope: Scope, words: readonly string[], bundle: Bundle): Promise<number> {
  const id = scope.id();
  const outcome = await scope.succeed([...words, "--bundle", bundle.path, id]);
  await scope.succeed(["delete", "--force", id]);
  return outcome.ms;
}

for (const words of [["create"], ["run"], ["run", "--detach"]]) {
  for (const view of ["host", "v2"] as const) {
    test(
      `${words.join(" ")} [SIGKILL at ${points} random points, ${view} cgroups]`,
      limits,
      scoped("kill", ["cgroup2"], async (scope) => {
        const bundle = scope.bundle(["sleep", "0.02"], (config) => {
          config.mounts.push({ destination: "/mnt/t", type: "tmpfs", source: "tmpfs" });
          config.hooks = { createRuntime: [{ path: "/bin/true" }] };
        });
        const before = mountTable();
        const longest = (await usualTime(scope, words, bundle)) * 1.1;
        const reached = new Set<string>();
        for (let point = 0; point < points; point++) {
          const id = scope.id();
          const running = scope.launch([...words, "--bundle", bundle.path, id], { view });
          // Spread over the whole time, each a little off its place.
          await new Promise((resolve) => setTimeout(resolve, ((point + Math.random()) * longest) / points));
          try {
            process.kill(running.pid, "SIGKILL"); // the runtime alone: what it started must be found later
          } catch {
            // it had ended already
          }
          await running.done;
          reached.add(readdirIfThere(`${scope.root}/${id}`));

          const deleted = await scope.invoke(["delete", "--force", id], { view });
          assert.equal(deleted.status, 0, `point ${point}: ${describe(["delete"], deleted)}`);
          assert.equal(existsSync(`${scope.root}/${id}`), false, `point ${point}: state is left`);
          await until(`point ${point}: no process left`, () => processesNamed(scope.tag).length === 0);
          assert.deepEqual(cgroupsNamed(scope.tag), [], `point ${point}`);
        }
        assert.deepEqual(mountTable(), before);
        assert.ok(reached.size >= 2, `the points reached only: ${[...reached].join(" | ")}`);
      }),
    );
  }
}

const readdirIfThere = (path: string): string =>
  existsSync(path) ? readdirSync(path).toSorted().join(" ") : "nothing";
