/**
 * Which ids an ordinary user's container has: by the helpers, by /etc/subuid, or its own alone.
 * @module
 */
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import test from "node:test";
import { tree } from "../support/leftovers.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { forOneId, rootlessIds, singleId } from "../support/mode.ts";
import { type InvokeOptions, type Scope, scoped as scopedAsRoot } from "../support/scope.ts";
import { noHelp, type OrdinaryUser, ordinaryId, ordinaryRange, usualUser } from "../support/user.ts";

const scoped = (name: string, body: (scope: Scope) => Promise<void>, user: OrdinaryUser = usualUser) =>
  scopedAsRoot(name, [], body, user);

const own: InvokeOptions = { ownRoot: true };

const maps = "for f in uid_map gid_map; do tr -s ' ' < /proc/self/$f; done; cat /proc/self/setgroups; id -u";

test(
  "run [maps from config.json by newuidmap and newgidmap] (rootless)",
  limits,
  scoped("maps", async (scope) => {
    const bundle = scope.bundle(maps);
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
    const both = ` 0 ${ordinaryId} 1\n 1 ${ordinaryRange.first} ${ordinaryRange.count - 1}\n`;
    assert.equal(outcome.stdout, `${both}${both}allow\n0\n`);
  }),
);

test(
  "run [no user namespace in config.json: own id and /etc/subuid] (rootless)",
  limits,
  scoped("default", async (scope) => {
    const bundle = scope.bundle(`${maps}; touch /tmp/new && stat -c %u:%g /tmp/new`, () => {}, { ids: "none" });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
    const both = ` 0 ${ordinaryId} 1\n 1 ${ordinaryRange.first} ${ordinaryRange.count}\n`;
    assert.equal(outcome.stdout, `${both}${both}allow\n0\n0:0\n`);
  }),
);

for (const [name, user] of [
  ["no helpers", noHelp],
  ["no ranges", { hasHelpers: true, hasRanges: false }],
] as const) {
  for (const ids of ["none", singleId] as const) {
    test(
      `run [${ids === "none" ? "no user namespace in config.json" : "a single id"}, ${name}] (rootless)`,
      limits,
      scoped(
        "single",
        async (scope) => {
          const bundle = scope.bundle(maps, forOneId, { ids });
          const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
          assert.equal(outcome.stdout, ` 0 ${ordinaryId} 1\n 0 ${ordinaryId} 1\ndeny\n0\n`);
        },
        user,
      ),
    );
  }
}

test(
  "create [several ids, newuidmap missing] (rootless)",
  limits,
  scoped(
    "nohelper",
    async (scope) => {
      const bundle = scope.bundle("true");
      const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()], own);
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, /newuidmap/);
      assert.match(outcome.stderr, /\/linux\/uidMappings/);
      assert.deepEqual(tree(`${scope.directory}/run/bunker`), []);
    },
    { hasHelpers: false, hasRanges: true },
  ),
);

test(
  "create [ids that /etc/subuid does not hand out] (rootless)",
  limits,
  scoped("notmine", async (scope) => {
    const bundle = scope.bundle("true", () => {}, {
      ids: [rootlessIds[0]!, { containerID: 1, hostID: 500_000, size: 100 }],
    });
    const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()], own);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /\/linux\/[ug]idMappings/);
    assert.match(outcome.stderr, /\/etc\/sub[ug]id/);
    assert.deepEqual(tree(`${scope.directory}/run/bunker`), []);
  }),
);

test(
  "create [additional groups where setgroups is denied] (rootless)",
  limits,
  scoped(
    "nogroups",
    async (scope) => {
      const bundle = scope.bundle(
        "id -G",
        (config) => {
          forOneId(config);
          config.process.user = { uid: 0, gid: 0, additionalGids: [0, 5] };
        },
        { ids: singleId },
      );
      const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()], own);
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, /additionalGids/);
    },
    noHelp,
  ),
);

