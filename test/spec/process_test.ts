import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "../../src/spec/mod.ts";
import { configWith, type Json, type JsonObject, smallConfig } from "./configs.ts";
import { assertRefused, refusalOf } from "./refusals.ts";

/** Asserts how a property of `process` is refused. */
function assertRefusedIn(process: JsonObject, pointer: string, message: string): void {
  assertRefused(configWith({ process }), `/process${pointer}`, message);
}

/** The process parseSpec() makes of a configuration. */
function processOf(process: JsonObject): unknown {
  return parseSpec(JSON.stringify(configWith({ process }))).process;
}

test("parseSpec() takes a configuration without process", () => {
  const { process: _, ...config } = smallConfig();
  assert.equal(parseSpec(JSON.stringify(config)).process, undefined);
});

test("parseSpec() names user ids that are none", () => {
  const ids: readonly [Json, string][] = [
    [4294967295, "4294967295"],
    [4294967296, "4294967296"],
    [-1, "-1"],
    [1.5, "1.5"],
    ["0", '"0"'],
    [true, "true"],
    [1e300, "1e+300"],
  ];
  for (const [id, received] of ids) {
    const expected = `Expected an integer from 0 to 4294967294 but received ${received}`;
    assertRefusedIn({ user: { uid: id, gid: 0 } }, "/user/uid", expected);
    assertRefusedIn({ user: { uid: 0, gid: id } }, "/user/gid", expected);
    assertRefusedIn({ user: { uid: 0, gid: 0, additionalGids: [1, id] } }, "/user/additionalGids/1", expected);
  }
});

test("parseSpec() takes the whole range of ids, and root where there is none", () => {
  const user = { uid: 4294967294, gid: 4294967294, umask: 0o777, additionalGids: [0] };
  assert.deepEqual((processOf({ user }) as JsonObject)["user"], user);
  assert.deepEqual((processOf({ user: {} }) as JsonObject)["user"], { uid: 0, gid: 0 });
  assert.deepEqual((processOf({ user: null }) as JsonObject)["user"], { uid: 0, gid: 0 });
});

test("parseSpec() names wrong properties of process", () => {
  const cases: readonly [JsonObject, string, string][] = [
    [{ user: { uid: 0, gid: 0, umask: 512 } }, "/user/umask", "Expected an integer from 0 to 511 but received 512"],
    [{ args: [] }, "/args", "Expected at least one argument but received an empty array"],
    [{ args: [""] }, "/args", "Expected a first argument that is not empty but received an array"],
    [{ args: ["a", 7] }, "/args/1", "Expected a string but received 7"],
    [{ args: null }, "/args", "Required but missing"],
    [{ cwd: null }, "/cwd", "Required but missing"],
    [{ cwd: "" }, "/cwd", 'Expected an absolute path but received ""'],
    [{ cwd: "tmp" }, "/cwd", 'Expected an absolute path but received "tmp"'],
    [{ env: ["A=b", "C"] }, "/env/1", 'Expected a string of the form "NAME=value" but received "C"'],
    [{ env: ["=b"] }, "/env/0", 'Expected a string of the form "NAME=value" but received "=b"'],
    [{ env: [null] }, "/env/0", 'Expected a string of the form "NAME=value" but received null'],
    [{ terminal: "yes" }, "/terminal", 'Expected true or false but received "yes"'],
    [{ noNewPrivileges: 1 }, "/noNewPrivileges", "Expected true or false but received 1"],
    [{ oomScoreAdj: -1001 }, "/oomScoreAdj", "Expected an integer from -1000 to 1000 but received -1001"],
    [{ capabilities: [] }, "/capabilities", "Expected an object but received an empty array"],
    [{ capabilities: { ambient: "CAP_KILL" } }, "/capabilities/ambient", 'Expected an array but received "CAP_KILL"'],
    [
      { ioPriority: { class: "IOPRIO_CLASS_RT", priority: 8 } },
      "/ioPriority/priority",
      "Expected an integer from 0 to 7 but received 8",
    ],
    [
      { execCPUAffinity: { initial: "a" } },
      "/execCPUAffinity/initial",
      'Expected a list such as "0-3,7" but received "a"',
    ],
    [
      { consoleSize: { height: 70000, width: 1 } },
      "/consoleSize/height",
      "Expected an integer from 0 to 65535 but received 70000",
    ],
  ];
  for (const [process, pointer, message] of cases) assertRefusedIn(process, pointer, message);
});

test("parseSpec() names the values an enumeration has", () => {
  const { message } = refusalOf(configWith({ process: { ioPriority: { class: "RT" } } }));
  assert.equal(
    message,
    'config.json /process/ioPriority/class: Expected one of "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE" but received "RT"',
  );
});

