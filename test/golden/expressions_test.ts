/**
 * The table of worked-out flag expressions (syscalls/expressions.ts) has what the plan of a usual start needs.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../../src/program/encode.ts";
import { splitPlan } from "../../src/program/split.ts";
import type { Tables } from "../../src/program/tables.ts";
import * as numbers from "../../syscalls/generated/numbers_x86_64.ts";
import { expressions } from "../../syscalls/expressions.ts";
import { goldenCases, planOf } from "./cases.ts";

/** Numbers that config.json gives, and sets of capabilities: any there are. */
const isNumber = (expression: string): boolean => /^0x?[0-9a-f]+$/.test(expression);

for (const usual of ["run/default", "exec/default", "exec/cgroup_v1", "exec/podman_exec"]) {
  test(`the plan of golden ${usual} needs no flag expression to be worked out`, () => checkCase(usual));
}

function checkCase(usual: string): void {
  const golden = goldenCases().find(({ name }) => name === usual);
  assert.ok(golden !== undefined);
  const plan = planOf(golden);
  const asked = new Set<string>();
  const tables: Tables = {
    ...numbers,
    expressions: new Proxy(numbers.expressions, {
      get(target, expression: string) {
        asked.add(expression);
        return target[expression];
      },
    }),
  };
  const { prepare, thread, stage } = splitPlan(plan);
  for (const items of [prepare, thread, stage]) encode(items, tables, plan.registers + 1, -1, () => 0x600000);
  assert.deepEqual(
    [...asked].filter((expression) => !expressions.includes(expression) && !isNumber(expression)),
    [],
  );
}
