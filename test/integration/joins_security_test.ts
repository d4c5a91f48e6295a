/**
 * A pod whose first container attacks: what it can get hold of while further containers join its namespaces.
 * CVE-2016-9962's class, for containers in place of exec.
 * @module
 */
import assert from "node:assert/strict";
import test from "node:test";
import { type Config, withoutMounts, withoutNamespace } from "../support/config.ts";
import { stateOf } from "../support/containers.ts";
import { namespacePath, type NamespaceKind } from "../support/holders.ts";
import { limits } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { startSpy, withEverything } from "../support/spy.ts";
import { usualUser } from "../support/user.ts";
import { type BundleOptions, type Scope, scoped } from "../support/scope.ts";

const rounds = 30;

/** What the hostile container told after many members had come and gone. */
async function spied(
  scope: Scope,
  shared: readonly NamespaceKind[],
  change: (config: Config) => void,
  options: BundleOptions,
): Promise<string[]> {
  const spy = await startSpy(scope, change, options);
  const { pid } = await stateOf(scope, spy.id);
  const member = scope.bundle(
    ["/bin/sleep", "0.02"],
    (config) => {
      for (const kind of shared) {
        withoutNamespace(config, kind);
        config.linux.namespaces.push({ type: kind, path: namespacePath(pid, kind) });
      }
      if (shared.includes("uts")) delete config.hostname;
      if (!shared.includes("user")) {
        if (options.ids === "none") return;
        // A new procfs of the joined pid namespace takes rights over that namespace.
        withoutMounts(config, "/proc");
        delete config.linux.maskedPaths;
        delete config.linux.readonlyPaths;
        return;
      }
      delete config.linux["uidMappings"];
      delete config.linux["gidMappings"];
    },
    options,
  );
  for (let round = 0; round < rounds; round++) {
    await scope.succeed(["run", "--bundle", member.path, scope.id()]);
  }
  return spy.end();
}

/** Links that tell nothing of the machine; standard input and output are the caller's and meant to be passed on. */
const harmless =
  /^(root|cwd) \/$|^exe \/bin\/(busybox|sleep)$|^fd (\/|\/dev\/null|\/tmp\/.*\/outputs\/.*|pipe:.*|socket:.*)$|^traced (\/bin\/busybox|unknown)$/;

for (const [name, shared, change, options] of [
  ["an ordinary container, pid namespace joined", ["pid", "network", "ipc"], () => {}, { ids: "none" }],
  [
    "root of the user namespace that is joined, with every capability",
    ["user", "pid", "network", "ipc", "uts"],
    withEverything,
    { ids: mappedIds },
  ],
  [
    "root of another user namespace with every capability, pid namespace joined",
    ["pid"],
    withEverything,
    { ids: mappedIds },
  ],
] as const) {
  test(
    `run [watched by ${name}]`,
    limits,
    scoped("spied", ["notMapped", "compiler", "userNamespaces"], async (scope) => {
      const lines = await spied(scope, shared, change, options);
      const seen = lines.filter((line) => !harmless.test(line));
      assert.deepEqual(seen, [], seen.join("\n"));
    }),
  );
}

// The stage is executed before it enters the namespace: its memory belongs to the outer one, whoever the user is.
test(
  "run [watched by root of the user's own namespace that is joined, with every capability] (rootless)",
  limits,
  scoped(
    "spied",
    ["compiler", "ordinaryUser"],
    async (scope) => {
      const lines = await spied(scope, ["user", "pid", "network", "ipc", "uts"], withEverything, {});
      const seen = lines.filter((line) => !harmless.test(line));
      assert.deepEqual(seen, [], seen.join("\n"));
    },
    usualUser,
  ),
);
