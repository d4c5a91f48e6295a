/** The process file of `exec`: like `process` of config.json, with pointers as if it stood there. @module */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SpecError } from "../../src/errors.ts";
import { parseProcess } from "../../src/spec/mod.ts";
import { recordedProcess, recordedSeccomp } from "../../src/spec/recorded.ts";
import type { Process } from "../../src/spec/types.ts";

const file = (change: object): string => JSON.stringify({ cwd: "/", args: ["sh"], ...change });

test("parseProcess() reads what podman writes", () => {
  for (const name of ["exec-t", "exec-user"]) {
    const text = readFileSync(new URL(`../fixtures/podman/${name}/process.json`, import.meta.url), "utf8");
    assert.ok(parseProcess(text).cwd.startsWith("/"), name);
  }
});

test("parseProcess() makes an absent user root and drops the size of no console", () => {
  const process = parseProcess(file({ consoleSize: { height: 1, width: 1 }, apparmorProfile: "", selinuxLabel: "" }));
  assert.deepEqual(process, { cwd: "/", args: ["sh"], user: { uid: 0, gid: 0 } });
});

const own: Process = {
  cwd: "/own",
  args: ["own"],
  user: { uid: 1000, gid: 100, additionalGids: [5] },
  capabilities: { bounding: ["CAP_KILL"] },
  apparmorProfile: "confined",
  selinuxLabel: "u:r:t:s0",
  rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 100 }],
  noNewPrivileges: true,
  oomScoreAdj: 5,
};

test("parseProcess() takes from the container's process what the file does not name", () => {
  const { user, capabilities, apparmorProfile, selinuxLabel, rlimits } = own;
  const taken = { cwd: "/", args: ["sh"], user, capabilities, apparmorProfile, selinuxLabel, rlimits };
  const absent: readonly object[] = [
    {},
    { user: null, capabilities: null, apparmorProfile: null, selinuxLabel: null, rlimits: null },
    { apparmorProfile: "", selinuxLabel: "", rlimits: [] },
  ];
  for (const change of absent) assert.deepEqual(parseProcess(file(change), own), taken, JSON.stringify(change));
});

test("parseProcess() keeps what the file names, root among it", () => {
  const named = {
    user: { uid: 0, gid: 0 },
    capabilities: {},
    apparmorProfile: "unconfined",
    selinuxLabel: "a:b:c",
    rlimits: [{ type: "RLIMIT_CPU", soft: 1, hard: 1 }],
  };
  assert.deepEqual(parseProcess(file(named), own), { cwd: "/", args: ["sh"], ...named });
  assert.deepEqual(parseProcess(file({ user: { gid: 7 } }), own).user, { uid: 0, gid: 7 });
});

const bad: readonly [name: string, text: string, message: RegExp][] = [
  ["no object", "[]", /^process file \/process: Expected an object but received an empty array$/],
  ["no JSON", "{", /^process file .*line 1/],
  ["no command", file({ args: [] }), /^process file \/process\/args: Expected at least one argument/],
  ["a relative directory", file({ cwd: "x" }), /^process file \/process\/cwd: Expected an absolute path/],
  ["a NUL byte", file({ args: ["a\0b"] }), /^process file \/process\/args\/0: Expected text without NUL bytes/],
  [
    "a limit twice",
    file({ rlimits: [1, 2].map(() => ({ type: "RLIMIT_CPU", soft: 1, hard: 1 })) }),
    /^process file \/process\/rlimits\/1\/type: Expected each limit once/,
  ],
];

for (const [name, text, message] of bad) {
  test(`parseProcess() refuses ${name}`, () => {
    try {
      parseProcess(text);
    } catch (error) {
      assert.ok(error instanceof SpecError);
      assert.match(error.of("process file").message, message);
      return;
    }
    assert.fail("it was taken");
  });
}

/** Only where numbers were rounded it is read again. */
const noText = (): string => assert.fail("the text was read again");

test("recordedProcess() adds what the schemas add", () => {
  assert.deepEqual(
    recordedProcess({ cwd: "/", args: ["sh"], user: { gid: 5, umask: null }, selinuxLabel: "", env: null }, noText),
    {
      cwd: "/",
      args: ["sh"],
      user: { uid: 0, gid: 5 },
    },
  );
  assert.deepEqual(recordedProcess({ cwd: "/", args: ["sh"] }, noText).user, { uid: 0, gid: 0 });
});

test("recordedProcess() is what the schemas make of the same text", () => {
  for (const change of [
    {},
    { user: {}, capabilities: {}, rlimits: [], env: [], execCPUAffinity: {} },
    { user: { uid: 1 }, scheduler: { policy: "SCHED_BATCH" }, terminal: true, consoleSize: { height: 1, width: 2 } },
    { ioPriority: { class: "IOPRIO_CLASS_IDLE" } },
    { ioPriority: { class: "IOPRIO_CLASS_RT", priority: 3 } },
    { ioPriority: null, scheduler: null, execCPUAffinity: null },
  ]) {
    const text = file(change);
    assert.deepEqual(recordedProcess(JSON.parse(text), noText), parseProcess(text), text);
  }
});

test("recordedProcess() has the numbers as they were written", () => {
  const all = ["9007199254740993", "9223372036854775809", "18446744073709551614", "18446744073709551615"];
  for (const value of all) {
    for (const change of [
      { rlimits: [{ type: "RLIMIT_CORE", soft: "N", hard: "N" }] },
      { rlimits: [{ type: "RLIMIT_CORE", soft: 1, hard: "N" }] },
      { scheduler: { policy: "SCHED_DEADLINE", runtime: "N", deadline: 1, period: null } },
      { scheduler: { policy: "SCHED_DEADLINE", runtime: 1, deadline: "N", period: "N" } },
    ]) {
      const text = file(change).replaceAll('"N"', value);
      const recorded = recordedProcess(JSON.parse(text), () => `{"config":{"process":${text}}}`);
      assert.deepEqual(recorded, parseProcess(text), text);
    }
  }
});

test("recordedSeccomp() has the numbers as they were written", () => {
  const text = (value: string): string =>
    `{"config":{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","flags":null,"listenerPath":"","syscalls":[` +
    `{"names":["clone"],"action":"SCMP_ACT_ERRNO","errnoRet":null,` +
    `"args":[{"index":0,"value":${value},"valueTwo":null,"op":"SCMP_CMP_EQ"}]}]}}}}`;
  for (const value of ["1", "9007199254740993", "18446744073709551615"]) {
    const record = JSON.parse(text(value)) as { config: { linux: { seccomp: unknown } } };
    const seccomp = recordedSeccomp(record.config.linux.seccomp, () => text(value));
    assert.equal(String(seccomp.syscalls?.[0]?.args?.[0]?.value), value);
    assert.deepEqual(Object.keys(seccomp), ["defaultAction", "syscalls"]);
  }
});
