/**
 * A container's session keyring is nobody else's: not that of a user who has made one of its name beforehand.
 * Kernel: keyctl(2) KEYCTL_JOIN_SESSION_KEYRING joins an existing keyring of a name where its mode grants "search"
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { detached } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { scoped } from "../support/scope.ts";

/** How many hold keyrings whose name has this in it, by proc_keys(5). */
function usageOf(text: string): number[] {
  const lines = readFileSync("/proc/keys", "utf8").split("\n");
  return lines.filter((line) => line.includes(text)).map((line) => Number(line.trim().split(/\s+/)[2]));
}

test(
  "run, exec [a keyring that another user made under the container's name: not joined]",
  limits,
  scoped("keyring", [], async (scope) => {
    const name = `_ses.${scope.tag}-1`;
    const script = fileURLToPath(new URL("../support/keyring_holder.ts", import.meta.url));
    const holder = scope.start([process.execPath, script, "12345", name]);
    await until("the keyring to be made", () => holder.output() === "ready\n");
    const before = usageOf(name);
    assert.equal(before.length, 1, "root sees the one that everybody may use");
    const { id } = await detached(scope, scope.bundle(["/bin/sleep", "100"]));
    assert.equal(`_ses.${id}`, name);
    assert.deepEqual(usageOf(name), before);
    await scope.succeed(["exec", "--detach", id, "sleep", "100"]);
    assert.deepEqual(usageOf(name), before);
  }),
);
