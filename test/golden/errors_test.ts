/** What the texts of test/golden/errors (written by test/integration/error_text_*) have in common. @module */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const directory = fileURLToPath(new URL("./errors/", import.meta.url));
const texts = readdirSync(directory).map((name) => ({ name, text: readFileSync(`${directory}${name}`, "utf8") }));

/** The first line says it all. */
const selfExplaining = [
  "exec_program_missing.txt",
  "hook_failed.txt",
  "program_missing.txt",
  "program_not_in_path.txt",
  "root_missing.txt",
];

test("errors of failed calls name the call, its errno, who asked and the cause", () => {
  let complete = 0;
  for (const { name, text } of texts) {
    // Refused before anything was done: pointer and reason are the line.
    if (/^bunker: config\.json \/\S+: /m.test(text)) continue;
    const hasCall = /^(bunker: .*|  call +)\b[a-z0-9_]+\(.*\): (E[A-Z0-9]+ \(|status \d)/m.test(text);
    assert.ok(hasCall, `${name} names no call with its errno`);
    if (!/ because {4}/.test(text)) assert.ok(selfExplaining.includes(name) || / kernel {5}/.test(text), name);
    // The container's own devices are asked for by no line.
    if (name !== "device_place_taken.txt") assert.match(text, / {2}asked by {3}config\.json.* \//, name);
    if (hasCall && / because /.test(text) && / asked by /.test(text)) complete++;
  }
  assert.ok(complete >= 30, String(complete));
});

test("errors fit the 8 KiB that callers read, in a first line for people", () => {
  for (const { name, text } of texts) {
    assert.ok(text.length < 4000, name);
    const [first] = /^bunker: .*$/m.exec(text) ?? [""];
    assert.ok(first.length > 10 && first.length < 420, `${name}: ${first.length}`);
  }
});
