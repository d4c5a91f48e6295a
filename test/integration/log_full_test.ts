/**
 * Standard error that takes nothing, and warnings to be written there: what was done stays done, and is told by the status.
 * @module
 */
import assert from "node:assert/strict";
import test from "node:test";
import { stateOf } from "../support/containers.ts";
import { limits } from "../support/machine.ts";
import { scoped } from "../support/scope.ts";

/** Where standard error leads, by the shell that calls the runtime. */
const places: readonly (readonly [name: string, redirection: string])[] = [
  ["full", "2>/dev/full"],
  ["closed", "2>&-"],
];

for (const [name, redirection] of places) {
  const before = ["sh", "-c", `exec "$@" ${redirection}`, "sh"];
  test(
    `create, start, run, exec [a warning, standard error ${name}]`,
    limits,
    scoped("logfull", [], async (scope) => {
      const bundle = (): string =>
        scope.bundle(["/bin/sleep", "1000"], (config) => {
          // A capability that no kernel has is a warning (config.md#linux-process).
          config.process.capabilities = { bounding: ["CAP_NO_SUCH"], effective: [], permitted: [] };
        }).path;
      const [created, run] = [scope.id(), scope.id()];
      const { stderr } = await scope.succeed(["create", "--bundle", bundle(), scope.id()]);
      assert.match(stderr, /warning.*CAP_NO_SUCH/, "there is something to be said");
      for (const words of [
        ["create", "--bundle", bundle(), created],
        ["start", created],
        ["run", "--detach", "--bundle", bundle(), run],
        ["exec", run, "/bin/true"],
        ["--debug", "exec", "--detach", run, "/bin/true"],
      ]) {
        const outcome = await scope.invoke(words, { before });
        assert.equal(outcome.status, 0, words.join(" "));
      }
      for (const id of [created, run]) assert.equal((await stateOf(scope, id)).status, "running");
    }),
  );
}
