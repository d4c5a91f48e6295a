import assert from "node:assert/strict";
import { test } from "node:test";
import { below, inRoot, isWithin, nameOf, parentOf } from "../../src/plan/paths.ts";

test("inRoot() cleans paths and never leaves the root", () => {
  for (const [path, expected] of [
    ["/", ""],
    ["/proc", "proc"],
    ["proc", "proc"],
    ["//proc//sys/", "proc/sys"],
    ["/a/./b/../c", "a/c"],
    ["/../../etc", "etc"],
    ["/a/..", ""],
    ["/a/...", "a/..."],
    ["/.hidden", ".hidden"],
    ["/a/.b", "a/.b"],
  ] as const) {
    assert.equal(inRoot(path), expected, path);
  }
});

test("parentOf() and nameOf() split in-root paths", () => {
  assert.deepEqual([parentOf("a/b/c"), nameOf("a/b/c")], ["a/b", "c"]);
  assert.deepEqual([parentOf("a"), nameOf("a")], ["", "a"]);
});

test("below() leaves absolute paths alone", () => {
  assert.equal(below("/bundle", "data"), "/bundle/data");
  assert.equal(below("/bundle", "/data"), "/data");
});

test("isWithin() goes by whole steps", () => {
  assert.equal(isWithin("dev/shm", "dev"), true);
  assert.equal(isWithin("dev", "dev"), true);
  assert.equal(isWithin("devices", "dev"), false);
  assert.equal(isWithin("anything", ""), true);
});
