/**
 * Which ids an ordinary user's container has: by the helpers, by /etc/subuid, or its own alone.
 * @module
 */
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import test from "node:test";
import { tree } from "../support/leftovers.ts";
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
