import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { defaultSpec } from "../../src/spec/default.ts";
import { parseSpec } from "../../src/spec/mod.ts";
import type { JsonObject } from "./configs.ts";

const runc = ["/usr/sbin/runc", "/usr/bin/runc", "/usr/local/sbin/runc"].find((path) => existsSync(path));

/** What runc's own `spec` writes. */
function specOfRunc(path: string, options: readonly string[]): JsonObject {
  const directory = mkdtempSync(join(tmpdir(), "default_test-"));
  try {
    execFileSync(path, ["spec", "--bundle", directory, ...options]);
    return JSON.parse(readFileSync(join(directory, "config.json"), "utf8")) as JsonObject;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

for (const isRootless of [false, true]) {
  const title = isRootless ? "rootless" : "root";

  test(`defaultSpec() is a valid configuration (${title})`, () => {
    const text = JSON.stringify(defaultSpec(isRootless));
    assert.deepEqual(parseSpec(text), JSON.parse(text));
  });

  test(
    `defaultSpec() says what runc spec says (${title})`,
    { skip: runc === undefined && "runc is not installed" },
    () => {
      const ours = JSON.parse(
        JSON.stringify(defaultSpec(isRootless, globalThis.process.getuid?.(), globalThis.process.getgid?.())),
      ) as JsonObject;
      const theirs = specOfRunc(runc ?? "", isRootless ? ["--rootless"] : []);
      // Of the versions, each writes the newest it knows; each names the container after itself.
      assert.equal(ours["ociVersion"], "1.3.0");
      assert.equal(ours["hostname"], "bunker");
      const { namespaces, maskedPaths, ...linux } = theirs["linux"] as JsonObject;
      const ourMaskedPaths = (ours["linux"] as JsonObject)["maskedPaths"] as string[];
      // Ambient capabilities that are not inheritable are never granted: naming them would only make a warning.
      const process = theirs["process"] as JsonObject;
      const { ambient: _, ...capabilities } = process["capabilities"] as JsonObject;
      const expected = {
        ...theirs,
        process: { ...process, capabilities },
        ociVersion: "1.3.0",
        hostname: "bunker",
        linux: {
          ...linux,
          // On a pure cgroup v2 machine runc adds a cgroup namespace, and so do we: below, and spec_file.ts.
          namespaces: (namespaces as JsonObject[]).filter(({ type }) => type !== "cgroup"),
          maskedPaths: ourMaskedPaths,
        },
      };
      // runc 1.2 and later know more of /proc and /sys to mask.
      for (const path of ourMaskedPaths) assert.ok((maskedPaths as string[]).includes(path), path);
      assert.deepEqual(ours, expected);
    },
  );
}

// SHOULD config-linux.md#default-filesystems
test("defaultSpec() has the filesystems that programs expect", () => {
  for (const isRootless of [false, true]) {
    const { mounts } = parseSpec(JSON.stringify(defaultSpec(isRootless)));
    const typeAt = (place: string): string | undefined =>
      mounts?.find(({ destination }) => destination === place)?.type;
    assert.equal(typeAt("/proc"), "proc");
    // The machine's own network has no sysfs of its own to mount.
    assert.equal(typeAt("/sys"), isRootless ? "none" : "sysfs");
    assert.equal(typeAt("/dev/pts"), "devpts");
    assert.equal(typeAt("/dev/shm"), "tmpfs");
  }
});

test("defaultSpec() adds a cgroup namespace where cgroup v2 is all there is", () => {
  for (const isRootless of [false, true]) {
    const typesOf = (isUnified: boolean): string[] =>
      (defaultSpec(isRootless, 0, 0, isUnified) as { linux: { namespaces: { type: string }[] } }).linux.namespaces.map(
        ({ type }) => type,
      );
    assert.deepEqual(typesOf(true), [...typesOf(false), "cgroup"]);
  }
});
