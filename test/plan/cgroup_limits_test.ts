/**
 * Limits as files: every field of `linux.resources`, on version 1 and 2, and what neither can do.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuWeight, ioWeight } from "../../src/plan/cgroup_conversions.ts";
import type { Host } from "../../src/plan/host.ts";
import type { Plan } from "../../src/plan/types.ts";
import { legacy, legacyOf, plan, unified } from "./cgroup_hosts.ts";
import { callsOf, hostWith, indexOf, textsOf } from "./planning.ts";

/** "file = text" of every write, "|" between a file and what stands in for it; in the order of the lines. */
function written(made: Plan): string[] {
  const lines: string[] = [];
  let file = "";
  for (const { call, args, from } of callsOf(made)) {
    if (!from.startsWith("/linux/resources/")) continue;
    if (call === "openat") file = String(args[1]).replace("/cg/", "").replace("/web/", "/");
    if (call === "write") lines.push(`${file} = ${String(args[1])}`);
  }
  return lines;
}

const writes = (resources: object, host: Host = unified): string[] => written(plan(resources, host));

const refusalsOf = (resources: object, host: Host): string[] =>
  plan(resources, host).refusals.map(({ pointer, message }) => `${pointer}: ${message}`);

test("cpuWeight() fits both ends and the default; the values of runc and crun", () => {
  const pairs = [
    [1, 1],
    [2, 1],
    [3, 2],
    [10, 4],
    [100, 17],
    [512, 59],
    [1000, 99],
    [1024, 100],
    [2048, 174],
    [102_400, 4429],
    [262_144, 10_000],
    [300_000, 10_000],
  ] as const;
  for (const [shares, weight] of pairs) assert.equal(cpuWeight(shares), weight, `${shares}`);
});

test("ioWeight() is a straight line from 10 to 1000", () => {
  assert.deepEqual([10, 100, 500, 1000].map(ioWeight), [1, 910, 4950, 10_000]);
});

test("limits of 64 bits are written to the last digit [v2]", () => {
  const device = { major: 8, minor: 0 };
  assert.deepEqual(
    writes({
      cpu: { shares: 2n ** 63n },
      memory: { limit: 2n ** 53n + 1n, swap: 2n ** 63n - 1n, reservation: 2n ** 53n + 3n },
      hugepageLimits: [{ pageSize: "2MB", limit: 2n ** 64n - 2n }],
      blockIO: { throttleReadBpsDevice: [{ ...device, rate: 2n ** 53n + 1n }] },
    }),
    [
      "cpu.weight = 10000",
      `memory.swap.max = ${2n ** 63n - 1n - (2n ** 53n + 1n)}`,
      "memory.max = 9007199254740993",
      "memory.low = 9007199254740995",
      "io.max = 8:0 rbps=9007199254740993",
      "hugetlb.2MB.max = 18446744073709551614",
      "hugetlb.2MB.rsvd.max = 18446744073709551614",
    ],
  );
});

test("memory [v2]", () => {
  assert.deepEqual(writes({ memory: { limit: 1000, swap: 3000, reservation: 500 } }), [
    "memory.swap.max = 2000",
    "memory.max = 1000",
    "memory.low = 500",
  ]);
  assert.deepEqual(writes({ memory: { limit: 1000, swap: 1000 } }), ["memory.swap.max = 0", "memory.max = 1000"]);
  assert.deepEqual(writes({ memory: { limit: 1000, swap: -1 } }), ["memory.swap.max = max", "memory.max = 1000"]);
  assert.deepEqual(writes({ memory: { limit: -1 } }), ["memory.swap.max = max", "memory.max = max"]);
  assert.deepEqual(writes({ memory: { limit: 0, swap: 0, reservation: 0 } }), []);
  assert.deepEqual(writes({ memory: { useHierarchy: true, disableOOMKiller: false, checkBeforeUpdate: true } }), []);
});

test("memory [v2: swap that cannot be limited is no matter where none is to be limited]", () => {
  const alternatives = (resources: object): number =>
    plan(resources).items.filter((item) => item.kind === "alternative" && item.branches[0]!.why.includes("swap"))
      .length;
  assert.equal(alternatives({ memory: { limit: 1000, swap: 1000 } }), 1);
  assert.equal(alternatives({ memory: { limit: 1000, swap: 2000 } }), 0);
});