test("parseSpec() takes capabilities it does not know", () => {
  const capabilities = { bounding: ["CAP_OF_TOMORROW"] };
  assert.deepEqual((processOf({ capabilities }) as JsonObject)["capabilities"], capabilities);
});

test("parseSpec() takes empty arguments after the first, and empty environment values", () => {
  const process = processOf({ args: ["sh", "-c", ""], env: ["HOME=", "A==b"] }) as JsonObject;
  assert.deepEqual(process["args"], ["sh", "-c", ""]);
  assert.deepEqual(process["env"], ["HOME=", "A==b"]);
});

test("parseSpec() forgets the console's size without a terminal", () => {
  // MUST config.md#process ignore consoleSize if terminal is false or unset
  const consoleSize = { height: 24, width: 80 };
  assert.ok(!("consoleSize" in (processOf({ consoleSize }) as JsonObject)));
  assert.ok(!("consoleSize" in (processOf({ consoleSize, terminal: false }) as JsonObject)));
  assert.deepEqual((processOf({ consoleSize, terminal: true }) as JsonObject)["consoleSize"], consoleSize);
});

test("parseSpec() reads limits up to RLIM_INFINITY, every digit of them", () => {
  const limits: readonly [string, number | bigint][] = [
    ["0", 0],
    ["9007199254740991", 9007199254740991],
    ["9007199254740992", 9007199254740992n],
    ["9007199254740993", 9007199254740993n],
    ["9223372036854775807", 9223372036854775807n],
    ["9223372036854775808", 9223372036854775808n],
    ["18446744073709551614", 18446744073709551614n],
    ["18446744073709551615", 18446744073709551615n],
  ];
  for (const [hard, expected] of limits) {
    const text = JSON.stringify(configWith({ process: { rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: "HARD" }] } }));
    const { process } = parseSpec(text.replace('"HARD"', hard));
    assert.deepEqual(process?.rlimits, [{ type: "RLIMIT_CORE", soft: 0, hard: expected }]);
  }
});

test("parseSpec() compares a soft and a hard limit to the last digit", () => {
  const text = JSON.stringify(configWith({ process: { rlimits: [{ type: "RLIMIT_CORE", soft: "S", hard: "H" }] } }));
  const error = refusalOf(text.replace('"S"', "9007199254740993").replace('"H"', "9007199254740992"));
  assert.equal(error.pointer, "/process/rlimits/0/soft");
  assert.match(error.message, /at most the hard limit 9007199254740992 but received 9007199254740993$/);
});

test("parseSpec() refuses limits that are none", () => {
  const text = JSON.stringify(configWith({ process: { rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: "HARD" }] } }));
  for (const hard of ["18446744073709551616", "-1", "1.5", "1e30"]) {
    const error = refusalOf(text.replace('"HARD"', hard));
    assert.equal(error.pointer, "/process/rlimits/0/hard");
    assert.match(error.message, /Expected an integer from 0 to 18446744073709551615 but received /);
  }
  assert.match(refusalOf(text.replace('"HARD"', "18446744073709551616")).message, /received 18446744073709551616$/);
});

test("parseSpec() refuses unknown, repeated and reversed limits", () => {
  const limit = { type: "RLIMIT_NOFILE", soft: 1, hard: 2 };
  const unknown = refusalOf(configWith({ process: { rlimits: [{ ...limit, type: "RLIMIT_FILES" }] } }));
  assert.equal(unknown.pointer, "/process/rlimits/0/type");
  assert.match(unknown.message, /Expected one of "RLIMIT_AS", .*"RLIMIT_STACK" but received "RLIMIT_FILES"$/);
  // MUST config.md#posix-process duplicated rlimits are an error
  const repeated = 'Expected each limit once but received "RLIMIT_NOFILE" again';
  assertRefusedIn({ rlimits: [limit, { ...limit }] }, "/rlimits/1/type", repeated);
  assertRefusedIn(
    { rlimits: [{ ...limit, soft: 3 }] },
    "/rlimits/0/soft",
    "Expected at most the hard limit 2 but received 3",
  );
});

test("parseSpec() refuses numbers a scheduling policy does not take", () => {
  const cases: readonly [string, string, string][] = [
    ["SCHED_OTHER", "priority", "SCHED_FIFO or SCHED_RR"],
    ["SCHED_RR", "runtime", "SCHED_DEADLINE"],
    ["SCHED_RR", "deadline", "SCHED_DEADLINE"],
    ["SCHED_RR", "period", "SCHED_DEADLINE"],
  ];
  for (const [policy, key, policies] of cases) {
    assertRefusedIn(
      { scheduler: { policy, [key]: 1 } },
      `/scheduler/${key}`,
      `Expected ${policies} as policy for it but received "${policy}"`,
    );
  }
});
