/**
 * `bunker check`: tells of this machine what is so, whoever asks, and leaves nothing behind.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { afterMounting } from "../support/own_mounts.ts";
import { type Scope, scoped } from "../support/scope.ts";
import { usualUser } from "../support/user.ts";

interface Report {
  canRun: boolean;
  reasons: string[];
  findings: { group: string; name: string; state: string; value?: string; cost?: string }[];
}

async function report(scope: Scope, options: Parameters<Scope["invoke"]>[1] = {}): Promise<[Report, number | null]> {
  const outcome = await scope.invoke(["check", "--json"], options);
  assert.equal(outcome.stderr, "");
  return [JSON.parse(outcome.stdout) as Report, outcome.status];
}

const state = ({ findings }: Report, name: string): string | undefined =>
  findings.find((finding) => finding.name === name)?.state;

/** What could be seen of a container that was not removed. */
const surroundings = (): unknown => [
  readFileSync("/proc/self/mountinfo", "utf8"),
  existsSync("/sys/fs/cgroup") ? readdirSync("/sys/fs/cgroup") : [],
  existsSync("/run/bunker") ? readdirSync("/run/bunker") : "none",
];

test(
  "check [as root: everything is told, nothing is changed]",
  limits,
  scoped("check", [], async (scope) => {
    const before = surroundings();
    const [found, status] = await report(scope);
    assert.equal(status, 0, found.reasons.join("\n"));
    assert.equal(found.canRun, true);
    assert.deepEqual(found.reasons, []);
    assert.equal(state(found, "container"), "yes");
    assert.equal(state(found, "pidfd"), "yes");
    for (const finding of found.findings) {
      if (finding.state === "no" || finding.state === "unknown") assert.ok(finding.cost, JSON.stringify(finding));
    }
    const names = found.findings.map(({ group, name }) => `${group}/${name}`);
    assert.equal(new Set(names).size, names.length);
    const [major, minor] = readFileSync("/proc/sys/kernel/osrelease", "utf8").split(".").map(Number);
    assert.equal(state(found, "OPEN_TREE_NAMESPACE"), major! >= 7 ? "yes" : "no");
    if (major! > 5 || (major === 5 && minor! >= 12)) assert.equal(state(found, "mount_setattr"), "yes");
    assert.deepEqual(surroundings(), before);
    assert.ok(!existsSync(scope.root));

    const text = (await scope.succeed(["check"])).stdout;
    assert.match(text, /^machine\n {2}kernel /);
    assert.match(text, /\nContainers can be run here\.\n$/);
  }),
);

test(
  "check [as an ordinary user; the reason where nothing runs]",
  limits,
  scoped("check-user", ["ordinaryUser", "newuidmap"], async (scope) => {
    const user = usualUser;
    const [found, status] = await report(scope, { user });
    assert.equal(status, 0, found.reasons.join("\n"));
    assert.equal(state(found, "/etc/subuid"), "yes");
    assert.equal(state(found, "id-mapped mounts"), "unknown");

    const [closed, failed] = await report(scope, { user, ownRoot: true, env: { XDG_RUNTIME_DIR: "" } });
    assert.equal(failed, 1);
    assert.equal(closed.canRun, false);
    assert.match(closed.reasons.join("\n"), /^state: \/run\/bunker: EACCES; /);
  }),
);

test(
  "check [where user namespaces are used up]",
  limits,
  scoped("check-limit", ["userNamespaces"], async (scope) => {
    const before = ["unshare", "-Ur", "/bin/sh", "-c", 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', "sh"];
    const [found] = await report(scope, { before });
    assert.equal(state(found, "user namespaces"), "no");
    assert.equal(state(found, "user.max_user_namespaces"), "no");
  }),
);

test(
  "check [calls that are missing are told]",
  limits,
  scoped("check-missing", ["compiler"], async (scope) => {
    const [found, status] = await report(scope, { without: { calls: ["openat2", "fsopen"], error: "ENOSYS" } });
    assert.equal(status, 0, found.reasons.join("\n"));
    assert.equal(state(found, "openat2"), "no");
    assert.equal(state(found, "fsopen"), "no");
    assert.equal(state(found, "open_tree"), "yes");
  }),
);

test(
  "check [cgroups that are read-only, and what does without]",
  limits,
  scoped("check-cgroups", ["cgroup2"], async (scope) => {
    const before = afterMounting("mount -t cgroup2 -o ro cgroup2 /sys/fs/cgroup");
    const [found, status] = await report(scope, { before });
    assert.equal(status, 1);
    assert.match(found.reasons.join("\n"), /^cgroups: \/sys\/fs\/cgroup writable: EROFS; .*--cgroup-manager disabled/);
    const [without] = await report(scope, { before, global: ["--cgroup-manager", "disabled"] });
    assert.equal(without.canRun, true, without.reasons.join("\n"));
    const bundle = scope.bundle();
    const run = ["run", "--bundle", bundle.path, scope.id()];
    assert.equal((await scope.invoke(run, { before })).status, 1);
  }),
);
