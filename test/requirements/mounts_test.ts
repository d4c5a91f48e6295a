/**
 * The table of mount requirements is whole, and every test it names exists.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { type Requirement, requirements } from "./mounts.ts";

const counts = { C: 26, R: 11, S: 7 };

const tests = new URL("..", import.meta.url);

/** What is wrong with an entry. */
function problems(number: string, { tests: files, open }: Requirement): string[] {
  const found: string[] = [];
  if (Object.keys(files).length === 0 && open === undefined) found.push(`${number} has no test and no reason`);
  for (const [file, names] of Object.entries(files)) {
    const path = new URL(file, tests);
    if (!existsSync(path)) {
      found.push(`${number}: there is no test/${file}`);
    } else if (file.startsWith("golden/")) {
      if (!existsSync(new URL(`${file}/plan.txt`, tests))) found.push(`${number}: test/${file} has no plan.txt`);
    } else {
      const text = readFileSync(path, "utf8");
      for (const name of names) {
        // A name made by a template stands here as the template does there, back quotes included.
        const forms = name.startsWith("`") ? [name] : [`"${name}"`, `'${name}'`, `\`${name}\``];
        if (!forms.some((form) => text.includes(form))) found.push(`${number}: test/${file} has no test ${name}`);
      }
      if (names.length === 0) found.push(`${number}: no test of test/${file} is named`);
    }
  }
  return found;
}

test("every requirement on mounts has its tests, or a reason why not", () => {
  const numbers = Object.entries(counts).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
  );
  assert.equal(numbers.length, 44);
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
