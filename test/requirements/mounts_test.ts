/**
 * The table of mount requirements is whole, and every test it names exists.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { requirements } from "./mounts.ts";
import { problems } from "./table.ts";

const counts = { C: 26, R: 13, S: 7 };

test("every requirement on mounts has its tests, or a reason why not", () => {
  const numbers = Object.entries(counts).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
  );
  assert.equal(numbers.length, 46);
  assert.deepEqual(Object.keys(requirements), numbers);
  const wrong = Object.entries(requirements).flatMap(([number, entry]) => problems(number, entry));
  assert.deepEqual(wrong, []);
});

test("what is open says why", () => {
  const open = Object.entries(requirements)
    .filter(([, entry]) => entry.open !== undefined)
    .map(([number]) => number);
  assert.deepEqual(open, ["C18", "C19", "C26", "R10"]);
});
