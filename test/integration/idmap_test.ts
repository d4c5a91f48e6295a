/**
 * Id-mapped mounts: whose files are whose inside, and whose are those made inside, outside.
 * Sources are tmpfs of the test's own mount namespace, which every kernel since 6.3 maps, and the test's directory.
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import test from "node:test";
import type { Config, IdMapping, MountEntry } from "../support/config.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { inOwnMounts } from "../support/own_mounts.ts";
import { type Bundle, type Scope, scoped as scopedAs } from "../support/scope.ts";
import { skip } from "../support/skip.ts";
import { usualUser } from "../support/user.ts";
import { withoutPrefix } from "../support/without.ts";

/** Root's: an ordinary user may not map ids of mounts. */
const scoped: typeof scopedAs = (name, needs, body, user = "root") => scopedAs(name, needs, body, user);

const line = (containerID: number, hostID: number, size: number): IdMapping => ({ containerID, hostID, size });

/** A mount as config.json has it, with mappings of its own. */
interface MappedMount extends MountEntry {
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
}

const add = (config: Config, mount: MappedMount): void => void config.mounts.push(mount);

/** Runs the runtime after `setup` in a mount namespace of its own, and `after` in the same place. */
const around = (setup: string, after: string): string[] =>
  inOwnMounts(`set -e; ${setup}\nset +e; "$@"; status=$?; ${after}\nexit $status`);

/** A tmpfs with files of several owners. Its own must have an id inside: the kernel lets nobody write to others. */
const volume = (bundle: Bundle): string =>
  `mkdir -p ${bundle.path}/v; mount -t tmpfs -o mode=777 volume ${bundle.path}/v; cd ${bundle.path}/v; chown 5:6 .
   for o in 0:0 5:6 1000:1000 1003:0; do touch $o; chown $o $o; done`;

/** "name uid:gid" of each file. */
const show = (directory: string): string => `for f in ${directory}/*; do stat -c '%n %u:%g' $f; done | sed 's,.*/,,'`;

const lines = (text: string): string[] => text.trimEnd().split("\n");

async function runAround(scope: Scope, bundle: Bundle, more = ":", after = ":"): Promise<string[]> {
  const setup = `${volume(bundle)}\n${more}`;
  const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], {
    before: around(setup, `${after}; echo outside; ${show(`${bundle.path}/v`)}`),
  });
  return lines(outcome.stdout);
}

const make = "touch /v/new; ";

/** Every way to ask for: 5 is 0 inside, 1000-1009 are 100-109 inside; gids likewise for 6 and 1000. */
const ways: Readonly<Record<string, MappedMount>> = {
  "mappings and idmap": {
    destination: "/v",
    options: ["bind", "idmap"],
    uidMappings: [line(5, 0, 1), line(1000, 100, 10)],
    gidMappings: [line(6, 0, 1), line(1000, 200, 1)],
  },
  "mappings alone": {
    destination: "/v",
    type: "bind",
    uidMappings: [line(5, 0, 1), line(1000, 100, 10)],
    gidMappings: [line(6, 0, 1), line(1000, 200, 1)],
  },
  "idmap=": { destination: "/v", options: ["rbind", "idmap=uids=5-0-1#1000-100-10;gids=6-0-1#1000-200-1"] },
  "ridmap=": { destination: "/v", options: ["rbind", "ridmap=gids=6-0-1#1000-200-1;uids=5-0-1#1000-100-10"] },
};

for (const [name, mount] of Object.entries(ways)) {
  test(
    `run [id-mapped bind by ${name}]`,
    limits,
    scoped("idmap", [], async (scope) => {
      const bundle = scope.bundle(make + show("/v"), (config) => add(config, { ...mount, source: "v" }), {
        ids: "none",
      });
      assert.deepEqual(await runAround(scope, bundle), [
        "0:0 65534:65534",
        "1000:1000 100:200",
        "1003:0 103:65534",
        "5:6 0:0",
        "new 0:0",
        "outside",
        "0:0 0:0",
        "1000:1000 1000:1000",
        "1003:0 1003:0",
        "5:6 5:6",
        "new 5:6",
      ]);
    }),
  );
}

