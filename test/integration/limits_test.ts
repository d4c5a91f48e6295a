/**
 * `linux.resources` on this machine's controllers: what stands in the files, beside runc with the same config; what is
 * refused; and how little memory is enough.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { until } from "../support/execute.ts";
import { cgroupsNamed, processesIn } from "../support/leftovers.ts";
import { hasUnified, legacyLimits, limitsIn, unifiedLimits } from "../support/limits.ts";
import { limits, missing } from "../support/machine.ts";
import { bunker, isRuncBefore, peer, type Runtime } from "../support/runtime.ts";
import { type Scope, scoped, type TestContext } from "../support/scope.ts";
import { skip } from "../support/skip.ts";

const waits = ["/bin/sleep", "1000"];

/** The machine's disk, for rates: its device number. */
function blockDevice(): { major: number; minor: number } | undefined {
  const lines = readFileSync("/proc/partitions", "utf8").split("\n");
  for (const line of lines) {
    const [major, minor, , name] = line.trim().split(/\s+/);
    if (name !== undefined && existsSync(`/sys/block/${name}/queue`) && name !== "name") {
      return { major: Number(major), minor: Number(minor) };
    }
  }
  return undefined;
}

/** Runs a container with these limits and hands its name below each hierarchy to the body. */
async function withLimits(
  scope: Scope,
  resources: object,
  body: (name: string) => void | Promise<void>,
  runtime: Runtime = bunker(),
): Promise<void> {
  const name = `${scope.tag}-${runtime.name}`;
  const bundle = scope.bundle(waits, (config) => {
    config.linux["resources"] = resources;
    config.linux.cgroupsPath = `/${name}`;
  });
  const id = scope.id();
  await scope.succeed(["run", "--detach", "--bundle", bundle.path, id], { runtime });
  try {
    await body(name);
  } finally {
    await scope.succeed(["delete", "--force", id], { runtime });
  }
}

const disk = blockDevice();

/** Each alone, so that a difference names the field. */
const cases: Record<string, object> = {
  nothing: {},
  "memory.limit": { memory: { limit: 104_857_600 } },
  "memory.limit [no limit]": { memory: { limit: -1 } },
  "memory.swap": { memory: { limit: 104_857_600, swap: 209_715_200 } },
  "memory.swap [none]": { memory: { limit: 104_857_600, swap: 104_857_600 } },
  "memory.reservation": { memory: { reservation: 52_428_800 } },
  "memory.swappiness": { memory: { swappiness: 7 } },
  "memory.disableOOMKiller": { memory: { limit: 104_857_600, disableOOMKiller: true } },
  "memory.useHierarchy": { memory: { useHierarchy: true } },
  "memory.kernel": { memory: { kernel: 1_048_576, kernelTCP: 1_048_576 } },
  "cpu.shares": { cpu: { shares: 512 } },
  "cpu.quota": { cpu: { quota: 50_000 } },
  "cpu.period": { cpu: { period: 50_000 } },
  "cpu.quota, cpu.period": { cpu: { quota: 20_000, period: 40_000 } },
  "cpu.quota [no limit]": { cpu: { quota: -1, period: 40_000 } },
  "cpu.realtimeRuntime, cpu.realtimePeriod": { cpu: { realtimeRuntime: 1000, realtimePeriod: 500_000 } },
  "cpu.cpus, cpu.mems": { cpu: { cpus: "0", mems: "0" } },
  "pids.limit": { pids: { limit: 20 } },
  "pids.limit [no limit]": { pids: { limit: -1 } },
  "blockIO.weight": { blockIO: { weight: 500 } },
  ...(disk === undefined
    ? {}
    : {
        "blockIO.throttle*": {
          blockIO: {
            throttleReadBpsDevice: [{ ...disk, rate: 1_048_576 }],
            throttleWriteBpsDevice: [{ ...disk, rate: 2_097_152 }],
            throttleReadIOPSDevice: [{ ...disk, rate: 1000 }],
            throttleWriteIOPSDevice: [{ ...disk, rate: 2000 }],
          },
        },
        "blockIO.throttle* [every digit of 64 bits]": {
          blockIO: {
            throttleReadBpsDevice: [{ ...disk, rate: 2n ** 53n + 1n }],
            throttleWriteBpsDevice: [{ ...disk, rate: 2n ** 63n + 1n }],
          },
        },
      }),
};

for (const [name, resources] of Object.entries(cases)) {
  test(
    `resources [${name}: the files as runc writes them] (cgroup v1)`,
    limits,
    scoped("limits", ["cgroup1", "runc"], async (scope) => {
      const seen = new Map<string, Map<string, string>>();
      for (const runtime of [bunker(), peer("runc")!]) {
        await withLimits(scope, resources, (path) => void seen.set(runtime.name, legacyLimits(path)), runtime);
      }
      assert.ok(seen.get("bunker")!.size > 10);
      assert.deepEqual(seen.get("bunker"), seen.get("runc"));
      assert.deepEqual(cgroupsNamed(scope.tag), []);
    }),
  );
}

