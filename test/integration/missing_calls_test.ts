/**
 * Containers on machines that lack calls of newer kernels, each alone and all of them, by ENOSYS (an old kernel) and by
 * EPERM (an old seccomp profile): what a container sees is the same as with all of them, or what cannot be is said.
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { withoutNamespace } from "../support/config.ts";
import { snapshot } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { type Bundle, describe, type InvokeOptions, type Scope, scoped } from "../support/scope.ts";
import { usualUser } from "../support/user.ts";
import { optionalCalls, type Without } from "../support/without.ts";

const nothing: Without = { error: "ENOSYS", calls: [] };
const everything: Without = { error: "ENOSYS", calls: optionalCalls };

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

/** Runs without everything, which must fail and leave nothing; what it says. */
async function refused(scope: Scope, bundle: Bundle, without = everything): Promise<string> {
  bundle.save();
  const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { without });
  assert.equal(outcome.status, 1, describe(["run"], outcome));
  assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
  return outcome.stderr;
}

for (const [option, expected] of [
  [
    "rro",
    /\/mounts\/7\/source: attributes of a whole tree \(MS_RDONLY\) take mount_setattr: .*mount_setattr.* missing/,
  ],
  ["rshared", /\/mounts\/7\/source: a bind mount shared with the host takes open_tree: open_tree/],
  ["idmap=uids=0-1-1;gids=0-1-1", /\/mounts\/7\/options\/1: id-mapped mounts take mount_setattr: /],
] as const) {
  test(
    `run [without calls of newer kernels: ${option.slice(0, 7)} is refused by name]`,
    limits,
    scoped(
      "missing",
      [],
      async (scope) => {
        const bundle = scope.bundle();
        fill(bundle);
        bundle.config.mounts.push({ destination: "/mnt/x", source: "tree", options: ["rbind", option] });
        assert.match(await refused(scope, bundle), expected);
      },
      "root",
    ),
  );
}

test(
  "run [without clone3: a new time namespace is refused by name]",
  limits,
  scoped(
    "missing",
    [],
    async (scope) => {
      const bundle = scope.bundle("true", (config) => config.linux.namespaces.push({ type: "time" }));
      const text = await refused(scope, bundle, { error: "ENOSYS", calls: ["clone3"] });
      assert.match(text, /a new time namespace takes clone3: clone3 is missing here/);
    },
    "root",
  ),
);

test(
  "run [without open_tree: a source that the container's root cannot reach]",
  limits,
  scoped(
    "missing",
    ["userNamespaces"],
    async (scope) => {
      const bundle = scope.bundle("cat /mnt/x/word", () => {}, { ids: mappedIds });
      mkdirSync(`${scope.directory}/closed/inner`, { recursive: true });
      writeFileSync(`${scope.directory}/closed/inner/word`, "word\n");
      const source = `${scope.directory}/closed/inner`;
      bundle.config.mounts.push({ destination: "/mnt/x", source, options: ["bind"] });
      bundle.save();
      const words = ["run", "--bundle", bundle.path, scope.id()];
      chmodSync(`${scope.directory}/closed`, 0o700);
      assert.equal((await scope.succeed(words, { without: nothing })).stdout, "word\n");
      const text = await refused(scope, bundle, { error: "EPERM", calls: ["open_tree"] });
      assert.match(text, /mounts\[7\] "\/mnt\/x": Cannot open bind source ".*\/closed\/inner": EACCES/);
      assert.match(text, /because +the container's root may not go there.*open_tree is missing here/);
      assert.match(text, /asked by +config\.json \/mounts\/7\/source/);
    },
    "root",
  ),
);

// S1, S3, S4, S7
for (const without of [nothing, everything]) {
  test(
    `run [locked flags of a source, ${without.calls.length === 0 ? "with" : "without"} calls of newer kernels] (rootless)`,
    limits,
    scoped(
      "locked",
      [],
      async (scope) => {
        const make = (...options: string[]): Bundle => {
          const bundle = scope.bundle("grep ' /mnt/x ' /proc/self/mountinfo | cut -d' ' -f6");
          bundle.config.mounts.push({ destination: "/mnt/x", source: `${scope.directory}/shm`, options });
          bundle.save();
          return bundle;
        };
        mkdirSync(`${scope.directory}/shm`);
        const mounted = [
          "unshare",
          "-m",
          "--propagation",
          "private",
          "/bin/sh",
          "-c",
          `mount -t tmpfs -o nosuid,nodev,noexec,noatime,mode=777 tmpfs ${scope.directory}/shm && exec "$@"`,
          "sh",
        ];
        const run = (bundle: Bundle) =>
          scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before: mounted, without });
        for (const options of [["bind"], ["rbind"], ["bind", "ro"], ["rbind", "ro", "nosuid", "nodev"]]) {
          const { stdout, stderr } = await run(make(...options));
          const first = options.includes("ro") ? "ro" : "rw";
          assert.equal(stdout, `${first},nosuid,nodev,noexec,noatime\n`, stderr);
        }
        for (const [option, flag] of [
          ["exec", "noexec"],
          ["suid", "nosuid"],
          ["dev", "nodev"],
          ["relatime", "noatime"],
        ] as const) {
          const { status, stderr } = await run(make("bind", "ro", option));
          assert.equal(status, 1);
          assert.match(stderr, /mounts\[7\] "\/mnt\/x": .*EPERM/, option);
          assert.match(stderr, new RegExp(`because +the mount of the source is ${flag}, which is locked`), option);
        }
      },
      usualUser,
    ),
  );
}

test(
  "explain [says which way is taken, and why]",
  limits,
  scoped(
    "missing",
    [],
    async (scope) => {
      const bundle = scope.bundle();
      const explain = async (without: Without): Promise<string> =>
        (await scope.succeed(["explain", bundle.path], { without })).stdout;
      assert.doesNotMatch(await explain(nothing), /^# note/m);
      const text = await explain({ error: "EPERM", calls: ["fsopen", "openat2"] });
      assert.match(text, /^# note mounts by mount\(2\): fsopen is missing here or forbidden by a seccomp filter$/m);
      assert.match(text, /^# note paths are resolved step by step: openat2 is missing here/m);
      assert.doesNotMatch(text, / (openat2|fsopen|fsmount|move_mount|open_tree|mount_setattr)\(/);
      const debug = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], {
        without: everything,
        global: ["--debug"],
      });
      for (const word of ["mounts by mount(2)", "step by step", "by clone(2)", "closed one by one"]) {
        assert.ok(debug.stderr.includes(word), debug.stderr);
      }
    },
    "root",
  ),
);

test(
  "run [clone3 forbidden by EPERM: the reason is said] (rootless)",
  limits,
  scoped(
    "missing",
    [],
    async (scope) => {
      const text = await refused(scope, scope.bundle(), { error: "EPERM", calls: ["clone3"] });
      assert.match(text, /^bunker: Cannot run here: a seccomp filter answers clone3 with EPERM/);
      assert.match(text, /try +a seccomp profile that allows clone3, or answers it with ENOSYS/);
    },
    usualUser,
  ),
);
