import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceAccesses } from "../../src/plan/cgroup_devices.ts";
import { deviceExceptions, isEverything, ruleLine } from "../../src/plan/device_exceptions.ts";
import { anyNumber, type DeviceAccess } from "../../src/plan/device_program.ts";

const letters = ["r", "w", "m"];
const everything = (allow: boolean): DeviceAccess => ({
  allow,
  type: "a",
  major: anyNumber,
  minor: anyNumber,
  access: "rwm",
});

const speaksOf = (rule: DeviceAccess, type: string, major: number, minor: number, letter: string): boolean =>
  (rule.type === "a" || rule.type === type) &&
  (rule.major === anyNumber || rule.major === major) &&
  (rule.minor === anyNumber || rule.minor === minor) &&
  rule.access.includes(letter);

/** Numbers that repeat: the tests must not depend on luck. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

test("deviceExceptions() means what the rules mean, for 500 random lists, or refuses", () => {
  const source = numbers(7);
  const next = (below: number): number => source.next().value % below;
  let kept = 0;
  for (let round = 0; round < 500; round++) {
    const rules = [everything(next(2) === 1)];
    for (let count = next(6); count > 0; count--) {
      rules.push({
        allow: next(2) === 1,
        type: (["a", "b", "c"] as const)[next(3)]!,
        major: next(3) - 1,
        minor: next(3) - 1,
        access: letters.filter(() => next(2) === 1).join(""),
      });
    }
    let isRefused = false;
    const lines = deviceExceptions(rules, () => (isRefused = true));
    assert.ok(isEverything(lines[0]!) && lines.slice(1).every((line) => line.allow !== lines[0]!.allow));
    if (isRefused) continue;
    kept++;
    for (const type of ["b", "c"]) {
      for (const [major, minor] of [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ] as const) {
        for (const letter of letters) {
          const asked = rules.findLast((rule) => speaksOf(rule, type, major, minor, letter))!.allow;
          const isException = lines.slice(1).some((line) => speaksOf(line, type, major, minor, letter));
          assert.equal(lines[0]!.allow !== isException, asked, JSON.stringify({ rules, type, major, minor, letter }));
        }
      }
    }
  }
  assert.ok(kept > 200 && kept < 500, String(kept));
});

test("deviceExceptions() takes away what a wider rule covers, and refuses what a narrower one cuts out", () => {
  const rule = (allow: boolean, major: number, minor: number, access = "rwm"): DeviceAccess => ({
    allow,
    type: "c",
    major,
    minor,
    access,
  });
  const refused: string[] = [];
  const linesOf = (...rules: DeviceAccess[]): string[] =>
    deviceExceptions(rules, (...two) => refused.push(two.map(ruleLine).join(" within "))).map(ruleLine);
  const some = [everything(false), rule(true, 10, 1), rule(true, 10, 2), rule(true, 11, 1)];
  assert.deepEqual(linesOf(...some, rule(false, 10, anyNumber, "w")), [
    "a *:* rwm",
    "c 10:1 rm",
    "c 10:2 rm",
    "c 11:1 rwm",
  ]);
  assert.deepEqual(linesOf(...some, rule(false, anyNumber, 1)), ["a *:* rwm", "c 10:2 rwm"]);
  assert.deepEqual(linesOf(...some, everything(true)), ["a *:* rwm"]);
  assert.deepEqual(refused, []);
  linesOf(everything(false), rule(true, 10, anyNumber, "rw"), rule(false, 10, 1, "m"), rule(false, 10, 1, "wm"));
  assert.deepEqual(refused, ["c 10:1 wm within c 10:* rw"]);
});

test("deviceAccesses() lets any node be made where the rules start from nothing, not where from everything", () => {
  const lines = (...rules: Parameters<typeof deviceAccesses>[0]): string[] => deviceAccesses(rules).map(ruleLine);
  const tty = { type: "c", major: 5, minor: 0, access: "rwm" } as const;
  assert.deepEqual(lines({ allow: false, ...tty }).slice(0, 4), ["a *:* rwm", "c 5:0 rwm", "c *:* m", "b *:* m"]);
  assert.deepEqual(lines({ allow: true }, { allow: false, ...tty }).slice(0, 3), [
    "a *:* rwm",
    "c 5:0 rwm",
    "c 1:3 rwm",
  ]);
});
