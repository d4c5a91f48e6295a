import assert from "node:assert/strict";
import { test } from "node:test";
import { hardenExecutable } from "../../build/harden.ts";

test("hardenExecutable() makes the names unusable and keeps every offset", () => {
  const before = "xxBUN_OPTIONSBUN_INSPECT\0BUN_INSPECT_PRELOAD\0BUN_OTHER";
  const bytes = Buffer.from(before);
  assert.equal(hardenExecutable(bytes), 3);
  assert.equal(bytes.toString(), "xx\0UN_OPTIONS\0UN_INSPECT\0\0UN_INSPECT_PRELOAD\0BUN_OTHER");
});

test("hardenExecutable() leaves property names of the engine's own JavaScript alone", () => {
  const bytes = Buffer.from("process.env.BUN_INSPECT_NOTIFY");
  assert.equal(hardenExecutable(bytes), 0);
});
