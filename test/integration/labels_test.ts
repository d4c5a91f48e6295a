/**
 * Labels of security modules: AppArmor profiles, SELinux labels of processes and mounts. Where the module is not
 * enabled they are errors; where it is, the program has them.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { limits } from "../support/machine.ts";
import { type Scope, scoped } from "../support/scope.ts";
import { skip } from "../support/skip.ts";

const hasAppArmor =
  existsSync("/sys/module/apparmor/parameters/enabled") &&
  readFileSync("/sys/module/apparmor/parameters/enabled", "utf8").startsWith("Y");
const hasSelinux = existsSync("/sys/fs/selinux/enforce");

/** A profile that the kernel has loaded in any case. */
const profile = "unconfined";

const inDetached = async (scope: Scope, words: readonly string[]): ReturnType<Scope["invoke"]> => {
  const bundle = scope.bundle("sleep 100");
  const id = scope.id();
  await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
  return scope.invoke(["exec", ...words.slice(0, -1), id, ...words.slice(-1)]);
};

test("run, exec [a profile where AppArmor is not enabled: an error, nothing made]", limits, async (t) => {
  if (hasAppArmor) return skip(t, "AppArmor is enabled here");
  await scoped("apparmor-off", [], async (scope) => {
    const bundle = scope.bundle(["/bin/true"], (config) => (config.process!.apparmorProfile = "some-profile"));
    const id = scope.id();
    const outcome = await scope.invoke(["create", "--bundle", bundle.path, id]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /\/process\/apparmorProfile: AppArmor is not enabled on this machine/);
    assert.equal((await scope.invoke(["state", id])).status, 1);

    const empty = scope.bundle(["/bin/true"], (config) => (config.process!.apparmorProfile = ""));
    await scope.succeed(["run", "--bundle", empty.path, scope.id()]);

    const executed = await inDetached(scope, ["--apparmor", "some-profile", "/bin/true"]);
    assert.equal(executed.status, 255);
    assert.match(executed.stderr, /AppArmor is not enabled/);
  })(t);
});

test("run, exec [labels where SELinux is not enabled: an error, nothing made]", limits, async (t) => {
  if (hasSelinux) return skip(t, "SELinux is enabled here");
  await scoped("selinux-off", [], async (scope) => {
    const label = "system_u:system_r:container_t:s0";
    const changes: [(config: Config) => void, RegExp][] = [
      [(config) => (config.process!.selinuxLabel = label), /\/process\/selinuxLabel: SELinux is not enabled/],
      [(config) => (config.linux.mountLabel = label), /\/linux\/mountLabel: SELinux is not enabled/],
    ];
    for (const [change, pattern] of changes) {
      const bundle = scope.bundle(["/bin/true"], change);
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, pattern);
    }
    const executed = await inDetached(scope, ["--process-label", label, "/bin/true"]);
    assert.equal(executed.status, 255);
    assert.match(executed.stderr, /SELinux is not enabled/);
  })(t);
});

test("run, exec [AppArmor: the program has the profile, a missing one is an error]", limits, async (t) => {
  if (!hasAppArmor) return skip(t, "AppArmor is not enabled here");
  await scoped("apparmor", [], async (scope) => {
    const script = "cat /proc/self/attr/apparmor/current 2>/dev/null || cat /proc/self/attr/current";
    const bundle = scope.bundle(script, (config) => (config.process!.apparmorProfile = profile));
    assert.match((await scope.succeed(["run", "--bundle", bundle.path, scope.id()])).stdout, /^unconfined/);

    const missing = scope.bundle(["/bin/true"], (config) => (config.process!.apparmorProfile = "bunker-no-such"));
    const outcome = await scope.invoke(["run", "--bundle", missing.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(
      outcome.stderr,
      /AppArmor profile "bunker-no-such": write of `\/proc\/self\/attr\/apparmor\/exec`: ENOENT/,
    );
    assert.match(outcome.stderr, /no profile of that name is loaded/);

    const executed = await inDetached(scope, ["--apparmor", profile, "/bin/true"]);
    assert.equal(executed.status, 0, executed.stderr);
    assert.match((await inDetached(scope, ["--apparmor", "bunker-no-such", "/bin/true"])).stderr, /no profile/);
  })(t);
});

test("run [AppArmor: a decoy over /proc gets nothing (CVE-2019-16884)]", limits, async (t) => {
  if (!hasAppArmor) return skip(t, "AppArmor is not enabled here");
  await scoped("apparmor-decoy", [], async (scope) => {
    const bundle = scope.bundle(["/bin/true"], (config) => (config.process!.apparmorProfile = "bunker-no-such"));
    // An image's /proc with the files a careless runtime would write to, and no mount over it.
    const decoy = `${bundle.rootfs}/proc/self/attr/apparmor`;
    mkdirSync(decoy, { recursive: true });
    for (const file of ["exec", "../exec"]) writeFileSync(`${decoy}/${file}`, "");
    bundle.config.mounts = bundle.config.mounts!.filter(({ destination }) => destination !== "/proc");
    bundle.save();
    assert.equal((await scope.invoke(["run", "--bundle", bundle.path, scope.id()])).status, 1);
    for (const file of ["exec", "../exec"]) assert.equal(readFileSync(`${decoy}/${file}`, "utf8"), "");
  })(t);
});
