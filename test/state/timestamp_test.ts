import assert from "node:assert/strict";
import { test } from "node:test";
import { printTime, timestamp } from "../../src/state/timestamp.ts";

test("printTime() prints what Date prints, with nanoseconds", () => {
  const day = 86_400;
  const times = [0, 1, day - 1, 951_782_399, 951_782_400, 951_868_800, 4_107_542_399, 4_107_542_400, 253_402_300_799];
  for (let days = 0; days < 400 * 366; days += 13) times.push(days * day + (days % day));
  for (const seconds of times) {
    const expected = new Date(seconds * 1000).toISOString().replace(".000Z", ".000000789Z");
    assert.equal(printTime(seconds, 789), expected);
  }
});

test("timestamp() is now", () => {
  const before = new Date(Date.now() - 1).toISOString();
  const now = timestamp();
  assert.match(now, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  assert.ok(before.slice(0, 23) <= now && now.slice(0, 23) <= new Date().toISOString());
});
