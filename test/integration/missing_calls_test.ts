/**
 * Containers on machines that lack calls of newer kernels, each alone and all of them, by ENOSYS (an old kernel) and by
 * EPERM (an old seccomp profile): what a container sees is the same as with all of them, or what cannot be is said.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { optionalCalls } from "../../src/plan/host.ts";
import { withoutNamespace } from "../support/config.ts";
import { snapshot } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { type Bundle, describe, type InvokeOptions, type Scope, scoped } from "../support/scope.ts";
import { usualUser } from "../support/user.ts";
import { nothing, type Without } from "../support/without.ts";

const matrix: readonly Without[] = (["ENOSYS", "EPERM"] as const).flatMap((error) => [
  ...optionalCalls.map((call) => ({ error, calls: [call] })),
  { error, calls: optionalCalls },
]);

/** An ordinary user has no way out where clone3 says EPERM: a test of its own. */
const userMatrix = matrix.filter(({ error, calls }) => error !== "EPERM" || calls.join() !== "clone3");

/** What a container's process sees of its mounts: ids of mounts and of peer groups differ from run to run. */
const view = `
cut -d' ' -f4- /proc/self/mountinfo | sed 's/:[0-9]* /:N /g' | sort -k2
for d in / /dev /etc /mnt /mnt/*; do echo "$d: $(ls -A $d | tr '\\n' ' ')"; done
cat /mnt/file /mnt/link/word /mnt/tmp/word /etc/secret /secrets/word 2>&1
for d in / /mnt/rw /mnt/ro /mnt/rbind/inner /mnt/tmp /mnt/rotmp /etc/protected /proc/sys; do
  { : > $d/.x; } 2>&1 | sed 's/.*: //'; rm -f $d/.x
done
cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_unprivileged_port_start; cut -d: -f2- /proc/self/cgroup
ls -l /proc/self/fd | wc -l; pwd; readlink /mnt/symlink; true`;

interface Case {
  name: string;
  make: (scope: Scope) => Bundle;
  options?: InvokeOptions;
  words?: readonly string[];
}

/** Sources of every kind, and what is to be hidden in the image. */
function fill(bundle: Bundle): void {
  const { path, rootfs } = bundle;
  for (const name of ["rw", "ro", "tree/inner", "linked"]) mkdirSync(`${path}/${name}`, { recursive: true });
  for (const name of ["file", "linked/word", "rw/word"]) writeFileSync(`${path}/${name}`, `${name}\n`);
  for (const name of ["secrets", "etc/protected", "mnt/tmp", "real"]) mkdirSync(`${rootfs}/${name}`);
  for (const name of ["etc/secret", "secrets/word", "mnt/tmp/word"]) writeFileSync(`${rootfs}/${name}`, `${name}\n`);
  symlinkSync("linked", `${path}/link`);
  symlinkSync("../real", `${rootfs}/mnt/through`);
}

const everyMount = (bundle: Bundle): void => {
  const { config } = bundle;
  fill(bundle);
  config.root.readonly = true;
  config.process.cwd = "/mnt/rw";
  config.process["oomScoreAdj"] = 300;
  config.linux["sysctl"] = { "net.ipv4.ip_unprivileged_port_start": "81" };
  config.linux.maskedPaths?.push("/etc/secret", "/secrets", "/not/there");
  config.linux.readonlyPaths?.push("/etc/protected", "/not/there");
  config.mounts.push(
    { destination: "/mnt/rw", source: "rw", options: ["bind", "nosuid"] },
    { destination: "/mnt/ro", source: "ro", options: ["bind", "ro", "nodev"] },
    { destination: "/mnt/rbind", source: "tree", options: ["rbind", "ro", "rslave"] },
    { destination: "/mnt/file", source: "file", options: ["bind", "ro"] },
    { destination: "/mnt/link", source: "link", options: ["bind"] },
    { destination: "/mnt/symlink", source: "link", options: ["bind", "src-nofollow"] },
    { destination: "/mnt/through/below", source: "rw", options: ["bind"] },
    { destination: "/mnt/tmp", type: "tmpfs", source: "up", options: ["tmpcopyup", "noatime", "mode=755", "size=4m"] },
    { destination: "/mnt/rotmp", type: "tmpfs", source: "t", options: ["ro", "noexec", "size=64k"] },
    { destination: "/mnt/tmp/deep", type: "tmpfs", source: "deep", options: ["nodiratime", "strictatime"] },
  );
};

