/**
 * Where the state is kept, by environment and user.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { absolutePath } from "../../src/state/paths.ts";
import { defaultRoot, findRoot } from "../../src/state/root.ts";

const rootFor = (runtimeDir: string | undefined, machineRoot: boolean) =>
  defaultRoot({ runtimeDir, isMachineRoot: () => machineRoot });

const cases: readonly [runtimeDir: string | undefined, machineRoot: boolean, root: string][] = [
  [undefined, true, "/run/bunker"],
  ["", true, "/run/bunker"],
  ["/run/user/0", true, "/run/bunker"],
  [undefined, false, "/run/bunker"],
  ["", false, "/run/bunker"],
  ["/run/user/1000", false, "/run/user/1000/bunker"],
  ["/run/user/1000//", false, "/run/user/1000/bunker"],
  ["relative", false, "/run/bunker"],
];

for (const [runtimeDir, machineRoot, root] of cases) {
  test(`defaultRoot() is ${root} for XDG_RUNTIME_DIR=${runtimeDir ?? "(unset)"}, ${machineRoot ? "the machine's root" : "a user"}`, () => {
    assert.equal(rootFor(runtimeDir, machineRoot), root);
  });
}

test("findRoot() makes --root absolute", () => {
  assert.equal(findRoot("/a/./b//c/../d/"), "/a/b/d");
  assert.equal(findRoot("x"), `${process.cwd()}/x`);
});

test("absolutePath() never leaves /", () => {
  assert.equal(absolutePath("/../.."), "/");
});
