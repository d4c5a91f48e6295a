/**
 * The plan of `update`.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CurrentLimits } from "../../src/plan/cgroup_settings.ts";
import type { Host } from "../../src/plan/host.ts";
import type { ResctrlChange } from "../../src/plan/resctrl.ts";
import type { Plan } from "../../src/plan/types.ts";
import { planUpdate } from "../../src/plan/update.ts";
import { parseResources } from "../../src/spec/mod.ts";
import { callsOf, hostWith, textsOf } from "./planning.ts";

const unified = hostWith({
  cgroup: { layout: "v2", v2: { mountPoint: "/cg", own: "/", controllers: ["cpu", "memory", "pids"] }, v1: [] },
});
const legacy = hostWith({
  cgroup: {
    layout: "v1",
    v2: null,
    v1: ["cpu,cpuacct", "memory", "pids"].map((name) => ({
      controllers: name.split(","),
      mountPoint: `/cg/${name}`,
      own: "/",
    })),
  },
});

const plan = (resources: object, host: Host, change: Partial<CurrentLimits> & { usage?: number } = {}): Plan => {
  const { usage = 500, memory = 1000, quota = "20000" } = change;
  const cgroups = host === unified ? ["/cg/a/web"] : ["/cg/cpu,cpuacct/web", "/cg/memory/web", "/cg/pids/web"];
  // Where device rules are given they are looked for as well (update_devices_test.ts).
  const devices = { rules: [], list: "a *:* rwm\n", programs: [], programName: "bunker_web" };
  const target = { cgroups, current: { memory, quota }, usage, devices };
  return planUpdate(parseResources(JSON.stringify(resources)), host, target, "FILE");
};

/** "file = text", in the order of the lines. */
function written(made: Plan): string[] {
  const lines: string[] = [];
  let file = "";
  for (const { call, args } of callsOf(made)) {
    if (call === "openat") file = String(args[1]).replace("/cg/", "");
    if (call === "write" && !file.endsWith("subtree_control")) lines.push(`${file} = ${String(args[1])}`);
  }
  return lines;
}

test("planUpdate() writes what is set, and switches controllers on (v2)", () => {
  const made = plan({ pids: { limit: 5 } }, unified);
  assert.deepEqual(written(made), ["a/web/pids.max = 5"]);
  assert.deepEqual(
    textsOf(made).filter((text) => text.includes("subtree_control")),
    ["/cg", "/cg/a"].map((path) => `openat(AT_FDCWD, "${path}/cgroup.subtree_control", O_WRONLY|O_CLOEXEC, 0)`),
  );
  assert.equal(made.document, "FILE");
});

test("planUpdate() leaves what is not set alone, device rules too", () => {
  for (const host of [unified, legacy]) {
    for (const devices of [undefined, null, []]) {
      assert.deepEqual(plan({ devices, memory: {}, cpu: { shares: 0, cpus: "" } }, host).items, []);
    }
  }
});

test("planUpdate() keeps the quota in force beside a new period (v2)", () => {
  assert.deepEqual(written(plan({ cpu: { period: 50_000 } }, unified)), ["a/web/cpu.max = 20000 50000"]);
  assert.deepEqual(written(plan({ cpu: { quota: 30_000 } }, unified)), ["a/web/cpu.max = 30000"]);
});

test("planUpdate() reckons swap with the limit in force (v2)", () => {
  assert.deepEqual(written(plan({ memory: { swap: 1500 } }, unified)), ["a/web/memory.swap.max = 500"]);
  assert.deepEqual(
    plan({ memory: { swap: 900 } }, unified).refusals.map(({ message }) => message),
    ["Expected at least the limit in force, 1000"],
  );
  assert.match(plan({ memory: { swap: 900 } }, unified, { memory: Infinity }).refusals[0]!.message, /has none/);
});

