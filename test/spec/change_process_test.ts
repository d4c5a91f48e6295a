/** What the options of `exec` change in a process, and what they leave. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { changeProcess, type ProcessChanges } from "../../src/spec/change_process.ts";
import type { Process } from "../../src/spec/types.ts";

const none: ProcessChanges = { additionalGids: [], capabilities: [], env: [] };
const sets = { bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] };
const process: Process = {
  user: { uid: 5, gid: 6, umask: 0o27, additionalGids: [7] },
  args: ["sh"],
  cwd: "/home",
  env: ["A=1"],
  capabilities: sets,
};

test("changeProcess() leaves what is not mentioned", () => {
  assert.deepEqual(changeProcess(process, none), process);
});

test("changeProcess() keeps the group where --user names none, and umask and groups always", () => {
  assert.deepEqual(changeProcess(process, { ...none, user: { uid: 1 } }).user, { ...process.user, uid: 1 });
  assert.deepEqual(changeProcess(process, { ...none, user: { uid: 1, gid: 2 }, additionalGids: [8] }).user, {
    uid: 1,
    gid: 2,
    umask: 0o27,
    additionalGids: [7, 8],
  });
});

test("changeProcess() adds variables behind those there are", () => {
  assert.deepEqual(changeProcess(process, { ...none, env: ["A=2", "B=3"] }).env, ["A=1", "A=2", "B=3"]);
});

test("changeProcess() never makes a capability inheritable", () => {
  const added = { ...none, capabilities: ["CAP_CHOWN"] };
  const both = ["CAP_KILL", "CAP_CHOWN"];
  assert.deepEqual(changeProcess(process, added).capabilities, { bounding: both, effective: both, permitted: both });
  const inheritable = { ...sets, inheritable: ["CAP_KILL"] };
  assert.deepEqual(changeProcess({ ...process, capabilities: inheritable }, added).capabilities, {
    bounding: both,
    effective: both,
    permitted: both,
    inheritable: ["CAP_KILL"],
    ambient: ["CAP_CHOWN"],
  });
  assert.deepEqual(changeProcess({ user: process.user, args: ["sh"], cwd: "/" }, added).capabilities, {
    bounding: ["CAP_CHOWN"],
    effective: ["CAP_CHOWN"],
    permitted: ["CAP_CHOWN"],
  });
});

test("changeProcess() changes nothing of what it is given", () => {
  const before = JSON.stringify(process);
  changeProcess(process, { ...none, user: { uid: 1 }, env: ["B=1"], capabilities: ["CAP_CHOWN"], additionalGids: [9] });
  assert.equal(JSON.stringify(process), before);
});
