/**
 * Binds whose flags are locked by the machine's user namespace, in a user namespace of root's and of an ordinary user's.
 * Kernel: mount_setattr(2), mount_namespaces(7) "Restrictions on mount namespaces"
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import type { Outcome } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { mappedIds, rootlessIds } from "../support/mode.ts";
import { type Bundle, type Scope, scoped } from "../support/scope.ts";
import { type OrdinaryUser, usualUser } from "../support/user.ts";

const callers: readonly [name: string, user: OrdinaryUser | "root"][] = [
  ["user namespace", "root"],
  ["rootless", usualUser],
];

interface Case {
  /** Options of the bind on /mnt/x. */
  options: readonly string[];
  lines: string;
  /** Shell lines that mount on SOURCE, in the runtime's mount namespace. */
  mounts?: string;
  change?: (config: Config, source: string) => void;
}

const locked = "mount -t tmpfs -o mode=1777,nosuid,nodev,noexec locked SOURCE; echo content > SOURCE/file";
const tree =
  "mount -t tmpfs -o mode=1777 outer SOURCE; mkdir -m 777 SOURCE/sub; mount -t tmpfs -o mode=1777 inner SOURCE/sub";

/** Flags of the mount on top of a place, and whether it can be written to. */
const flagsOf = (path: string): string =>
  `awk '$5 == "${path}" {o=$6} END {print o}' /proc/self/mountinfo; touch ${path}/new 2>&1 | sed 's/.*: //'`;

async function runBind(scope: Scope, user: OrdinaryUser | "root", testCase: Case): Promise<[Outcome, Bundle]> {
  const bundle = scope.bundle(testCase.lines, () => {}, { ids: user === "root" ? mappedIds : rootlessIds });
  const source = `${bundle.path}/source`;
  mkdirSync(source, { mode: 0o777 });
  bundle.config.mounts.push({ destination: "/mnt/x", source, options: [...testCase.options] });
  testCase.change?.(bundle.config, source);
  bundle.save();
  const mounts = (testCase.mounts ?? locked).replaceAll("SOURCE", source);
  const isolated = ["unshare", "-m", "--propagation", "private"];
  const before = [...(user === "root" ? isolated : []), "/bin/sh", "-ec", `${mounts}; exec "$@"`, "sh"];
  return [await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before }), bundle];
}

for (const [name, user] of callers) {
  const needs = user === "root" ? (["userNamespaces"] as const) : [];
  const bindTest = (title: string, body: (scope: Scope) => Promise<void>): void => {
    test(`run [${title}] (${name})`, limits, scoped("locked", needs, body, user));
  };

  // S1, S2
  bindTest("bind ro of a tmpfs with nosuid, nodev, noexec: read-only, flags kept", async (scope) => {
    for (const options of [
      ["bind", "ro"],
      ["rbind", "ro"],
      ["rbind", "rro"],
      ["bind", "ro", "nosuid"],
    ]) {
      const [outcome] = await runBind(scope, user, { options, lines: `${flagsOf("/mnt/x")}; cat /mnt/x/file` });
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.equal(outcome.stdout, "ro,nosuid,nodev,noexec,relatime\nRead-only file system\ncontent\n", options.join());
    }
  });

  // S2: nothing asked, nothing changed
  bindTest("bind of a tmpfs with nosuid, nodev, noexec: as it was", async (scope) => {
    const [outcome] = await runBind(scope, user, { options: ["rbind"], lines: flagsOf("/mnt/x") });
    assert.equal(outcome.stdout, "rw,nosuid,nodev,noexec,relatime\n", outcome.stderr);
  });

  // S3: what we set on our own clone may be cleared again
  bindTest("bind ro, rw of a tmpfs with nosuid, nodev, noexec: writable", async (scope) => {
    const [outcome] = await runBind(scope, user, { options: ["bind", "ro", "rw"], lines: flagsOf("/mnt/x") });
    assert.equal(outcome.stdout, "rw,nosuid,nodev,noexec,relatime\n", outcome.stderr);
  });

  // S3
  for (const [option, flag, mounts] of [
    ["exec", "noexec", locked],
    ["dev", "nodev", locked],
    ["suid", "nosuid", locked],
    ["rw", "ro", "mount -t tmpfs -o ro x SOURCE"],
    ["noatime", "relatime", locked],
  ] as const) {
    bindTest(`bind ${option} of a mount with ${flag}: granted by root, refused by name to others`, async (scope) => {
      const [outcome] = await runBind(scope, user, { options: ["bind", option], lines: flagsOf("/mnt/x"), mounts });
      if (user === "root") {
        assert.equal(outcome.status, 0, outcome.stderr);
        assert.doesNotMatch(outcome.stdout.split("\n")[0]!, new RegExp(`\\b${flag}\\b`));
        return;
      }
      assert.equal(outcome.status, 1, outcome.stdout);
      assert.match(outcome.stderr, /mounts\[7\] "\/mnt\/x": .*EPERM/);
      assert.match(outcome.stderr, /locked/);
      assert.match(outcome.stderr, new RegExp(`\\b${flag}\\b`));
      assert.match(outcome.stderr, new RegExp(`option "${option}"`));
    });
  }

  // S5: the sequence of containerd's issue 6911
  bindTest("tmpfs /dev/shm, then rbind ro of another tmpfs over it", async (scope) => {
    const [outcome] = await runBind(scope, user, {
      options: ["rbind"],
      lines:
        "grep ' /dev/shm ' /proc/self/mountinfo | cut -d ' ' -f 6 | sort; touch /dev/shm/new 2>&1 | sed 's/.*: //'; cat /dev/shm/file",
      change: (config, source) => {
        config.mounts.push({ destination: "/dev/shm", source, options: ["rbind", "ro"] });
      },
    });
    assert.equal(
      outcome.stdout,
      "ro,nosuid,nodev,noexec,relatime\nrw,nosuid,nodev,noexec,relatime\nRead-only file system\ncontent\n",
      outcome.stderr,
    );
  });

  // S6
  for (const [option, inner] of [
    ["ro", "rw"],
    ["rro", "ro"],
  ] as const) {
    bindTest(`rbind ${option} of a tree: mounts below are ${inner}`, async (scope) => {
      const lines = `${flagsOf("/mnt/x")}; ${flagsOf("/mnt/x/sub")}`;
      const [outcome] = await runBind(scope, user, { options: ["rbind", option], lines, mounts: tree });
      const below = inner === "rw" ? "rw,relatime\n" : "ro,relatime\nRead-only file system\n";
      assert.equal(outcome.stdout, `ro,relatime\nRead-only file system\n${below}`, outcome.stderr);
    });
  }

  // S7
  bindTest("a bind that fails leaves nothing: no mount, no state, no process", async (scope) => {
    const [outcome, bundle] = await runBind(scope, user, {
      options: ["rbind", "ro", user === "root" ? "uid=7" : "exec"],
      lines: "echo ran",
    });
    assert.equal(outcome.status, 1, outcome.stdout);
    assert.equal(outcome.stdout, "");
    assert.doesNotMatch(readFileSync("/proc/self/mountinfo", "utf8"), new RegExp(scope.tag));
    assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
    assert.deepEqual(readdirSync(`${bundle.path}/source`), []);
  });
}
