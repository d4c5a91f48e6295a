/**
 * What a container leaves of resctrl: its own classes go, whatever else is there stays. On ordinary directories.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeClasses } from "../../src/lifecycle/resctrl.ts";

test("removeClasses() removes what was made for the container, and nothing else", () => {
  const top = mkdtempSync(join(tmpdir(), "bunker-classes-"));
  try {
    for (const name of ["web", "gold", "full", "full/within"]) mkdirSync(`${top}/${name}`);
    removeClasses(undefined);
    removeClasses([]);
    removeClasses([`${top}/web`, `${top}/gone`]);
    assert.equal(existsSync(`${top}/web`), false);
    assert.ok(existsSync(`${top}/gold`));
    assert.throws(() => removeClasses([`${top}/full`]), /Cannot remove ".*\/full": ENOTEMPTY/);
  } finally {
    rmSync(top, { recursive: true });
  }
});
