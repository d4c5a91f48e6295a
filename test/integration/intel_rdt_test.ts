/**
 * `linux.intelRdt` where resctrl is not mounted: an error, and nothing made.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { legacyLimits } from "../support/limits.ts";
import { limits } from "../support/machine.ts";
import { scoped } from "../support/scope.ts";
import { skip } from "../support/skip.ts";

const withClass = (rdt: object) => (config: Config) => {
  (config.linux as { intelRdt?: object }).intelRdt = rdt;
};

test("create [intelRdt without resctrl; a class that is no name]", limits, async (t) => {
  if (existsSync("/sys/fs/resctrl/schemata")) return skip(t, "resctrl is mounted here");
  await scoped("rdt", [], async (scope) => {
    for (const [rdt, pattern] of [
      [{ l3CacheSchema: "L3:0=f" }, /\/linux\/intelRdt: resctrl is not mounted at \/sys\/fs\/resctrl/],
      [{ closID: "gold" }, /resctrl is not mounted/],
      [{}, /resctrl is not mounted/],
      [{ closID: "../gold" }, /\/linux\/intelRdt\/closID: Expected one directory's name/],
      [{ closID: ".." }, /one directory's name/],
    ] as const) {
      const id = scope.id();
      const outcome = await scope.invoke(["create", "--bundle", scope.bundle(["/bin/true"], withClass(rdt)).path, id]);
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, pattern);
      assert.equal((await scope.invoke(["state", id])).status, 1);
    }
  })(t);
});

test(
  "update [--l3-cache-schema, --mem-bw-schema without resctrl: an error, and the limits as before]",
  limits,
  async (t) => {
    if (existsSync("/sys/fs/resctrl/schemata")) return skip(t, "resctrl is mounted here");
    await scoped("rdt-update", ["cgroup1"], async (scope) => {
      const bundle = scope.bundle(["/bin/sleep", "1000"], (config) => {
        config.linux.cgroupsPath = `/${scope.tag}-own`;
        config.linux["resources"] = { pids: { limit: 20 } };
      });
      const id = scope.id();
      await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
      for (const option of ["--l3-cache-schema=L3:0=f", "--mem-bw-schema=MB:0=20"]) {
        const outcome = await scope.invoke(["update", "--pids-limit", "30", option, id]);
        assert.equal(outcome.status, 1);
        assert.match(
          outcome.stderr,
          /update's options \/linux\/intelRdt: resctrl is not mounted at \/sys\/fs\/resctrl/,
        );
        assert.equal(legacyLimits(`${scope.tag}-own`).get("pids/pids.max"), "20");
      }
    })(t);
  },
);
