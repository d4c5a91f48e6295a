/**
 * `linux.intelRdt` where resctrl is not mounted: an error, and nothing made.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
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
