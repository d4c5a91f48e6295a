/** Containerd's issue 6911 beside other runtimes, on one bundle. @module */
import assert from "node:assert/strict";
import test from "node:test";
import { printIssue6911, showIssue6911 } from "../issues/issue_6911.ts";
import { limits } from "../support/machine.ts";
import { scoped } from "../support/scope.ts";

// S1, S2, S5
test(
  "run [containerd issue 6911: runs here, fails with runc 1.1]",
  limits,
  scoped(
    "issue6911",
    ["userNamespaces", "runc"],
    async (scope) => {
      const shown = await showIssue6911(scope);
      const text = printIssue6911(shown);
      const ours = shown.find(({ name }) => name === "bunker")!;
      assert.equal(ours.status, 0, text);
      assert.match(ours.text, /mount \/dev\/shm ro,nosuid,nodev,noexec/);
      assert.match(ours.text, /content: yes\n/);
      assert.match(ours.text, /\/dev\/shm is read-only\n/);
      const theirs = shown.find(({ name }) => name === "runc")!;
      if (!theirs.version.includes("1.1.")) return;
      assert.notEqual(theirs.status, 0, text);
      assert.match(theirs.text, /\/dev\/shm.*operation not permitted/);
    },
    "root",
  ),
);
