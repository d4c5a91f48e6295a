/**
 * The pid file: whole or not there, and nobody else's file in its way goes.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writePidFile } from "../../src/lifecycle/pid_file.ts";

function withDirectory(body: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "bunker-pid-"));
  try {
    body(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("writePidFile() leaves a file of somebody else's that has its draft's name", () => {
  withDirectory((directory) => {
    writeFileSync(`${directory}/.pid.42`, "mine");
    assert.throws(() => writePidFile(`${directory}/pid`, 42), /Cannot write --pid-file .*EEXIST/);
    assert.deepEqual(readdirSync(directory), [".pid.42"]);
    assert.equal(readFileSync(`${directory}/.pid.42`, "utf8"), "mine");
  });
});

test("writePidFile() leaves no draft where it fails", () => {
  withDirectory((directory) => {
    mkdirSync(`${directory}/pid`);
    assert.throws(() => writePidFile(`${directory}/pid`, 42), /EISDIR/);
    assert.deepEqual(readdirSync(directory), ["pid"]);
  });
});
