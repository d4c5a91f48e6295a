/**
 * What a container leaves of resctrl: its own classes go, whatever else is there stays. On ordinary directories.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeClasses } from "../../src/lifecycle/resctrl.ts";

test("removeClasses() removes what was made for the container, and nothing else", () => {
  const top = mkdtempSync(join(tmpdir(), "bunker-classes-"));
  try {
    for (const name of ["web", "gold", "full", "full/within"]) mkdirSync(`${top}/${name}`);
    // This filesystem takes the part of resctrl, which few machines have.
    const { type } = statfsSync(top);
    removeClasses(undefined);
    removeClasses([], type);
    removeClasses([`${top}/web`, `${top}/gone`], type);
    assert.equal(existsSync(`${top}/web`), false);
    assert.ok(existsSync(`${top}/gold`));
    assert.throws(() => removeClasses([`${top}/full`], type), /Cannot remove ".*\/full": ENOTEMPTY/);
  } finally {
    rmSync(top, { recursive: true });
  }
});

test("removeClasses() leaves what is not on resctrl", () => {
  const top = mkdtempSync(join(tmpdir(), "bunker-classes-"));
  try {
    mkdirSync(`${top}/web`);
    removeClasses([`${top}/web`]);
    assert.ok(existsSync(`${top}/web`));
  } finally {
    rmSync(top, { recursive: true });
  }
});