/** Those that mean something on version 2, and are asked of a controller there. */
const unifiedCases = Object.entries(cases).filter(
  ([name]) => !/^nothing|swappiness|OOMKiller|useHierarchy|kernel|realtime/.test(name),
);
unifiedCases.push(
  ["unified", { unified: { "memory.high": "50000000", "cpu.weight": "77", "pids.max": "33" } }],
  ["cpu.burst", { cpu: { quota: 50_000, period: 100_000, burst: 10_000 } }],
  ["cpu.idle", { cpu: { idle: 1 } }],
  ["hugepageLimits", { hugepageLimits: [{ pageSize: "2MB", limit: 4_194_304 }] }],
);

/** What older versions of runc leave as it was or reckon otherwise: 1.MINOR that first has our files. */
const olderRunc: Record<string, { before: number; files: Record<string, string> }> = {
  // The linear weight.
  "cpu.shares": { before: 4, files: { "cpu.weight": "59", "cpu.weight.nice": "2" } },
  "cpu.burst": { before: 2, files: { "cpu.max.burst": "10000" } },
  "cpu.idle": { before: 2, files: { "cpu.idle": "1", "cpu.weight": "1", "cpu.weight.nice": "19" } },
};

for (const [name, resources] of unifiedCases) {
  test(
    `resources [${name}: the files as runc writes them] (cgroup v2)`,
    limits,
    scoped("limits2", ["cgroup2Controllers", "runc"], async (scope) => {
      const seen = new Map<string, Map<string, string>>();
      for (const runtime of [bunker(), peer("runc")!]) {
        await withLimits(scope, resources, (path) => void seen.set(runtime.name, unifiedLimits(path)), runtime);
      }
      assert.ok(seen.get("bunker")!.size > 10);
      const older = olderRunc[name];
      if (older !== undefined && isRuncBefore(older.before)) {
        for (const [file, text] of Object.entries(older.files)) seen.get("runc")!.set(file, text);
      }
      assert.deepEqual(seen.get("bunker"), seen.get("runc"));
      assert.deepEqual(cgroupsNamed(scope.tag), []);
    }),
  );
}

test(
  "resources [memory.limit of 512 KB and a static program] (cgroup v2)",
  limits,
  scoped("small2", ["cgroup2Controllers"], async (scope) => {
    const bundle = scope.bundle("cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory.peak", (config) => {
      config.linux["resources"] = { memory: { limit: 512 * 1024, swap: 512 * 1024 } };
      config.mounts.at(-1)!.options = ["ro"];
    });
    const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    const [limit, most] = stdout.split("\n").map(Number);
    assert.equal(limit, 512 * 1024);
    assert.ok(most! > 0 && most! <= limit!, stdout);
  }),
);