test(
  "run [id-mapped bind: who has no id there makes no files]",
  limits,
  scoped("idmap-none", [], async (scope) => {
    const bundle = scope.bundle(
      "touch /v/new 2>&1 | sed 's/.*: //'",
      (config) => add(config, { destination: "/v", source: "v", options: ["bind", "idmap=uids=5-6-1;gids=6-7-1"] }),
      { ids: "none" },
    );
    const output = await runAround(scope, bundle);
    assert.deepEqual(output.slice(0, 3), ["Value too large for defined data type", "outside", "0:0 0:0"]);
  }),
);

test("run [id-mapped bind of the test's own file system, a directory and a file]", limits, async (t) => {
  const type = execFileSync("stat", ["-f", "-c", "%T", tmpdir()], { encoding: "utf8" }).trim();
  if (["ext2/ext3", "xfs", "btrfs", "tmpfs"].includes(type)) await onDisk(t);
  else skip(t, `${tmpdir()} is on ${type}, which may know no id maps`);
});

const onDisk = scoped("idmap-disk", [], async (scope) => {
  const mapping = { uidMappings: [line(0, 7, 1), line(3, 0, 1)], gidMappings: [line(0, 8, 1), line(3, 0, 1)] };
  const bundle = scope.bundle(
    "stat -c %u:%g /v/a /f; touch /v/new; echo more >> /f; cat /f",
    (config) => {
      add(config, { destination: "/v", source: "v", options: ["bind", "idmap"], ...mapping });
      add(config, { destination: "/f", source: "f", options: ["bind", "idmap"], ...mapping });
    },
    { ids: "none" },
  );
  mkdirSync(`${bundle.path}/v`);
  writeFileSync(`${bundle.path}/v/a`, "");
  writeFileSync(`${bundle.path}/f`, "text\n");
  chownSync(`${bundle.path}/v`, 3, 3);
  chownSync(`${bundle.path}/f`, 3, 3);
  const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
  assert.deepEqual(lines(outcome.stdout), ["7:8", "0:0", "text", "more"]);
  const made = statSync(`${bundle.path}/v/new`);
  assert.deepEqual([made.uid, made.gid], [3, 3]);
  assert.equal(readFileSync(`${bundle.path}/f`, "utf8"), "text\nmore\n");
});

for (const [option, below] of [
  ["idmap", "7"],
  ["ridmap", "0"],
] as const) {
  test(
    `run [id-mapped rbind: ${option} ${option === "idmap" ? "leaves alone" : "maps"} the mounts below]`,
    limits,
    scoped(option, [], async (scope) => {
      const bundle = scope.bundle(
        "stat -c %u /v /v/sub",
        (config) =>
          add(config, { destination: "/v", source: "v", options: ["rbind", `${option}=uids=7-0-1;gids=7-0-1`] }),
        { ids: "none" },
      );
      const nested = `chown 7:7 .; mkdir sub; mount -t tmpfs below sub; chown 7:7 sub`;
      const output = await runAround(scope, bundle, nested);
      assert.deepEqual(output.slice(0, 2), ["0", below]);
    }),
  );
}

// MUST config.md#linux-mount-options idmap: the container's mapping, where the mount has none
for (const [option, mine] of [
  ["idmap", "new 0:0"],
  // containers' ids for those of the file system
  ["idmap=uids=@5-0-1#@1000-1000-10;gids=@6-0-1", "new 5:6"],
] as const) {
  test(
    `run [id-mapped bind in a user namespace: ${option}]`,
    limits,
    scoped("idmap-user", ["userNamespaces"], async (scope) => {
      const bundle = scope.bundle(
        make + show("/v"),
        (config) => add(config, { destination: "/v", source: "v", options: ["bind", option] }),
        { ids: [line(0, 200_000, 1), line(1, 300_000, 65_535)] },
      );
      const output = await runAround(scope, bundle);
      const isOwn = option === "idmap";
      assert.deepEqual(output.slice(0, output.indexOf("outside")), [
        isOwn ? "0:0 0:0" : "0:0 65534:65534",
        isOwn ? "1000:1000 1000:1000" : "1000:1000 1000:65534",
        isOwn ? "1003:0 1003:0" : "1003:0 1003:65534",
        isOwn ? "5:6 5:6" : "5:6 0:0",
        "new 0:0",
      ]);
      assert.equal(output.at(-1), mine);
    }),
  );
}

