/** Where a stage's program is cut: what it executes while the rest is still to come must not need messages itself. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "../../src/plan/types.ts";
import { callsOf } from "../../src/program/addresses.ts";
import { firstItems, splitPlan } from "../../src/program/split.ts";
import { goldenCases, planIfRight, planOf } from "./cases.ts";

test("firstItems() never lets the stage wait, or end, before the rest of its program is there", () => {
  let cut = 0;
  for (const golden of goldenCases()) {
    const plan = planIfRight(golden);
    if (plan === undefined) continue;
    const split = splitPlan(plan);
    const count = firstItems(split);
    if (count === 0) continue;
    cut++;
    const items = split.stage.slice(0, count).map(({ item }) => item);
    const names = callsOf({ items }).map(({ call }) => call);
    assert.deepEqual(
      names.filter((name) => name.startsWith("wait") || name.startsWith("exec") || name === "fork"),
      [],
      golden.name,
    );
    assert.ok(split.stage.length > count, golden.name);
  }
  // Most containers are large enough for it.
  assert.ok(cut > 40, String(cut));
});

test("firstItems() keeps a program together that is large", () => {
  const golden = goldenCases().find(({ name }) => name === "run/default");
  assert.ok(golden !== undefined);
  const { stage } = splitPlan(planOf(golden));
  assert.ok(firstItems({ stage }) > 0);
  const last = stage[stage.length - 1]!.item as Call;
  const env = Array.from({ length: 8 }, (_, i) => `LARGE_${i}=${"x".repeat(100_000)}`);
  const large = { ...last, args: [last.args[0]!, last.args[1]!, env] };
  assert.equal(firstItems({ stage: [...stage.slice(0, -1), { item: large, address: 0 }] }), 0);
  assert.equal(firstItems({ stage: Array.from({ length: 8 }, () => stage).flat() }), 0);
});
