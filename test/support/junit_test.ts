import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJunit } from "./junit.ts";

test("parseJunit() reads Bun's report", () => {
  const xml = `<testsuites name="bun test"><testsuite name="test/a_test.ts">
    <testcase name="passes" classname="" time="0.001" file="test/a_test.ts" line="3" assertions="0" />
    <testcase name="fails &amp; &lt;x&gt;" classname="" file="test/a_test.ts" line="4">
      <failure type="AssertionError" message="1 &gt; 2">1 !== 2&#10;at test/a_test.ts:4</failure>
    </testcase>
    <testcase name="inner" classname="group" file="test/a_test.ts" line="7"><skipped /></testcase>
  </testsuite></testsuites>`;
  assert.deepEqual(parseJunit(xml), [
    { name: "passes", file: "test/a_test.ts", line: 3, status: "passed", message: "" },
    { name: "fails & <x>", file: "test/a_test.ts", line: 4, status: "failed", message: "1 !== 2\nat test/a_test.ts:4" },
    { name: "group > inner", file: "test/a_test.ts", line: 7, status: "skipped", message: "" },
  ]);
});

test("parseJunit() reads Deno's report", () => {
  const xml = `<testsuites name="deno test"><testsuite name="./test/a_test.ts">
    <testcase name="passes" classname="./test/a_test.ts" time="0.001" line="3" col="1">
    </testcase>
    <testcase name="fails" classname="./test/a_test.ts" line="4" col="1">
      <failure message="short">AssertionError: long</failure>
    </testcase>
    <testcase name="later" classname="./test/a_test.ts" line="9" col="1"><skipped/></testcase>
  </testsuite></testsuites>`;
  assert.deepEqual(parseJunit(xml), [
    { name: "passes", file: "test/a_test.ts", line: 3, status: "passed", message: "" },
    { name: "fails", file: "test/a_test.ts", line: 4, status: "failed", message: "AssertionError: long" },
    { name: "later", file: "test/a_test.ts", line: 9, status: "skipped", message: "" },
  ]);
});