test(
  "run [id-mapped bind by the user namespace that is joined]",
  limits,
  scoped("idmap-joined", ["userNamespaces"], async (scope) => {
    const holder = scope.start(["unshare", "-U", "/bin/sh", "-c", "echo ready; exec sleep 100"]);
    await until("the holder of the namespace", () => holder.output().includes("ready"));
    for (const map of ["uid_map", "gid_map"]) writeFileSync(`/proc/${holder.pid}/${map}`, "0 400000 1000\n");
    const bundle = scope.bundle(
      make + show("/v"),
      (config) => add(config, { destination: "/v", source: "v", options: ["bind", "idmap"] }),
      { ids: [line(0, 400_000, 1000)] },
    );
    const { linux } = bundle.config;
    delete linux["uidMappings"];
    delete linux["gidMappings"];
    const user = linux.namespaces.find(({ type }) => type === "user");
    assert.ok(user !== undefined);
    user.path = `/proc/${holder.pid}/ns/user`;
    bundle.save();
    const output = await runAround(scope, bundle);
    assert.deepEqual(output.slice(0, 2), ["0:0 0:0", "1000:1000 65534:65534"]);
    assert.equal(output.at(-1), "new 0:0");
  }),
);

test(
  "run [id-mapped bind that cannot be: nothing is mounted, nothing runs, nothing stays]",
  limits,
  scoped("idmap-not", [], async (scope) => {
    const bundle = scope.bundle(
      "echo ran",
      (config) => add(config, { destination: "/v", source: "/proc", options: ["bind", "idmap=uids=0-1-1;gids=0-1-1"] }),
      { ids: "none" },
    );
    const id = scope.id();
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, id]);
    assert.equal(outcome.status, 1);
    assert.equal(outcome.stdout, "");
    assert.match(outcome.stderr, /^bunker: mounts\[\d+\] "\/v": mount_setattr\(.*MOUNT_ATTR_IDMAP.*\): EINVAL/);
    assert.match(outcome.stderr, /asked by {3}config.json \/mounts\/\d+\/options\/1 "idmap=uids=0-1-1;gids=0-1-1"/);
    assert.match(outcome.stderr, /because {4}\/proc \(proc\) takes no id map/);
    const state = await scope.invoke(["state", id]);
    assert.match(state.stderr, /does not exist/);
  }),
);

for (const error of ["ENOSYS", "EPERM"] as const) {
  test(
    `run [id-mapped bind where calls of newer kernels give ${error}]`,
    limits,
    scoped("idmap-missing", ["compiler"], async (scope) => {
      const option = "idmap=uids=5-0-1;gids=6-0-1";
      const bundle = scope.bundle(
        "stat -c %u:%g /v",
        (config) => add(config, { destination: "/v", source: "v", options: ["bind", option] }),
        { ids: "none" },
      );
      const before = (calls: readonly string[]): string[] => [
        ...around(volume(bundle), ":"),
        ...withoutPrefix({ error, calls }),
      ];
      const run = (calls: readonly string[]) =>
        scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before: before(calls) });
      const others = await run(["clone3", "close_range", "openat2"]);
      assert.deepEqual([others.stdout, others.status], ["0:0\n", 0], others.stderr);
      const setattr = await run(["mount_setattr"]);
      assert.deepEqual([setattr.stdout, setattr.status], ["", 1]);
      assert.match(
        setattr.stderr,
        /config.json \/mounts\/\d+\/options\/1: .*mount_setattr.* is missing here or forbidden/,
      );
    }),
  );
}

test(
  "run [id-mapped bind by an ordinary user is refused]",
  limits,
  scoped(
    "idmap-rootless",
    [],
    async (scope) => {
      const bundle = scope.bundle("echo ran", (config) =>
        add(config, { destination: "/v", source: "v", options: ["bind", "idmap"] }),
      );
      mkdirSync(`${bundle.path}/v`);
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1);
      assert.equal(outcome.stdout, "");
      assert.match(
        outcome.stderr,
        /config.json \/mounts\/\d+\/options\/1: mapping the ids of a mount takes CAP_SYS_ADMIN/,
      );
    },
    usualUser,
  ),
);
