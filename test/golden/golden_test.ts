/** Every golden plan is what the planner makes today; `UPDATE=1` writes them anew, and the diff is the review. @module */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { SpecError } from "../../src/errors.ts";
import { checkPlan } from "../../src/plan/check.ts";
import { goldenCases, planOf, planText } from "./cases.ts";

const update = process.env["UPDATE"] === "1";

for (const golden of goldenCases()) {
  test(`golden ${golden.name}`, () => {
    const text = planText(golden);
    if (update) writeFileSync(golden.planFile, text);
    assert.ok(existsSync(golden.planFile), `${golden.planFile} is missing: run with UPDATE=1`);
    assert.equal(text, readFileSync(golden.planFile, "utf8"));
  });

  test(`checkPlan() accepts golden ${golden.name}`, () => {
    try {
      checkPlan(planOf(golden));
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
    }
  });
}

test("there are at least 30 golden plans", () => {
  assert.ok(goldenCases().length >= 30, String(goldenCases().length));
});
