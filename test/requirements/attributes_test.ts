/**
 * Small facts that requirements on mounts rest on: values of flags, what a file system is given.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { constants } from "../../syscalls/generated/constants.ts";
import { planOf, textsOf } from "../plan/planning.ts";

// C7
test("attributes of mounts are mount(2)'s flags where plans count on it", () => {
  for (const name of ["RDONLY", "NOSUID", "NODEV", "NOEXEC"]) {
    assert.equal(constants()[`MOUNT_ATTR_${name}`], constants()[`MS_${name}`], name);
  }
  // These do not agree: RELATIME is no bit at all, and a mode is set only after the field is cleared.
  assert.equal(constants()["MOUNT_ATTR_RELATIME"], 0);
  for (const name of ["NOATIME", "STRICTATIME", "NODIRATIME"]) {
    assert.notEqual(constants()[`MOUNT_ATTR_${name}`], constants()[`MS_${name}`], name);
  }
  const field = constants()["MOUNT_ATTR__ATIME"]!;
  assert.equal(constants()["MOUNT_ATTR_NOATIME"]! & field, constants()["MOUNT_ATTR_NOATIME"]);
  assert.equal(constants()["MOUNT_ATTR_STRICTATIME"]! & field, constants()["MOUNT_ATTR_STRICTATIME"]);
});

// C11
test("a mount without source has its type for one", () => {
  const texts = textsOf(planOf({ mounts: [{ destination: "/t", type: "tmpfs" }] }), "/mounts/0");
  assert.ok(texts.includes('fsconfig(r, FSCONFIG_SET_STRING, "source", "tmpfs", 0)'), texts.join("\n"));
});

// C23
test("sync and dirsync are given to the file system", () => {
  const texts = textsOf(
    planOf({ mounts: [{ destination: "/t", type: "tmpfs", options: ["sync", "dirsync"] }] }),
    "/mounts/0",
  );
  for (const name of ["sync", "dirsync"]) {
    assert.ok(texts.includes(`fsconfig(r, FSCONFIG_SET_FLAG, "${name}", NULL, 0)`), texts.join("\n"));
  }
  assert.ok(texts.includes("fsmount(r, FSMOUNT_CLOEXEC, 0)"), "no attribute of the mount");
});