test(
  "run [another user of the container, its files and groups] (rootless)",
  limits,
  scoped("user", async (scope) => {
    const bundle = scope.bundle("id -u; id -G; touch /tmp/mine; cat /etc/closed 2>&1 | sed 's/.*: //'", (config) => {
      config.process.user = { uid: 1000, gid: 1001, additionalGids: [7] };
    });
    writeFileSync(`${bundle.rootfs}/etc/closed`, "secret\n", { mode: 0o600 });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
    assert.equal(outcome.stdout, "1000\n1001 7\nPermission denied\n");
    assert.equal(statSync(`${bundle.rootfs}/tmp/mine`).uid, ordinaryRange.first + 999);
  }),
);

/** How /etc/subuid and /etc/subgid are written, and what is mapped then. */
const written: readonly [name: string, ranges: string, maps: string][] = [
  ["two ranges", "bunkertest:300000:1000\nother:1:9\nbunkertest:400000:2000\n", " 1 300000 1000\n 1001 400000 2000\n"],
  ["by number", `${ordinaryId}:300000:1000\n`, " 1 300000 1000\n"],
  ["comments and empty lines", "# ids\n\nbunkertest:300000:1000\n", " 1 300000 1000\n"],
  ["no newline at the end", "bunkertest:300000:1000", " 1 300000 1000\n"],
  ["other users only", "bunkertes:300000:1000\nbunkertester:400000:1000\n5900:500000:10\n", ""],
];

for (const [name, ranges, expected] of written) {
  test(
    `run [no user namespace in config.json, ranges: ${name}] (rootless)`,
    limits,
    scoped(
      "written",
      async (scope) => {
        const bundle = scope.bundle("tr -s ' ' < /proc/self/uid_map", forOneId, { ids: "none" });
        const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
        assert.equal(outcome.stdout, ` 0 ${ordinaryId} 1\n${expected}`, outcome.stderr);
      },
      { hasHelpers: true, hasRanges: true, ranges },
    ),
  );
}

// Its own group is all that newgidmap may map, and it gives setgroups(2) up for that.
test(
  "run, exec [ranges of users, none of groups] (rootless)",
  limits,
  scoped(
    "nogroups",
    async (scope) => {
      const look = "tr -s ' ' < /proc/self/gid_map; cat /proc/self/setgroups; id -u; id -g";
      const bundle = scope.bundle(`${look}; sleep 100`, forOneId, { ids: "none" });
      const id = scope.id();
      const running = scope.launch(["run", "--bundle", bundle.path, id], own);
      const expected = ` 0 ${ordinaryId} 1\ndeny\n0\n0\n`;
      await until("its output", () => running.output() === expected);
      assert.equal((await scope.succeed(["exec", id, "/bin/sh", "-c", look], own)).stdout, expected);
      await scope.succeed(["delete", "--force", id], own);
    },
    { ...usualUser, groupRanges: "" },
  ),
);

for (const [name, user, gids] of [
  [
    "a group of another number",
    { ...usualUser, group: 59_500 },
    ` 0 59500 1\n 1 ${ordinaryRange.first} ${ordinaryRange.count}\n`,
  ],
  ["a group of another number, no helpers", { ...noHelp, group: 59_500 }, " 0 59500 1\n"],
  [
    "in further groups",
    { ...usualUser, groups: [ordinaryId, 20, 59_501] },
    ` 0 ${ordinaryId} 1\n 1 ${ordinaryRange.first} ${ordinaryRange.count}\n`,
  ],
] as const) {
  test(
    `run [no user namespace in config.json, ${name}] (rootless)`,
    limits,
    scoped(
      "groups",
      async (scope) => {
        const bundle = scope.bundle("tr -s ' ' < /proc/self/gid_map; id -g; id -G", forOneId, { ids: "none" });
        const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
        // Without the right to set groups the caller's stay, of which none but its first has an id in the container.
        assert.equal(outcome.stdout, `${gids}0\n0\n`, outcome.stderr);
      },
      user,
    ),
  );
}
