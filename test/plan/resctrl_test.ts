/**
 * Classes of resctrl: what is made, what is compared, what is to be removed. What is written is in the golden plans.
 * MUST config-linux.md#intel-rdt
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { callsOf, hostWith, planOf, textsOf } from "./planning.ts";

const top = "/sys/fs/resctrl";

const planned = (intelRdt: object | undefined, hasGroup = false) =>
  planOf(
    { linux: { namespaces: [{ type: "mount" }], ...(intelRdt === undefined ? {} : { intelRdt }) } },
    hostWith({ resctrl: { isMounted: true, hasGroup } }),
  );

const made = (...given: Parameters<typeof planned>): readonly string[] | undefined => planned(...given).resctrl?.made;

const directoriesOf = (...given: Parameters<typeof planned>): unknown[] =>
  callsOf(planned(...given))
    .filter(({ call, args }) => call === "mkdirat" && String(args[1]).startsWith(top))
    .map(({ args, allow }) => {
      assert.equal(allow, undefined, "one that cannot be made is an error");
      return args[1];
    });

test("planResctrl() makes and removes a class of the container's own, and none that was there", () => {
  const schema = { l3CacheSchema: "L3:0=f" };
  assert.deepEqual(made({}), [`${top}/web`]);
  assert.deepEqual(made(schema), [`${top}/web`]);
  assert.deepEqual(made({ closID: "gold", ...schema }), [`${top}/gold`], "a class that was not there");
  assert.deepEqual(made({ closID: "gold", ...schema }, true), []);
  assert.deepEqual(made({ closID: "gold" }, true), []);
  assert.deepEqual(made({ closID: "/", ...schema }, true), []);
  assert.deepEqual(directoriesOf({ closID: "gold", ...schema }, true), []);
  assert.deepEqual(directoriesOf({ closID: "/" }, true), []);
});

test("planResctrl() makes a monitoring group, removed alone where the class is not the container's", () => {
  const enableMonitoring = true;
  assert.deepEqual(directoriesOf({ enableMonitoring }), [`${top}/web`, `${top}/web/mon_groups/web`]);
  assert.deepEqual(made({ enableMonitoring }), [`${top}/web`], "the kernel removes what is in it");
  assert.deepEqual(made({ closID: "gold", enableMonitoring }, true), [`${top}/gold/mon_groups/web`]);
  assert.deepEqual(made({ closID: "/", enableMonitoring }, true), [`${top}/mon_groups/web`]);
});

test("planResctrl() compares with a class that exists, and writes to one that it makes", () => {
  const schema = { closID: "gold", memBwSchema: "MB:0=20" };
  const callsAt = (hasGroup: boolean): string[] =>
    textsOf(planned(schema, hasGroup), "/linux/intelRdt/memBwSchema").map((text) => text.split("(")[0]!);
  assert.deepEqual(callsAt(true), ["openat", "verify_lines", "close"]);
  assert.deepEqual(callsAt(false), ["openat", "write", "close"]);
});

test("planResctrl() never writes to the root class, which is the machine's", () => {
  const rdt = { closID: "/", l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=20", schemata: ["L2:0=f"] };
  const texts = textsOf(planned(rdt, true)).filter((text) => text.startsWith("write(") && text.includes(":0="));
  assert.deepEqual(texts, []);
  const compared = textsOf(planned(rdt, true)).filter((text) => text.startsWith("verify_lines("));
  assert.equal(compared.length, 3);
});

test("planResctrl() refuses a class that is missing with no schema to make it, and one of the container's name", () => {
  const refusals = (...given: Parameters<typeof planned>): string[] =>
    planned(...given).refusals.map(({ message }) => message);
  assert.match(refusals({ closID: "gold" })[0]!, /Expected the class "gold".*no schema is given/);
  assert.match(refusals({}, true)[0]!, /the class "web" exists already/);
  assert.deepEqual(refusals({ closID: "gold", schemata: ["L3:0=f"] }), []);
});

test("without intelRdt resctrl is not touched", () => {
  const plan = planned(undefined, true);
  assert.ok(!textsOf(plan).some((text) => text.includes("resctrl")));
  assert.equal(plan.resctrl, undefined);
  // Fields of runtime-spec 1.2 that 1.3 has no longer.
  assert.ok(!textsOf(planned({ enableCMT: true, enableMBM: true })).some((text) => text.includes("mon_groups")));
});