const cases: readonly Case[] = [
  {
    name: "every kind of mount",
    make: (scope) => {
      const bundle = scope.bundle(view);
      everyMount(bundle);
      return bundle;
    },
  },
  {
    name: "a mount over the root, cgroups inherited",
    make: (scope) => {
      const bundle = scope.bundle(view);
      everyMount(bundle);
      withoutNamespace(bundle.config, "cgroup");
      bundle.config.mounts.unshift({ destination: "/", source: "rootfs", options: ["bind"] });
      return bundle;
    },
  },
  {
    name: "hooks that look for the mounts",
    make: (scope) => {
      const bundle = scope.bundle(view);
      fill(bundle);
      bundle.config.mounts.push({ destination: "/mnt/rw", source: "rw", options: ["bind"] });
      const path = scope.script(`hook${bundle.path.slice(-1)}`, `cat ${bundle.rootfs}/mnt/rw/word >&2`);
      bundle.config.hooks = { createContainer: [{ path, env: ["PATH=/usr/bin:/bin"] }] };
      return bundle;
    },
  },
];

const rootCases: readonly Case[] = [
  ...cases,
  {
    name: "access times of a source",
    make: (scope) => {
      const bundle = scope.bundle(view);
      fill(bundle);
      for (const option of ["noatime", "strictatime", "nodiratime", "rnoatime"]) {
        bundle.config.mounts.push({ destination: `/mnt/${option}`, source: "rw", options: ["bind", option, "noexec"] });
      }
      return bundle;
    },
  },
  { name: "--no-pivot", make: cases[0]!.make, words: ["--no-pivot"] },
  { name: "cgroup version 2", make: cases[0]!.make, options: { view: "v2" } },
  {
    name: "no mounts of its own",
    make: (scope) => {
      const bundle = scope.bundle("ls -A / /dev; cat /etc/hosts; ls -l /proc/self/fd 2>&1 | wc -l");
      withoutNamespace(bundle.config, "mount");
      bundle.config.mounts = [];
      bundle.config.process["oomScoreAdj"] = 300;
      delete bundle.config.linux.maskedPaths;
      delete bundle.config.linux.readonlyPaths;
      return bundle;
    },
  },
];

const label = ({ error, calls }: Without): string => `${calls.length > 1 ? "all" : calls[0]} ${error}`;

/** Runs a bundle with all calls, then without; both must have seen the same. */
async function compare(
  scope: Scope,
  { make, options = {}, words = [] }: Case,
  rows: readonly Without[] = matrix,
): Promise<void> {
  const bundle = make(scope);
  bundle.save();
  const run = (without: Without): ReturnType<Scope["invoke"]> =>
    scope.invoke(["run", ...words, "--bundle", bundle.path, scope.id()], { ...options, without });
  const expected = await run(nothing);
  assert.equal(expected.status, 0, describe(["run"], expected));
  assert.notEqual(expected.stdout, "");
  const before = snapshot(scope.tag, scope.directory, scope.root);
  for (const without of rows) {
    const { status, stdout, stderr } = await run(without);
    assert.deepEqual(
      { status, stdout, stderr },
      { status: 0, stdout: expected.stdout, stderr: expected.stderr },
      label(without),
    );
  }
  assert.deepEqual(snapshot(scope.tag, scope.directory, scope.root).mounts, before.mounts);
  assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
}

for (const one of rootCases) {
  test(
    `run [without calls of newer kernels: ${one.name}]`,
    limits,
    scoped("missing", one.options?.view === "v2" ? ["cgroup2"] : [], (scope) => compare(scope, one), "root"),
  );
}

for (const one of cases) {
  test(
    `run [without calls of newer kernels: ${one.name}] (user namespace)`,
    limits,
    scoped(
      "missing",
      ["userNamespaces"],
      (scope) =>
        compare(scope, {
          ...one,
          make: (inner) => {
            const original = inner.bundle.bind(inner);
            inner.bundle = (args, change, options) => original(args, change, { ids: mappedIds, ...options });
            return one.make(inner);
          },
        }),
      "root",
    ),
  );
  test(
    `run [without calls of newer kernels: ${one.name}] (rootless)`,
    limits,
    scoped("missing", [], (scope) => compare(scope, one, userMatrix), usualUser),
  );
}
