import assert from "node:assert/strict";
import { test } from "node:test";
import { headerNumbers } from "../../build/call_tables.ts";
import * as tables from "../../syscalls/generated/call_numbers.ts";

const names = tables.callNames().split(" ");

test("call_numbers.ts holds every system call of the compiler's headers", () => {
  for (const [architecture, numbers] of Object.entries(tables)) {
    if (architecture === "callNames") continue;
    const pairs = (numbers as () => readonly number[])();
    const own = new Map(pairs.flatMap((number, i) => (i % 2 === 0 ? [[names[pairs[i + 1]!], number]] : [])));
    const wrong = [...headerNumbers(architecture)].filter(([name, number]) => own.get(name) !== number);
    assert.deepEqual(wrong, [], `${architecture}: run "npm run generate"`);
  }
});

test("names of system calls are sorted and stand once", () => {
  assert.deepEqual(names, [...new Set(names)].toSorted());
});
