/** config.json's text in and out of state.json. Output: none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configTextOf, parseRecord, printDeviceRules, printProcess, printRecord } from "../../src/state/record.ts";
import { record } from "./fixture.ts";

test("configTextOf() gives the text as it was, whatever stands before it", () => {
  const text = '{"process":{"rlimits":[{"soft":18446744073709551615}]},"config":{"config":1}}';
  const own = record({ annotations: { config: '","config":', 1: "é\u2028" } });
  const printed = printRecord(own, `  ${text}\n`);
  assert.equal(configTextOf(printed), text);
  assert.equal(configTextOf(printed + printProcess(7, 8)), text);
});

test("parseRecord() takes the last of what was added, and nothing that is not whole", () => {
  const rules = [{ allow: false, access: "rwm" }];
  const made = printRecord(record({}), "{}") + printProcess(7, 8);
  const read = (text: string): unknown[] => {
    const { pid, deviceRules } = parseRecord(text, "web", "state.json");
    return [pid, deviceRules];
  };
  assert.deepEqual(read(made), [7, undefined]);
  assert.deepEqual(read(made + printDeviceRules(null)), [7, null]);
  const changed = made + printDeviceRules(null) + printDeviceRules(rules);
  assert.deepEqual(read(changed), [7, rules]);
  assert.deepEqual(read(changed + printDeviceRules(null).slice(0, -1)), [7, rules]);
});
