/**
 * The same core from source: `deno run -A src/main.ts` and `bun src/main.ts` run a container.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import test from "node:test";
import { execute } from "../support/execute.ts";
import { findProgram, limits } from "../support/machine.ts";
import { Scope, needing } from "../support/scope.ts";

const repository = new URL("../..", import.meta.url).pathname;

/** The runtime that npm installed, else the one in PATH. */
function program(name: "deno" | "bun"): string {
  const installed = { deno: "node_modules/deno/deno", bun: "node_modules/bun/bin/bun.exe" }[name];
  const path = existsSync(repository + installed) ? repository + installed : findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed: npm install brings it`);
  return path;
}

for (const [name, words] of [
  ["deno", ["run", "-A"]],
  ["bun", []],
] as const) {
  test(
    `run [from source by ${name}]`,
    limits,
    needing([], async () => {
      const scope = new Scope(`source-${name}`);
      try {
        const bundle = scope.bundle("id -u; hostname; exit 5");
        const source = [program(name), ...words, `${repository}src/main.ts`, "--root", scope.root];
        const outcome = await execute([...source, "run", "--bundle", bundle.path, scope.id()], {
          env: { HOME: scope.directory, DENO_NO_UPDATE_CHECK: "1" },
        });
        assert.equal(outcome.status, 5, outcome.stderr);
        assert.equal(outcome.stdout, "0\ntested\n");
        const list = await execute([...source, "list", "-q"], { env: { HOME: scope.directory } });
        assert.equal(list.stdout, "", list.stderr);
      } finally {
        await scope.dispose();
      }
    }),
  );
}