test("memory [v1]", () => {
  assert.deepEqual(writes({ memory: { limit: 1000, swap: 3000, reservation: 500, swappiness: 0 } }, legacy), [
    "memory/memory.limit_in_bytes = 1000",
    "memory/memory.memsw.limit_in_bytes = 3000",
    "memory/memory.soft_limit_in_bytes = 500",
    "memory/memory.swappiness = 0",
  ]);
  assert.deepEqual(writes({ memory: { disableOOMKiller: true, useHierarchy: true } }, legacy), [
    "memory/memory.use_hierarchy = 1",
    "memory/memory.oom_control = 1",
  ]);
  assert.deepEqual(writes({ memory: { limit: -1 } }, legacy), ["memory/memory.limit_in_bytes = -1"]);
});

test("memory.kernel and kernelTCP are said to be without effect", () => {
  for (const host of [unified, legacy]) {
    const { warnings, refusals } = plan({ memory: { kernel: 1000, kernelTCP: 1000 } }, host);
    assert.deepEqual(refusals, []);
    assert.match(warnings.join("\n"), /memory\/kernel is not applied[^]*memory\/kernelTCP is not applied/);
    assert.deepEqual(plan({ memory: { kernel: 0, kernelTCP: -1 } }, host).warnings, []);
  }
});

test("cpu [v2]", () => {
  assert.deepEqual(writes({ cpu: { shares: 512, quota: 50_000, period: 100_000, burst: 1000 } }), [
    "cpu.weight = 59",
    "cpu.max = 50000 100000",
    "cpu.max.burst = 1000",
  ]);
  assert.deepEqual(writes({ cpu: { quota: 50_000 } }), ["cpu.max = 50000"]);
  assert.deepEqual(writes({ cpu: { period: 50_000 } }), ["cpu.max = max 50000"]);
  assert.deepEqual(writes({ cpu: { quota: -1, period: 50_000 } }), ["cpu.max = max 50000"]);
  assert.deepEqual(writes({ cpu: { idle: 1 } }), ["cpu.idle = 1"]);
  assert.deepEqual(writes({ cpu: { cpus: "0-1", mems: "0" } }), ["cpuset.cpus = 0-1", "cpuset.mems = 0"]);
  assert.deepEqual(writes({ cpu: { shares: 0, quota: 0, period: 0, realtimePeriod: 0, realtimeRuntime: 0 } }), []);
});

test("cpu [v1]", () => {
  assert.deepEqual(writes({ cpu: { idle: 0, shares: 512, quota: 50_000 } }, legacy), [
    "cpu,cpuacct/cpu.idle = 0",
    "cpu,cpuacct/cpu.shares = 512",
    "cpu,cpuacct/cpu.cfs_quota_us = 50000",
  ]);
  assert.deepEqual(writes({ cpu: { period: 50_000, quota: 20_000, burst: 0 } }, legacy), [
    "cpu,cpuacct/cpu.cfs_period_us = 50000",
    "cpu,cpuacct/cpu.cfs_quota_us = 20000",
    "cpu,cpuacct/cpu.cfs_burst_us = 0",
  ]);
  assert.deepEqual(writes({ cpu: { realtimeRuntime: 1000, realtimePeriod: 2000 } }, legacy), [
    "cpu,cpuacct/cpu.rt_period_us = 2000",
    "cpu,cpuacct/cpu.rt_runtime_us = 1000",
  ]);
  assert.deepEqual(refusalsOf({ cpu: { shares: 1 } }, legacy), [
    "/linux/resources/cpu/shares: Expected an integer from 2 to 262144 but received 1",
  ]);
});

test("cpuset [v1: after the parent's values]", () => {
  const texts = textsOf(plan({ cpu: { cpus: "0" } }, legacy));
  assert.ok(texts.findIndex((text) => text.startsWith("sendfile")) < texts.indexOf('write(r, "0")'));
});

