/**
 * Root, asked to act upon containers in a directory of an ordinary user's, who has planted records there: a process that
 * they name is not killed, their hooks do not run, nothing of them is believed.
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { detached } from "../support/containers.ts";
import { limits } from "../support/machine.ts";
import { describe, type Scope, scoped } from "../support/scope.ts";
import { ordinaryId } from "../support/user.ts";

/** The record of a container of root's under another id, with a hook of the planter's, all of it the planter's. */
function plant(scope: Scope, victim: string, id: string, owner: { directory: number; record: number }): string {
  const directory = `${scope.root}/${id}`;
  mkdirSync(directory);
  const [first, ...added] = readFileSync(`${scope.root}/${victim}/state.json`, "utf8").split("\x1e");
  const record = JSON.parse(first!) as Record<string, unknown>;
  const hook = { path: "/bin/touch", args: ["touch", `${scope.directory}/planted`] };
  const { config, ...rest } = { ...record, id, hooks: { poststop: [hook] } } as Record<string, unknown>;
  const file = `${directory}/state.json`;
  writeFileSync(file, [`${JSON.stringify({ ...rest, config })}\n`, ...added].join("\x1e"), { mode: 0o600 });
  chownSync(file, owner.record, owner.record);
  chmodSync(directory, 0o700);
  chownSync(directory, owner.directory, owner.directory);
  return file;
}

for (const [what, owner] of [
  ["a directory", { directory: ordinaryId, record: ordinaryId }],
  ["a record", { directory: 0, record: ordinaryId }],
] as const) {
  test(
    `state, exec, kill, start, update, delete, delete --force [${what} that an ordinary user planted: not acted upon]`,
    limits,
    scoped("planted", ["notMapped"], async (scope) => {
      const { id, pid } = await detached(scope, scope.bundle(["/bin/sleep", "100"]));
      const name = `${scope.tag}-planted`;
      const file = plant(scope, id, name, owner);
      for (const words of [
        ["state", name],
        ["exec", name, "/bin/true"],
        ["kill", name, "KILL"],
        ["start", name],
        ["update", "--memory", "1000000", name],
        ["delete", name],
        ["delete", "--force", name],
      ]) {
        const outcome = await scope.invoke(words, { timeoutMs: 20_000 });
        assert.equal(outcome.timedOut, false, words.join(" "));
        assert.match(outcome.stderr, /not trustworthy|belongs to user/, describe(words, outcome));
        assert.ok(!existsSync(`${scope.directory}/planted`), `${words.join(" ")} ran its hook`);
        assert.doesNotMatch(readFileSync(`/proc/${pid}/stat`, "utf8"), /\) [ZX] /, words.join(" "));
      }
      if (owner.directory !== 0) assert.ok(existsSync(file), "nothing of another user's is removed");
      assert.match((await scope.succeed(["list"])).stdout, /running/);
    }),
  );
}
