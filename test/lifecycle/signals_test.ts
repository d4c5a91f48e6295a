/**
 * Signals by number and name.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSignal } from "../../src/lifecycle/signals.ts";

const good: readonly [text: string, number: number][] = [
  ["9", 9],
  ["0", 0],
  ["64", 64],
  ["KILL", 9],
  ["SIGKILL", 9],
  ["sigterm", 15],
  ["Usr1", 10],
  ["CHLD", 17],
  ["SIGCLD", 17],
  ["RTMIN", 34],
  ["SIGRTMIN+3", 37],
  ["rtmin+30", 64],
  ["RTMAX", 64],
  ["RTMAX-30", 34],
];
for (const [text, number] of good) {
  test(`parseSignal() reads ${text}`, () => assert.equal(parseSignal(text), number));
}

for (const text of [
  "",
  "65",
  "-9",
  "9 ",
  "1e1",
  "SIG",
  "NOPE",
  "_BLOCK",
  "SIG_BLOCK",
  "RTMIN+31",
  "RTMIN-1",
  "RTMAX+1",
  "RTMIN+",
  "SIGSIGKILL",
]) {
  test(`parseSignal() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseSignal(text), { name: "UsageError", message: /^Unknown signal / });
  });
}
