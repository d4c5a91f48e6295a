/**
 * Every resource of config.json that restricts a container × every situation in which nothing keeps it: refused, each by
 * its own field. None of them is ever left out in silence.
 *
 * MUST runtime.md#create: what cannot be applied as specified is an error
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host, PlanOptions } from "../../src/plan/host.ts";
import { legacyOf } from "./cgroup_hosts.ts";
import { type Change, hostWith, noCgroups, planOf, v2Host } from "./planning.ts";

const restrictions: readonly (readonly [pointer: string, resources: object])[] = [
  ["/devices", { devices: [{ allow: false, access: "rwm" }] }],
  [
    "/devices",
    {
      devices: [
        { allow: true, access: "rwm" },
        { allow: false, type: "b", access: "w" },
      ],
    },
  ],
  ["/devices", { devices: [{ allow: true, type: "c", major: 10, minor: 200 }] }],
  ["/memory/limit", { memory: { limit: 1 << 20 } }],
  ["/memory/swap", { memory: { limit: 1 << 20, swap: 1 << 21 } }],
  ["/memory/reservation", { memory: { reservation: 1 << 20 } }],
  ["/cpu/quota", { cpu: { quota: 1000 } }],
  ["/cpu/shares", { cpu: { shares: 10 } }],
  ["/cpu/cpus", { cpu: { cpus: "0" } }],
  ["/cpu/mems", { cpu: { mems: "0" } }],
  ["/cpu/idle", { cpu: { idle: 1 } }],
  ["/pids/limit", { pids: { limit: 5 } }],
  ["/blockIO/weight", { blockIO: { weight: 10 } }],
  ["/blockIO/throttleReadBpsDevice/0", { blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] } }],
  ["/hugepageLimits/0/limit", { hugepageLimits: [{ pageSize: "2MB", limit: 1 }] }],
  ["/network/classID", { network: { classID: 1 } }],
  ["/network/priorities", { network: { priorities: [{ name: "eth0", priority: 1 }] } }],
  ["/rdma/mlx5", { rdma: { mlx5: { hcaHandles: 1 } } }],
  ["/unified", { unified: { "memory.max": "1" } }],
];

/** An ordinary user whose runtime was given what it takes to do without a user namespace. */
const capable = { euid: 1000, egid: 1000, mayMount: true } as const;
const poor = { layout: "v2", v2: { mountPoint: "/cg", own: "/a/b", controllers: [] }, v1: [] } as const;
const nowhere = { ...poor, mayMake: "nowhere" } as const;

interface Situation {
  readonly host?: Host;
  readonly options?: Partial<PlanOptions>;
  readonly process?: object;
  readonly cgroupsPath?: string;
  /** Kept in this one: a v2 cgroup has device rules without any controller. */
  readonly keeps?: string;
}

const maker = { capabilities: { bounding: ["CAP_MKNOD"] } };
const situations: Readonly<Record<string, Situation>> = {
  "no cgroups are mounted, no path": { host: hostWith({ cgroup: noCgroups }) },
  "no cgroups are mounted, a path": { host: hostWith({ cgroup: noCgroups }), cgroupsPath: "/a" },
  "no cgroups are mounted, a user with capabilities": { host: hostWith({ ...capable, cgroup: noCgroups }) },
  "the manager is disabled": { options: { cgroupManager: "disabled" }, process: maker },
  "systemd is not there": { options: { cgroupManager: "systemd" } },
  "v2 without controllers": { host: hostWith({ cgroup: poor }), keeps: "/devices" },
  "v2, nothing is delegated": { host: hostWith({ ...capable, cgroup: nowhere }) },
  "v2, the top of the hierarchy": { cgroupsPath: "/" },
  "v1 without controllers": { host: legacyOf("name=systemd") },
  "v1, an ordinary user": { host: hostWith({ ...capable, cgroup: { ...noCgroups, mayMake: "nowhere" } }) },
};

for (const [name, { host = v2Host, options, process, cgroupsPath, keeps }] of Object.entries(situations)) {
  test(`planCgroups() refuses every restriction that nothing keeps [${name}]`, () => {
    for (const [pointer, resources] of restrictions) {
      const linux = { resources, ...(cgroupsPath === undefined ? {} : { cgroupsPath }) };
      const { refusals, calls } = made({ linux, ...(process === undefined ? {} : { process }) }, host, options);
      const what = `${pointer} ${JSON.stringify(refusals)}`;
      if (pointer === keeps) {
        assert.deepEqual(refusals, [], what);
        assert.ok(calls.includes("bpf"), what);
        continue;
      }
      assert.ok(refusals.length > 0, what);
      // Without systemd or any cgroup nothing is looked at beyond the path.
      const isNamed = refusals.some((found) => found.startsWith(`/linux/resources${pointer}`));
      assert.ok(isNamed || refusals.includes("/linux/cgroupsPath"), what);
    }
  });
}

function made(change: Change, host: Host, options: Partial<PlanOptions> = {}): { refusals: string[]; calls: string[] } {
  const plan = planOf(change, host, options);
  return {
    refusals: plan.refusals.map(({ pointer }) => pointer),
    calls: plan.items.map((item) => ("call" in item ? item.call : "")),
  };
}

test("planCgroups() lets rules be that deny nothing, and those of a user namespace that makes no nodes", () => {
  const none = hostWith({ cgroup: noCgroups });
  assert.deepEqual(planOf({ linux: { resources: { devices: [{ allow: true, access: "rwm" }] } } }, none).refusals, []);
  assert.deepEqual(planOf({ linux: { resources: { devices: [] } } }, none).refusals, []);
  const deny = { resources: { devices: [{ allow: false, access: "rwm" }] } };
  const user = hostWith({ euid: 1000, mayMount: false, cgroup: noCgroups });
  assert.deepEqual(planOf({ linux: deny }, user).refusals, []);
  const disabled = planOf({ linux: deny }, v2Host, { cgroupManager: "disabled" });
  assert.deepEqual(disabled.refusals, []);
  assert.match(disabled.warnings[0]!, /devices is not applied: the cgroup manager is disabled \(nodes of the image/);
});
