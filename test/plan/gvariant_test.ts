/** Values of D-Bus as text: what is read, and what is no value of the type. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstType, type GVariant, memberTypes, parseGVariant } from "../../src/plan/gvariant.ts";

const values: readonly (readonly [string, string, GVariant])[] = [
  ["15", "i", 15],
  ["int32 -15", "i", -15],
  ["uint64 10000000", "t", 10_000_000n],
  ["10000000", "t", 10_000_000n],
  ["18446744073709551615", "t", 2n ** 64n - 1n],
  ["0x1f", "u", 31],
  ["017", "u", 15],
  ["-9223372036854775808", "x", -(2n ** 63n)],
  ["true", "b", true],
  ["boolean false", "b", false],
  [" 'it''s' ".replace("''", "\\'"), "s", "it's"],
  ['"a\\n\\u00e4\\\\"', "s", "a\nä\\"],
  ["['a.service', 'b.service']", "as", ["a.service", "b.service"]],
  ["@as []", "as", []],
  ["[byte 0x01, 2]", "ay", [1, 2]],
  [
    "[('/dev/null', 'rw'), ('char-*', 'm')]",
    "a(ss)",
    [
      ["/dev/null", "rw"],
      ["char-*", "m"],
    ],
  ],
  ["[('/dev/sda', uint64 5)]", "a(st)", [["/dev/sda", 5n]]],
  ["1.5", "d", 1.5],
  ["-.5e1", "d", -5],
];

for (const [text, type, value] of values) {
  test(`parseGVariant() reads ${text} as "${type}"`, () => assert.deepEqual(parseGVariant(text, type), value));
}

const wrong: readonly (readonly [string, string])[] = [
  ["", "i"],
  ["15 16", "i"],
  ["int64 15", "i"],
  ["2147483648", "i"],
  ["-1", "t"],
  ["18446744073709551616", "t"],
  ["256", "y"],
  ["1.5", "t"],
  ["08", "u"],
  ["yes", "b"],
  ["a", "s"],
  ["'a", "s"],
  ["'a' 'b'", "s"],
  ["'\\u0000'", "s"],
  ["['a'", "as"],
  ["['a' 'b']", "as"],
  ["['a', 5]", "as"],
  ["('a',)", "(ss)"],
  ["('a', 'b', 'c')", "(ss)"],
  ["5", "v"],
];

for (const [text, type] of wrong) {
  test(`parseGVariant() takes ${JSON.stringify(text)} for no "${type}"`, () =>
    assert.equal(parseGVariant(text, type), undefined));
}

test("firstType() and memberTypes() cut signatures", () => {
  assert.equal(firstType("a(sa(sv))u"), "a(sa(sv))");
  assert.equal(firstType("su"), "s");
  assert.deepEqual(memberTypes("(sa(st)b)"), ["s", "a(st)", "b"]);
});
