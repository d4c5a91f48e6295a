/** config.json's text in and out of state.json. Output: none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configTextOf, printProcess, printRecord } from "../../src/state/record.ts";
import { record } from "./fixture.ts";

test("configTextOf() gives the text as it was, whatever stands before it", () => {
  const text = '{"process":{"rlimits":[{"soft":18446744073709551615}]},"config":{"config":1}}';
  const own = record({ annotations: { config: '","config":', 1: "é\u2028" } });
  const printed = printRecord(own, `  ${text}\n`);
  assert.equal(configTextOf(printed), text);
  assert.equal(configTextOf(printed + printProcess(7, 8)), text);
});
