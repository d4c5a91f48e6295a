/**
 * Golden plans of `update`: `update/<case>/` with resources.json, host.json, target.json (what is in force) and plan.txt.
 * `UPDATE=1` writes them anew, and the diff is the review.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkPlan } from "../../src/plan/check.ts";
import type { Host } from "../../src/plan/host.ts";
import { planUpdate, type UpdateTarget } from "../../src/plan/update.ts";
import { printPlan } from "../../src/program/print.ts";
import { parseResources } from "../../src/spec/mod.ts";

const directory = fileURLToPath(new URL("./update/", import.meta.url));

for (const name of readdirSync(directory).sort()) {
  test(`golden update/${name}`, () => {
    const read = (file: string): string => readFileSync(`${directory}${name}/${file}`, "utf8");
    const host = JSON.parse(read("host.json")) as Host;
    const target = JSON.parse(read("target.json")) as UpdateTarget;
    const plan = planUpdate(parseResources(read("resources.json")), host, target, "resources.json");
    checkPlan(plan, false);
    const text = printPlan(plan);
    const file = `${directory}${name}/plan.txt`;
    if (process.env["UPDATE"] === "1") writeFileSync(file, text);
    assert.ok(existsSync(file), `${file} is missing: run with UPDATE=1`);
    assert.equal(text, readFileSync(file, "utf8"));
  });
}