test(
  "resources [processes beside the container's cgroup keep controllers away: said so] (cgroup v2)",
  limits,
  scoped("busy2", ["cgroup2Controllers"], async (scope) => {
    const above = `/sys/fs/cgroup/${scope.tag}-above`;
    mkdirSync(above);
    const inside = scope.start(["/bin/sh", "-c", `echo $$ > ${above}/cgroup.procs; exec sleep 1000`]);
    await until("a process", () => processesIn(above).length === 1);
    const bundle = scope.bundle("true", (config) => {
      config.linux["resources"] = { memory: { limit: 10_000_000 } };
      config.linux.cgroupsPath = `/${scope.tag}-above/own`;
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /EBUSY[^]*1 process\(es\) are in .*-above itself/);
    assert.deepEqual(cgroupsNamed(`${scope.tag}-above/own`), []);
    process.kill(inside.pid, "SIGKILL");
  }),
);

test(
  "resources [cpu.burst and cpu.idle, which runc 1.1 does not know] (cgroup v1)",
  limits,
  scoped("burst", ["cgroup1"], async (scope) => {
    await withLimits(scope, { cpu: { quota: 50_000, burst: 20_000 } }, (path) => {
      assert.equal(legacyLimits(path).get("cpu/cpu.cfs_burst_us"), "20000");
    });
    await withLimits(scope, { cpu: { idle: 1 } }, (path) => {
      assert.equal(legacyLimits(path).get("cpu/cpu.idle"), "1");
    });
  }),
);

test(
  "resources [pids.limit 0: the process runs and makes no other] (cgroup v1)",
  limits,
  scoped("none", ["cgroup1"], async (scope) => {
    const bundle = scope.bundle("echo here; /bin/true; echo $?", (config) => {
      config.linux["resources"] = { pids: { limit: 0 } };
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(outcome.stdout, /^here\n/);
    assert.match(outcome.stderr, /fork/);
  }),
);

// No JavaScript is ever charged to the container: runc needs some 10 MB for the same.
test(
  "resources [memory.limit of 512 KB and a static program] (cgroup v1)",
  limits,
  scoped("small", ["cgroup1"], async (scope) => {
    const most = "/sys/fs/cgroup/memory/memory.max_usage_in_bytes";
    const bundle = scope.bundle(["/bin/cat", most], (config) => {
      config.linux["resources"] = { memory: { limit: 512 * 1024, swap: 512 * 1024 } };
      config.mounts.at(-1)!.options = ["ro"];
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.ok(Number(outcome.stdout) <= 512 * 1024, outcome.stdout);
    bundle.config.process.args = waits;
    bundle.save();
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    await scope.succeed(["start", id]);
    await scope.succeed(["exec", id, "/bin/true"]);
    await scope.succeed(["delete", "--force", id]);
  }),
);

// The stage's program is not the container's memory: there is room for the environment once, as execve copies it.
test(
  "resources [memory.limit of 1.5 MB and an environment of 0.8 MB] (cgroup v1)",
  limits,
  scoped("largeenv", ["cgroup1"], async (scope) => {
    const bundle = scope.bundle(["/bin/true"], (config) => {
      config.linux["resources"] = { memory: { limit: 1536 * 1024, swap: 1536 * 1024 } };
      for (let i = 0; i < 8; i++) config.process.env.push(`LARGE_${i}=${"x".repeat(100_000)}`);
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 0, outcome.stderr);
  }),
);

test(
  "resources [memory.limit too small for the container itself: said so] (cgroup v1)",
  limits,
  scoped("tiny", ["cgroup1"], async (scope) => {
    const bundle = scope.bundle("true", (config) => {
      config.linux["resources"] = { memory: { limit: 65_536, swap: 65_536 } };
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /killed it for want of memory: .* limit of 65536 bytes/);
    assert.deepEqual(cgroupsNamed(scope.tag), []);
  }),
);

/** [resources, pointer, what the message says] */
const refused: readonly [object, string, RegExp][] = [
  [{ unified: { "memory.high": "1" } }, "/unified/memory.high", /cgroup v2/],
  [{ cpu: { shares: 1 } }, "/cpu/shares", /from 2 to 262144 but received 1/],
  [{ rdma: { none: { hcaHandles: 1 } } }, "/rdma/none", /no "rdma" controller/],
  [{ memory: { limit: 2_000_000, swap: 1_000_000 } }, "/memory/swap", /at least the limit/],
  [{ cpu: { quota: 500 } }, "/cpu/quota", /cfs_quota_us.*EINVAL/],
  [{ cpu: { cpus: "4000" } }, "/cpu/cpus", /cpuset\.cpus[^]*the cgroup above has/],
  [{ blockIO: { leafWeight: 100 } }, "/blockIO/leafWeight", /leaf_weight[^]*CFQ/],
  [{ blockIO: { throttleReadBpsDevice: [{ major: 4095, minor: 1, rate: 1 }] } }, "/throttleReadBpsDevice/0", /4095:1/],
];

test(
  "resources [what cannot be applied is an error that names the field, and nothing is left] (cgroup v1)",
  limits,
  scoped("refused", ["cgroup1"], async (scope) => {
    for (const [resources, pointer, message] of refused) {
      const bundle = scope.bundle("true", (config) => {
        config.linux["resources"] = resources;
      });
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1, pointer);
      assert.ok(outcome.stderr.includes(pointer), outcome.stderr);
      assert.match(outcome.stderr, message);
      assert.deepEqual(cgroupsNamed(scope.tag), []);
    }
  }),
);

test(
  "resources [a controller that version 2 lacks here is named, and nothing is left] (cgroup v2)",
  limits,
  scoped("lacking", ["cgroup2"], async (scope) => {
    const asked: Record<string, object> = {
      memory: { memory: { limit: 10_000_000 } },
      pids: { pids: { limit: 10 } },
      cpu: { cpu: { shares: 512 } },
      io: { unified: { "io.weight": "100" } },
    };
    for (const [controller, resources] of Object.entries(asked)) {
      if (hasUnified(controller)) continue;
      const bundle = scope.bundle("true", (config) => {
        config.linux["resources"] = resources;
      });
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { view: "v2" });
      assert.equal(outcome.status, 1, controller);
      assert.match(outcome.stderr, new RegExp(`/linux/resources/.*no "${controller}" controller`));
      assert.deepEqual(cgroupsNamed(scope.tag), []);
    }
  }),
);

/** Whether a controller of v2 is there, and a skip where not. */
function needsUnified(t: TestContext, controller: string): boolean {
  if (missing("root", "busybox", "cgroup2") !== undefined || !hasUnified(controller)) {
    skip(t, `cgroup v2 has no controller "${controller}" here`);
    return false;
  }
  return true;
}

test("resources [hugepageLimits] (cgroup v2)", limits, async (t) => {
  if (!needsUnified(t, "hugetlb")) return;
  await scoped("huge", [], async (scope) => {
    const bundle = scope.bundle(waits, (config) => {
      config.linux["resources"] = { hugepageLimits: [{ pageSize: "2MB", limit: 4_194_304 }] };
      config.linux.cgroupsPath = `/${scope.tag}-above/own`;
    });
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id], { view: "v2" });
    const place = cgroupsNamed(scope.tag).find((path) => path.endsWith("/own"))!;
    assert.equal(limitsIn(place).get("hugetlb.2MB.rsvd.max"), "4194304");
    assert.equal(limitsIn(place).get("hugetlb.2MB.max"), "4194304");
    await scope.succeed(["delete", "--force", id], { view: "v2" });
  })(t);
});
