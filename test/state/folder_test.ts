/**
 * Directories by descriptor.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { AT_FDCWD, close, openAt } from "../../src/stage/sys.ts";
import { namesIn } from "../../src/state/folder.ts";

test("namesIn() lists names, directories only if so asked, and none of a directory that is removed", () => {
  const directory = mkdtempSync(`${tmpdir()}/bunker-folder-`);
  try {
    mkdirSync(`${directory}/inner`);
    writeFileSync(`${directory}/file`, "");
    const fd = openAt(AT_FDCWD, directory, "O_RDONLY|O_DIRECTORY|O_CLOEXEC");
    const inner = openAt(AT_FDCWD, `${directory}/inner`, "O_RDONLY|O_DIRECTORY|O_CLOEXEC");
    assert.deepEqual(namesIn(fd).toSorted(), ["file", "inner"]);
    assert.deepEqual(namesIn(fd, true), ["inner"]);
    rmdirSync(`${directory}/inner`);
    assert.deepEqual(namesIn(inner), []);
    close(inner);
    close(fd);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
