/**
 * Which container ids are taken.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkId } from "../../src/state/id.ts";

for (const id of ["web", "_", "+", "-", "a.b", "A-1_2+3", "0".repeat(255)]) {
  test(`checkId() accepts ${id.slice(0, 20)}`, () => checkId(id));
}

for (const id of ["", ".", "..", ".a", "a/b", "a b", "a\nb", "a\0b", "ä", "../x", "a:b", "0".repeat(256)]) {
  test(`checkId() refuses ${JSON.stringify(id.slice(0, 20))}`, () => {
    assert.throws(() => checkId(id), { name: "UsageError", message: /^Invalid container ID[^\n]*$/ });
  });
}
