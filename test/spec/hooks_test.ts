import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "../../src/spec/mod.ts";
import { type JsonObject, smallConfig } from "./configs.ts";
import { assertRefused } from "./refusals.ts";

const kinds = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

test("parseSpec() takes hooks of each kind and drops unknown kinds", () => {
  const hook = { path: "/bin/hook", args: ["hook"], env: ["A=b"], timeout: 1 };
  const hooks = Object.fromEntries(kinds.map((kind) => [kind, [{ path: "/bin/true" }, hook]]));
  const spec = parseSpec(JSON.stringify({ ...smallConfig(), hooks: { ...hooks, precreate: [{ path: "x" }] } }));
  assert.deepEqual(spec.hooks, hooks);
});

test("parseSpec() names wrong properties of a hook", () => {
  const refused: readonly [JsonObject, string, string][] = [
    [{}, "/path", "Required but missing"],
    [{ path: "bin/hook" }, "/path", 'Expected an absolute path but received "bin/hook"'],
    [{ path: "/a", timeout: 0 }, "/timeout", "Expected an integer from 1 to 2147483647 but received 0"],
    [{ path: "/a", timeout: -1 }, "/timeout", "Expected an integer from 1 to 2147483647 but received -1"],
    [{ path: "/a", timeout: 0.5 }, "/timeout", "Expected an integer from 1 to 2147483647 but received 0.5"],
    [{ path: "/a", args: "x" }, "/args", 'Expected an array but received "x"'],
    [{ path: "/a", env: [1] }, "/env/0", "Expected a string but received 1"],
  ];
  for (const kind of kinds) {
    for (const [hook, pointer, message] of refused) {
      const config = { ...smallConfig(), hooks: { [kind]: [{ path: "/bin/true" }, hook] } };
      assertRefused(config, `/hooks/${kind}/1${pointer}`, message);
    }
  }
});
