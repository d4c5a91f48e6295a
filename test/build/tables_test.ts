import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { architectures, type Architecture, compilerHeaders, evaluate, missingHeaders } from "../../build/headers.ts";
import { generate, readValues } from "../../build/tables.ts";
import { calls } from "../../syscalls/calls.ts";
import { headers, newerNumbers } from "../../syscalls/constants.ts";
import { archConstants as aarch64, nr as nrAarch64 } from "../../syscalls/generated/numbers_aarch64.ts";
import { archConstants as x86, nr as nrX86 } from "../../syscalls/generated/numbers_x86_64.ts";
import { constants } from "../../syscalls/generated/constants.ts";
import { newer } from "../../syscalls/newer.ts";
import { skip } from "../support/skip.ts";

const names = Object.keys(architectures) as Architecture[];

test("syscalls/generated/ is what the kernel's headers give", (t) => {
  const reason = missingHeaders();
  if (reason !== undefined) return skip(t, reason);
  for (const [name, text] of generate()) {
    const committed = readFileSync(new URL(`../../syscalls/generated/${name}`, import.meta.url), "utf8");
    assert.equal(committed, text, `syscalls/generated/${name}: run "npm run generate"`);
  }
});

test("constants and numbers newer than the headers agree with newer headers where those have them", () => {
  const questions = [
    ...Object.keys(newer).map((name) => ({ key: name, expression: name, ifDefined: name })),
    ...Object.keys(newerNumbers).map((name) => ({
      key: `nr:${name}`,
      expression: `__NR_${name}`,
      ifDefined: `__NR_${name}`,
    })),
  ];
  const includes = ["asm/unistd.h", ...Object.keys(headers), "linux/memfd.h", "linux/pidfd.h", "linux/nsfs.h"];
  for (const name of names) {
    const values = evaluate(name, compilerHeaders(name), includes, [], questions);
    assert.ok(values.size > 10, "the compiler's headers are newer than Linux 6.1");
    for (const [key, value] of values) {
      const ours = key.startsWith("nr:") ? newerNumbers[key.slice(3)]!.value : newer[key]!.value;
      assert.equal(ours, value, `${key} on ${name}`);
    }
  }
});

test("the constants of Debian's headers and of the compiler's agree", (t) => {
  const reason = missingHeaders();
  if (reason !== undefined) return skip(t, reason);
  const questions = Object.values(headers)
    .flatMap((list) => list.trim().split(/\s+/))
    .map((key) => ({ key, expression: key, ifDefined: key }));
  for (const name of names) {
    const debian = readValues(name, architectures[name]).constants;
    for (const [key, value] of evaluate(name, compilerHeaders(name), Object.keys(headers), [], questions)) {
      // grows with every kernel
      if (key !== "CAP_LAST_CAP") assert.equal(debian.get(key), value, `${key} on ${name}`);
    }
  }
});

test("every row of calls.ts has a number on every architecture", () => {
  for (const call of Object.keys(calls)) {
    assert.equal(typeof nrX86[call], "number", call);
    assert.equal(typeof nrAarch64[call], "number", call);
  }
});

test("well-known values are right", () => {
  assert.equal(nrX86["openat2"], 437);
  assert.equal(nrAarch64["openat"], 56);
  assert.equal(x86()["O_DIRECTORY"], 0o200000);
  assert.equal(aarch64()["O_DIRECTORY"], 0o40000);
  assert.equal(constants()["CLONE_INTO_CGROUP"], 2 ** 33);
  assert.equal(constants()["CAP_CHECKPOINT_RESTORE"], 40);
});
