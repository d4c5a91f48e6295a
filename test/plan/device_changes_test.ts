import assert from "node:assert/strict";
import { test } from "node:test";
import { type DeviceLine, deviceChanges, type DeviceState, deviceStateOf } from "../../src/plan/device_changes.ts";
import { ruleLine } from "../../src/plan/device_exceptions.ts";
import { anyNumber, type DeviceAccess } from "../../src/plan/device_program.ts";

const letters = ["r", "w", "m"];
const requests = ["b", "c"].flatMap((type) =>
  [0, 1].flatMap((major) => [0, 1].flatMap((minor) => letters.map((letter) => ({ type, major, minor, letter })))),
);

/** The controller: what it does with a line, and what it then allows. */
class Controller {
  allow: boolean;
  readonly exceptions = new Map<string, string>();

  constructor({ allow, exceptions }: DeviceState) {
    this.allow = allow;
    for (const rule of exceptions!) this.#add(ruleLine(rule));
  }

  write({ allow, text }: DeviceLine): void {
    if (text === "a") {
      this.allow = allow;
      this.exceptions.clear();
    } else if (allow !== this.allow) this.#add(text);
    else this.#remove(text);
  }

  /** The requests that pass. */
  open(): Set<string> {
    const found = new Set<string>();
    for (const request of requests) {
      let isException = false;
      for (const [numbers, access] of this.exceptions) {
        const [type, pair] = numbers.split(" ");
        const [major, minor] = pair!.split(":");
        if (type !== request.type || !access.includes(request.letter)) continue;
        if (major !== "*" && Number(major) !== request.major) continue;
        if (minor === "*" || Number(minor) === request.minor) isException = true;
      }
      if (this.allow !== isException) found.add(JSON.stringify(request));
    }
    return found;
  }

  #add(text: string): void {
    const [numbers, access] = split(text);
    this.exceptions.set(numbers, `${this.exceptions.get(numbers) ?? ""}${access}`);
  }

  /** Without a word where there is none of exactly these numbers. */
  #remove(text: string): void {
    const [numbers, access] = split(text);
    const left = [...(this.exceptions.get(numbers) ?? "")].filter((letter) => !access.includes(letter)).join("");
    if (left === "") this.exceptions.delete(numbers);
    else this.exceptions.set(numbers, left);
  }
}

function split(text: string): [numbers: string, access: string] {
  const end = text.lastIndexOf(" ");
  return [text.slice(0, end), text.slice(end + 1)];
}

/** Numbers that repeat: the tests must not depend on luck. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

const isWithin = (inner: Set<string>, outer: Set<string>): boolean => [...inner].every((item) => outer.has(item));

test("deviceChanges() gets from any list to any other, and each moment is between the two, for 1000 random pairs", () => {
  const source = numbers(11);
  const next = (below: number): number => source.next().value % below;
  const state = (allow: boolean): DeviceState => ({
    allow,
    exceptions: Array.from({ length: next(6) }, (): DeviceAccess => ({
      allow: !allow,
      type: (["b", "c"] as const)[next(2)]!,
      major: next(3) - 1,
      minor: next(3) - 1,
      access: letters.filter(() => next(2) === 1).join("") || "r",
    })),
  });
  for (let round = 0; round < 1000; round++) {
    const from = state(next(3) === 0);
    const to = state(next(3) === 0);
    const { lines, turnsRound } = deviceChanges(from, to);
    const controller = new Controller(from);
    const before = controller.open();
    const after = new Controller(to).open();
    const shown = JSON.stringify({ from, to, lines });
    assert.equal(turnsRound, from.allow !== to.allow, shown);
    for (const line of lines) {
      controller.write(line);
      if (turnsRound) continue;
      const now = controller.open();
      assert.ok(isWithin(now, before) || isWithin(now, after), `too much is open after ${line.text}: ${shown}`);
      const both = new Set([...before].filter((item) => after.has(item)));
      assert.ok(isWithin(both, now), `too little is open after ${line.text}: ${shown}`);
    }
    assert.deepEqual([...controller.open()], [...after], shown);
    assert.deepEqual(
      deviceChanges({ allow: to.allow, exceptions: rulesIn(controller) }, to).lines,
      [],
      `the second time: ${shown}`,
    );
  }
});

const rulesIn = ({ allow, exceptions }: Controller): DeviceAccess[] =>
  [...exceptions].map(([text, access]) => {
    const [rule] = deviceStateOf(`${text} ${access}`, undefined).exceptions!;
    return { ...rule!, allow: !allow };
  });

const rule = (major: number, minor: number, access: string): DeviceAccess => ({
  allow: true,
  type: "c",
  major,
  minor,
  access,
});
const linesOf = (from: DeviceState, to: DeviceState): string[] =>
  deviceChanges(from, to).lines.map(({ allow, text }) => `${allow ? "allow" : "deny"} ${text}`);

test("deviceChanges() puts down what both allow before the wider exception goes, and takes away before it adds", () => {
  const making = rule(anyNumber, anyNumber, "m");
  const wide = { allow: false, exceptions: [making, rule(60, anyNumber, "rw"), rule(1, 3, "rwm")] };
  const narrow = { allow: false, exceptions: [making, rule(60, 1, "rwm"), rule(1, 3, "rwm"), rule(7, 7, "r")] };
  assert.deepEqual(linesOf(wide, narrow), ["allow c 60:1 rw", "deny c 60:* rw", "allow c 60:1 m", "allow c 7:7 r"]);
  assert.deepEqual(linesOf(narrow, wide), ["deny c 60:1 m", "deny c 7:7 r", "allow c 60:* rw", "deny c 60:1 rw"]);
  assert.deepEqual(linesOf(wide, wide), []);
});

test("deviceChanges() compares what is denied where all is allowed, and starts anew where that is not known", () => {
  const to = { allow: true, exceptions: [rule(60, 1, "rw")] };
  const from = { allow: true, exceptions: [rule(60, 2, "rw")] };
  assert.deepEqual(linesOf(from, to), ["deny c 60:1 rw", "allow c 60:2 rw"]);
  assert.deepEqual(linesOf({ allow: true, exceptions: undefined }, to), ["allow a", "deny c 60:1 rw"]);
  assert.equal(deviceChanges({ allow: true, exceptions: undefined }, to).turnsRound, true);
});

test("deviceStateOf() reads devices.list; exceptions that the kernel does not show are those known", () => {
  assert.deepEqual(deviceStateOf("c 1:3 rwm\nb *:* m\nc 136:* rw\n", undefined), {
    allow: false,
    exceptions: [rule(1, 3, "rwm"), { ...rule(anyNumber, anyNumber, "m"), type: "b" }, rule(136, anyNumber, "rw")],
  });
  const known = { allow: true, exceptions: [rule(60, 1, "r")] };
  assert.deepEqual(deviceStateOf("a *:* rwm\n", known), known);
  assert.equal(deviceStateOf("a *:* rwm\n", { allow: false, exceptions: [] }).exceptions, undefined);
  assert.equal(deviceStateOf("a *:* rwm\n", undefined).exceptions, undefined);
  assert.deepEqual(deviceStateOf("", known), { allow: false, exceptions: [] });
});
