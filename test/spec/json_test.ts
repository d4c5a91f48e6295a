import assert from "node:assert/strict";
import { test } from "node:test";
import { findJsonProblem } from "../../src/spec/json_scanner.ts";
import { assertRefused, refusalOf } from "./refusals.ts";

/** Text, line, column, message. */
const problems: readonly [string, number, number, string][] = [
  ["", 1, 1, "Expected a value but found the end of the file"],
  [" \n ", 2, 2, "Expected a value but found the end of the file"],
  ["{", 1, 2, 'Expected a property name in double quotes or "}" but found the end of the file'],
  ['{"a"', 1, 5, 'Expected ":" but found the end of the file'],
  ['{"a" 1', 1, 6, 'Expected ":" but found "1"'],
  ['{"a":', 1, 6, "Expected a value but found the end of the file"],
  ['{"a":1', 1, 7, 'Expected "," or "}" but found the end of the file'],
  ['{"a":1]', 1, 7, 'Expected "," or "}" but found "]"'],
  ['{"a":1,}', 1, 8, 'Expected a property name in double quotes but found "}"'],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3, 'Expected "," or "}" but found a string'],
  ["{a:1}", 1, 2, 'Expected a property name in double quotes or "}" but found "a"'],
  ["{'a':1}", 1, 2, `Expected a property name in double quotes or "}" but found "'"`],
  ["[1,]", 1, 4, 'Expected a value but found "]"'],
  ["[1 2]", 1, 4, 'Expected "," or "]" but found "2"'],
  ["[1}", 1, 3, 'Expected "," or "]" but found "}"'],
  ["[}", 1, 2, 'Expected a value or "]" but found "}"'],
  ["[] []", 1, 4, 'Expected the end of the file but found "["'],
  ["{} // why", 1, 4, 'Expected the end of the file but found "/"'],
  ["tru", 1, 1, 'Expected a value but found "tru"'],
  ["[nul]", 1, 2, 'Expected a value or "]" but found "nul"'],
  ["NaN", 1, 1, 'Expected a value but found "NaN"'],
  ["01", 1, 1, 'Expected a number as JSON writes it but found "01"'],
  ["[1.]", 1, 2, 'Expected a number as JSON writes it but found "1."'],
  ["[.5]", 1, 2, 'Expected a number as JSON writes it but found ".5"'],
  ["[+5]", 1, 2, 'Expected a number as JSON writes it but found "+5"'],
  ["[-]", 1, 2, 'Expected a number as JSON writes it but found "-"'],
  ["[0x10]", 1, 2, 'Expected a number as JSON writes it but found "0x10"'],
  ["[1e]", 1, 2, 'Expected a number as JSON writes it but found "1e"'],
  ['["abc', 1, 2, "Expected the string that starts here to end"],
  ['["a\nb"]', 1, 4, "Expected control characters in strings as escapes but found U+000A"],
  ['["a\0b"]', 1, 4, "Expected control characters in strings as escapes but found U+0000"],
  [String.raw`["\x41"]`, 1, 3, String.raw`Expected an escape JSON knows but found "\x"`],
  [String.raw`["\u12g4"]`, 1, 3, String.raw`Expected an escape JSON knows but found "\u"`],
  ["\ufeff{}", 1, 1, "Expected a value but found a byte order mark"],
  ["[\u00a0]", 1, 2, 'Expected a value or "]" but found "\u00a0"'],
  ["{}\0", 1, 3, "Expected the end of the file but found U+0000"],
];

test("parseSpec() names line and column of a syntax error", () => {
  for (const [text, line, column, message] of problems) {
    assertRefused(text, "", `line ${line}, column ${column}: ${message}`);
  }
});

test("findJsonProblem() agrees with JSON.parse() on what is wrong", () => {
  const right = ["{}", " [ ] ", '{"a":[1,-0.5e+3,true,false,null,"\\u0041\\n"],"":{}}', "0", '"x"', "\r\n\t1"];
  for (const text of right) {
    JSON.parse(text);
    assert.equal(findJsonProblem(text, 10), undefined, text);
  }
  for (const [text] of problems) assert.throws(() => JSON.parse(text) as unknown, SyntaxError);
});

test("parseSpec() counts lines at newlines, also after a carriage return", () => {
  assertRefused('{\r\n"a": x}', "", 'line 2, column 6: Expected a value but found "x"');
});

test("parseSpec() refuses deep nesting at once, closed or not", () => {
  const tooDeep = "line 1, column 1001: Nested deeper than 1000 levels, the limit of this program";
  const levels = 2_500_000;
  const started = performance.now();
  assertRefused("[".repeat(2 * levels), "", tooDeep);
  assertRefused("[".repeat(levels) + "]".repeat(levels), "", tooDeep);
  const nested = `${'{"a":'.repeat(800_000)}1${"}".repeat(800_000)}`;
  assert.match(refusalOf(nested).message, /line 1, column 5001: Nested deeper than 1000 levels/);
  const unknown = `{"ociVersion":"1.0.0","root":{"path":"x"},"unknown":${"[".repeat(2000)}${"]".repeat(2000)}}`;
  assert.match(refusalOf(unknown).message, /Nested deeper than 1000 levels/);
  assert.ok(performance.now() - started < 2000, "took more than 2 s");
});

test("parseSpec() takes brackets inside strings for text", () => {
  const config = { ociVersion: "1.0.0", root: { path: "[".repeat(5000) }, hostname: 7 };
  assertRefused(config, "/hostname", "Expected a string but received 7");
});

test("parseSpec() refuses JSON that is no object", () => {
  for (const [text, received] of [
    ["null", "null"],
    ["[]", "an empty array"],
    ['"x"', '"x"'],
    ["7", "7"],
  ] as const) {
    assertRefused(text, "", `Expected an object but received ${received}`);
  }
});
