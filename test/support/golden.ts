/**
 * Expected texts in files: `UPDATE=1` writes them, and the diff is the review.
 * In: a name, the text. Out: an AssertionError where they differ.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { env } from "node:process";
import { fileURLToPath } from "node:url";

const directory = fileURLToPath(new URL("../golden/", import.meta.url));

/** Whether there is a text of that name. */
export const hasGolden = (name: string): boolean => existsSync(`${directory}${name}`);

/** Compares a text with test/golden/NAME. */
export function assertGolden(name: string, text: string): void {
  const path = `${directory}${name}`;
  if (env["UPDATE"] === "1") {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  assert.ok(existsSync(path), `${path} is missing: run with UPDATE=1. It would be:\n${text}`);
  assert.equal(text, readFileSync(path, "utf8"));
}
