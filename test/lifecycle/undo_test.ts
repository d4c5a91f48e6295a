/**
 * Undoing a launch: a step that fails keeps neither the others nor the reason of the failure.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { test } from "node:test";
import { abandon, type Launched } from "../../src/lifecycle/launch.ts";
import { createStateDirectory } from "../../src/state/directory.ts";
import { record, withRoot } from "../state/fixture.ts";

test("abandon() goes on after a class that cannot be removed", async () => {
  await withRoot((rt) => {
    const full = `${rt.root}/.class`;
    mkdirSync(`${full}/within`, { recursive: true });
    const launched = {
      directory: createStateDirectory(rt.root, "web"),
      record: record({ resctrl: { groups: [full], made: [full] } }),
      pidfd: -1,
      spec: {},
    };
    abandon(rt, launched as unknown as Launched);
    assert.ok(existsSync(full));
    assert.equal(existsSync(`${rt.root}/web`), false);
  });
});
