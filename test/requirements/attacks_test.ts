/**
 * The tables of attacks: every test they name exists, and every defence stands where they say.
 * `npm run attack -- --prove` takes the defences out.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { attackProblems } from "./attack_table.ts";
import { attacks } from "./attacks.ts";

test("every attack has its tests and its defence, or a reason why not", () => {
  assert.deepEqual(
    Object.entries(attacks).flatMap(([name, row]) => attackProblems(name, row)),
    [],
  );
});

test("what is open of the attacks says why", () => {
  const open = Object.entries(attacks).flatMap(([name, { open }]) => (open === undefined ? [] : [name]));
  assert.deepEqual(
    open.filter((name) => attacks[name]!.open!.length < 10),
    [],
  );
});