test("planUpdate() writes memory and swap so that each moment is valid (v1)", () => {
  const both = ["memory/web/memory.limit_in_bytes = 2000", "memory/web/memory.memsw.limit_in_bytes = 3000"];
  const resources = { memory: { limit: 2000, swap: 3000 } };
  assert.deepEqual(written(plan(resources, legacy, { memory: 1000 })), both.toReversed());
  assert.deepEqual(written(plan(resources, legacy, { memory: 5000 })), both);
  assert.deepEqual(written(plan({ memory: { limit: -1 } }, legacy)), [
    "memory/web/memory.memsw.limit_in_bytes = -1",
    "memory/web/memory.limit_in_bytes = -1",
  ]);
});

test("planUpdate() tries a period before the quota, and after it where it does not fit (v1)", () => {
  const made = plan({ cpu: { period: 50_000, quota: 20_000 } }, legacy);
  const [item] = made.items;
  assert.ok(item?.kind === "alternative");
  assert.deepEqual(item.branches[0]!.on, ["EINVAL"]);
  assert.deepEqual(written(made), [
    "cpu,cpuacct/web/cpu.cfs_period_us = 50000",
    "cpu,cpuacct/web/cpu.cfs_quota_us = 20000",
    "cpu,cpuacct/web/cpu.cfs_quota_us = 20000",
    "cpu,cpuacct/web/cpu.cfs_period_us = 50000",
  ]);
});

test("planUpdate() compares with what is in use where that is asked (v2; v1's kernels do it themselves)", () => {
  const pointers = (memory: object, host = unified): string[] =>
    plan({ memory }, host).refusals.map(({ pointer }) => pointer);
  assert.deepEqual(pointers({ limit: 400, checkBeforeUpdate: true }), ["/linux/resources/memory/limit"]);
  assert.deepEqual(pointers({ limit: 400 }), []);
  assert.deepEqual(pointers({ limit: 600, checkBeforeUpdate: true }), []);
  assert.deepEqual(pointers({ limit: -1, checkBeforeUpdate: true }), []);
  assert.deepEqual(pointers({ limit: 400, checkBeforeUpdate: true }, legacy), []);
});

test("planUpdate() refuses what no controller keeps", () => {
  const made = plan({ cpu: { cpus: "0" }, unified: { "io.max": "8:0 rbps=1" } }, unified);
  assert.deepEqual(
    made.refusals.map(({ pointer }) => pointer),
    ["/linux/resources/cpu/cpus", "/linux/resources/unified/io.max"],
  );
});

// As runc: the class keeps its tasks, and both schemas go in together, bandwidth out of the first.
test("planUpdate() writes the schemas of a class of resctrl, after everything else", () => {
  const change = { l3CacheSchema: "L3:0=f;1=f0\nMB:0=99", memBwSchema: "MB:0=20;1=70" };
  const planned = (resctrl: { isMounted: boolean; group: string | undefined }, given: ResctrlChange = change) => {
    const resources = parseResources('{"pids":{"limit":5}}');
    const target = { cgroups: ["/cg/a/web"], current: { memory: 1000, quota: "20000" }, usage: 500 };
    return planUpdate(resources, unified, { ...target, resctrl: { ...resctrl, change: given } }, "options");
  };
  const group = "/sys/fs/resctrl/web";
  const made = planned({ isMounted: true, group });
  assert.deepEqual(made.refusals, []);
  assert.deepEqual(textsOf(made).slice(-3), [
    `openat(AT_FDCWD, "${group}/schemata", O_WRONLY|O_CLOEXEC, 0)`,
    'write(r, "L3:0=f;1=f0\\nMB:0=20;1=70\\n")',
    "close(r)",
  ]);
  assert.ok(!textsOf(planned({ isMounted: true, group }, {})).some((text) => text.includes("resctrl")));
  const only = planned({ isMounted: true, group }, { memBwSchema: "MB:0=20" });
  assert.equal(callsOf(only).at(-1)!.from, "/linux/intelRdt/memBwSchema");
  const refusal = (...given: Parameters<typeof planned>): string => planned(...given).refusals[0]!.message;
  assert.match(refusal({ isMounted: false, group }), /resctrl is not mounted/);
  assert.match(refusal({ isMounted: true, group: "/sys/fs/resctrl" }), /the machine's root class/);
  assert.match(refusal({ isMounted: true, group: undefined }), /its config.json asks for none/);
});