test("pids [-1 no limit, 0 none at all]", () => {
  assert.deepEqual(writes({ pids: { limit: 10 } }), ["pids.max = 10"]);
  assert.deepEqual(writes({ pids: { limit: -1 } }), ["pids.max = max"]);
  assert.deepEqual(writes({ pids: { limit: 0 } }, legacy), ["pids/pids.max = 0"]);
  // A process cannot be born into a cgroup that may have none.
  const none = plan({ pids: { limit: 0 } });
  assert.ok(indexOf(none, 'write(r, "0")') > indexOf(none, "clone3"));
  assert.ok(indexOf(none, 'write(r, "0")') < indexOf(none, "reset_signals"));
  const some = plan({ pids: { limit: 1 } });
  assert.ok(indexOf(some, 'write(r, "1")') < indexOf(some, "clone3"));
});

// 0 is what runc's callers say for no limit
test("pids [0 where no controller keeps it asks for nothing that is missing; 1 does]", () => {
  const unifiedWithout = hostWith({
    cgroup: { layout: "v2", v2: { mountPoint: "/cg", own: "/", controllers: ["cpu"] }, v1: [] },
  });
  const nowhere = hostWith({ cgroup: { layout: "none", v2: null, v1: [] } });
  for (const host of [unifiedWithout, legacyOf("memory", "devices"), nowhere]) {
    const { refusals } = plan({ pids: { limit: 0 } }, host);
    assert.deepEqual(refusals, []);
    assert.deepEqual(
      plan({ pids: { limit: 1 } }, host).refusals.map(({ pointer }) => pointer.replace(/^\/linux\/resources/, "")),
      ["/pids/limit"],
    );
  }
});

test("blockIO [v2: weight of BFQ, else of the cost model]", () => {
  assert.deepEqual(writes({ blockIO: { weight: 500, weightDevice: [{ major: 8, minor: 0, weight: 100 }] } }), [
    "io.bfq.weight = 500",
    "io.weight = 4950",
    "io.bfq.weight = 8:0 100",
    "io.weight = 8:0 910",
  ]);
  const device = { major: 8, minor: 0 };
  const throttled = {
    throttleReadBpsDevice: [{ ...device, rate: 1000 }],
    throttleWriteBpsDevice: [{ ...device, rate: 0 }],
    throttleReadIOPSDevice: [{ ...device, rate: 20 }],
    throttleWriteIOPSDevice: [{ ...device, rate: 30 }],
  };
  assert.deepEqual(writes({ blockIO: throttled }), [
    "io.max = 8:0 rbps=1000",
    "io.max = 8:0 wbps=max",
    "io.max = 8:0 riops=20",
    "io.max = 8:0 wiops=30",
  ]);
  assert.deepEqual(writes({ blockIO: throttled }, legacy), [
    "blkio/blkio.throttle.read_bps_device = 8:0 1000",
    "blkio/blkio.throttle.write_bps_device = 8:0 0",
    "blkio/blkio.throttle.read_iops_device = 8:0 20",
    "blkio/blkio.throttle.write_iops_device = 8:0 30",
  ]);
});

test("blockIO [v1: weight of CFQ, else of BFQ]", () => {
  const weightDevice = [{ major: 8, minor: 0, weight: 100, leafWeight: 20 }];
  assert.deepEqual(writes({ blockIO: { weight: 500, leafWeight: 30, weightDevice } }, legacy), [
    "blkio/blkio.weight = 500",
    "blkio/blkio.bfq.weight = 500",
    "blkio/blkio.leaf_weight = 30",
    "blkio/blkio.weight_device = 8:0 100",
    "blkio/blkio.bfq.weight_device = 8:0 100",
    "blkio/blkio.leaf_weight_device = 8:0 20",
  ]);
});

test("hugepageLimits [usage, and reservations where the kernel limits them; 0 is a limit]", () => {
  const hugepageLimits = [{ pageSize: "2MB", limit: 0 }];
  assert.deepEqual(writes({ hugepageLimits }), ["hugetlb.2MB.max = 0", "hugetlb.2MB.rsvd.max = 0"]);
  assert.deepEqual(writes({ hugepageLimits }, legacy), [
    "hugetlb/hugetlb.2MB.limit_in_bytes = 0",
    "hugetlb/hugetlb.2MB.rsvd.limit_in_bytes = 0",
  ]);
});

