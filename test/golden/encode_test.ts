/** Every golden plan can be encoded for every architecture: no name is missing from the tables. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../../src/program/encode.ts";
import { splitPlan } from "../../src/program/split.ts";
import * as aarch64 from "../../syscalls/generated/numbers_aarch64.ts";
import * as x86_64 from "../../syscalls/generated/numbers_x86_64.ts";
import { goldenCases, planIfRight } from "./cases.ts";

for (const [arch, tables] of [["x86_64", x86_64], ["aarch64", aarch64]] as const) {
  test(`encode() takes every golden plan on ${arch}`, () => {
    for (const golden of goldenCases()) {
      const plan = planIfRight(golden);
      if (plan === undefined) continue;
      const { prepare, stage, after } = splitPlan(plan);
      for (const items of [prepare, stage, after]) {
        assert.ok(encode(items, tables, plan.registers + 1, plan.registers, () => 0).bytes.length > 0, golden.name);
      }
    }
  });
}