test("rdma [handles, objects, or both]", () => {
  const rdma = { mlx5_0: { hcaHandles: 3, hcaObjects: 4 }, mlx5_1: { hcaObjects: 5 } };
  const lines = ["mlx5_0 hca_handle=3 hca_object=4", "mlx5_1 hca_object=5"];
  assert.deepEqual(
    writes({ rdma }),
    lines.map((line) => `rdma.max = ${line}`),
  );
  assert.deepEqual(
    writes({ rdma }, legacy),
    lines.map((line) => `rdma/rdma.max = ${line}`),
  );
});

test("network [v1 only]", () => {
  const network = { classID: 1_048_577, priorities: [{ name: "eth0", priority: 5 }] };
  assert.deepEqual(writes({ network }, legacy), [
    "net_cls,net_prio/net_cls.classid = 1048577",
    "net_cls,net_prio/net_prio.ifpriomap = eth0 5",
  ]);
  assert.deepEqual(
    refusalsOf({ network }, unified).map((text) => text.slice(0, 35)),
    ["/linux/resources/network/classID: A", "/linux/resources/network/priorities"],
  );
});

test("unified [v2: verbatim, line by line, with its controller; v1: refused]", () => {
  const texts = { "memory.high": "1000", "io.max": "8:0 rbps=1\n8:16 rbps=2\n", "cgroup.max.descendants": "3" };
  assert.deepEqual(writes({ unified: texts }), [
    "memory.high = 1000",
    "io.max = 8:0 rbps=1",
    "io.max = 8:16 rbps=2",
    "cgroup.max.descendants = 3",
  ]);
  assert.ok(indexOf(plan({ unified: texts }), "+memory +io +cpu +pids") > 0);
  assert.deepEqual(refusalsOf({ unified: { "memory.high": "1000" } }, legacy), [
    "/linux/resources/unified/memory.high: This is a file of cgroup v2, and this machine has cgroup v1",
  ]);
});

test("what only v1 has is refused on v2, and what asks for nothing is not", () => {
  const asked = {
    memory: { swappiness: 0, disableOOMKiller: true },
    cpu: { realtimeRuntime: 1, realtimePeriod: 2 },
    blockIO: { leafWeight: 10, weightDevice: [{ major: 8, minor: 0, leafWeight: 10 }] },
  };
  assert.deepEqual(
    plan(asked).refusals.map(({ pointer }) => pointer.replace("/linux/resources/", "")),
    [
      "memory/swappiness",
      "memory/disableOOMKiller",
      "cpu/realtimeRuntime",
      "cpu/realtimePeriod",
      "blockIO/leafWeight",
      "blockIO/weightDevice/0/leafWeight",
    ],
  );
  const nothing = { memory: { disableOOMKiller: false }, cpu: { realtimeRuntime: 0 }, network: { classID: 0 } };
  assert.deepEqual(plan(nothing).refusals, []);
});

test("hugepageLimits [reservations that the kernel does not limit are left, their usage never]", () => {
  for (const [host, usage, reserved] of [
    [unified, "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"],
    [legacy, "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.rsvd.limit_in_bytes"],
  ] as const) {
    const made = plan({ hugepageLimits: [{ pageSize: "2MB", limit: 5 }] }, host);
    const alternatives = made.items.flatMap((item) => (item.kind === "alternative" ? [item] : []));
    const opening = (file: string) =>
      alternatives.filter(({ attempt }) => attempt.some(({ args }) => String(args[1]).endsWith(file)));
    assert.equal(opening(usage).length, 0);
    const [way] = opening(reserved);
    assert.ok(way !== undefined, reserved);
    assert.deepEqual(
      way.branches.map(({ on, items }) => [on, items.length]),
      [[["ENOENT"], 0]],
    );
  }
});

test("unified [a controller that is not there is an error, whatever the file]", () => {
  const poor = hostWith({
    cgroup: { layout: "v2", v2: { mountPoint: "/cg", own: "/", controllers: ["cpu", "pids"] }, v1: [] },
  });
  const { refusals } = plan({ unified: { "memory.high": "1", "cpu.weight": "5", "misc.max": "a 1" } }, poor);
  assert.deepEqual(
    refusals.map(({ pointer, message }) => `${pointer}: ${message}`),
    ["memory.high", "misc.max"].map(
      (file) => `/linux/resources/unified/${file}: This machine has no "${file.split(".")[0]}" controller of cgroup v2`,
    ),
  );
});
