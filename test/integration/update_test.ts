/**
 * `update` on this machine's controllers, beside runc with the same options.
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { stopped } from "../support/containers.ts";
import { legacyLimits, unifiedLimits } from "../support/limits.ts";
import { limits } from "../support/machine.ts";
import { bunker, isRuncBefore, peer, type Runtime } from "../support/runtime.ts";
import { type Scope, scoped } from "../support/scope.ts";

const start = {
  memory: { limit: 104_857_600, swap: 209_715_200 },
  cpu: { shares: 512, quota: 50_000, period: 100_000 },
  pids: { limit: 20 },
};

interface Container {
  readonly id: string;
  readonly name: string;
}

/** A container that runs with limits. */
async function running(scope: Scope, runtime: Runtime = bunker()): Promise<Container> {
  const name = `${scope.tag}-${runtime.name}`;
  const bundle = scope.bundle(["/bin/sleep", "1000"], (config) => {
    config.linux["resources"] = start;
    config.linux.cgroupsPath = `/${name}`;
  });
  const id = scope.id();
  await scope.succeed(["run", "--detach", "--bundle", bundle.path, id], { runtime });
  return { id, name };
}

/** Options that Debian 12's runc knows, too. */
const steps: readonly (readonly string[])[] = [
  ["--memory", "52428800"],
  ["--memory", "314572800", "--memory-swap", "419430400"],
  ["--memory", "20971520", "--memory-swap", "20971520"],
  ["--memory", "-1"],
  ["--memory", "1.5g", "--memory-swap", "-1"],
  ["--memory-reservation", "0.25 GiB"],
  ["--memory", "100m", "--memory-swap", "-1", "--memory-reservation", "50m"],
  ["--cpu-period", "50000"],
  ["--cpu-quota", "20000"],
  ["--cpu-period", "200000", "--cpu-quota", "100000"],
  ["--cpu-quota", "-1"],
  ["--cpu-share", "2048", "--pids-limit", "7"],
  ["--cpuset-cpus", "0", "--cpuset-mems", "0"],
  ["--blkio-weight", "300"],
  [],
];

for (const [version, need, limitsOf] of [
  ["v1", "cgroup1", legacyLimits],
  ["v2", "cgroup2Controllers", unifiedLimits],
] as const) {
  test(
    `update [by options: step by step the files as runc writes them] (cgroup ${version})`,
    limits,
    scoped("update", [need, "runc"], async (scope) => {
      const runtimes = [bunker(), peer("runc")!];
      const containers = [await running(scope, runtimes[0]), await running(scope, runtimes[1])];
      for (const options of steps) {
        for (const [index, runtime] of runtimes.entries()) {
          await scope.succeed(["update", ...options, containers[index]!.id], { runtime });
        }
        const [ours, theirs] = containers.map(({ name }) => limitsOf(name));
        // One field alone on version 2: runc forgets the quota beside a new period, and keeps the sum of memory and swap.
        if (version === "v2" && options.length === 2) {
          for (const file of ["cpu.max", "memory.swap.max"]) for (const files of [ours!, theirs!]) files.delete(file);
        }
        if (version === "v2" && isRuncBefore(4)) {
          // The linear weight of the shares set last.
          assert.equal(ours!.get("cpu.weight"), theirs!.get("cpu.weight") === "20" ? "59" : "174");
          for (const file of ["cpu.weight", "cpu.weight.nice"])
            for (const files of [ours!, theirs!]) files.delete(file);
        }
        assert.deepEqual(ours, theirs, options.join(" "));
      }
    }),
  );
}

test(
  "update [what is not set stays, also where one file holds two fields] (cgroup v2)",
  limits,
  scoped("kept", ["cgroup2Controllers"], async (scope) => {
    const { id, name } = await running(scope);
    const step = async (option: string, value: string): Promise<Map<string, string>> => {
      await scope.succeed(["update", option, value, id]);
      return unifiedLimits(name);
    };
    assert.equal((await step("--cpu-period", "50000")).get("cpu.max"), "50000 50000");
    assert.equal((await step("--cpu-quota", "20000")).get("cpu.max"), "20000 50000");
    assert.equal((await step("--memory", "50m")).get("memory.swap.max"), "104857600");
    assert.equal((await step("--memory-swap", "80m")).get("memory.swap.max"), String(30 * 1024 * 1024));
    const stdin = JSON.stringify({ memory: { limit: 4096, checkBeforeUpdate: true } });
    const outcome = await scope.invoke(["update", "--resources", "-", id], { stdin });
    assert.match(outcome.stderr, /memory\/limit: Expected more than is in use, [0-9]+ bytes/);
  }),
);

test(
  "update --resources [a file, standard input; what is not in it stays, device rules too] (cgroup v1)",
  limits,
  scoped("resources", ["cgroup1"], async (scope) => {
    const { id, name } = await running(scope);
    const devices = (): string => readFileSync(`/sys/fs/cgroup/devices/${name}/devices.list`, "utf8");
    const rules = devices();
    const file = `${scope.directory}/resources.json`;
    writeFileSync(file, JSON.stringify({ pids: { limit: 9 }, devices: [] }));
    await scope.succeed(["update", "--resources", file, id]);
    const stdin = JSON.stringify({ cpu: { shares: 100, burst: 1000 }, memory: null, blockIO: { weight: 0 } });
    await scope.succeed(["update", "-r", "-", id], { stdin });
    const now = legacyLimits(name);
    assert.equal(now.get("pids/pids.max"), "9");
    assert.equal(now.get("cpu/cpu.shares"), "100");
    assert.equal(now.get("cpu/cpu.cfs_burst_us"), "1000");
    assert.equal(now.get("cpu/cpu.cfs_quota_us"), "50000");
    assert.equal(now.get("memory/memory.limit_in_bytes"), "104857600");
    assert.equal(devices(), rules);
    // Every digit of it counts: one more is out of range. The kernel's own figure for no limit is whole pages.
    await scope.succeed(["update", "--memory-reservation", "9223372036854775807", id]);
    assert.equal(legacyLimits(name).get("memory/memory.soft_limit_in_bytes"), "9223372036854771712");
    const beyond = await scope.invoke(["update", "--memory-reservation", "9223372036854775808", id]);
    assert.match(beyond.stderr, /9223372036854775807 but received 9223372036854775808$/m);
  }),
);

test(
  "update [what cannot be applied is an error that names it, and the files are as before] (cgroup v1)",
  limits,
  scoped("wrong", ["cgroup1"], async (scope) => {
    const { id, name } = await running(scope);
    const before = legacyLimits(name);
    const wrong: readonly (readonly [object | string, RegExp])[] = [
      [{ memory: { limit: 4096 } }, /memory\.limit_in_bytes.*EBUSY[^]*more than that is in use/],
      [{ memory: { limit: 300_000_000 } }, /memory\.limit_in_bytes.*EINVAL[^]*which is 209715200/],
      [{ memory: { swap: 1000 } }, /\/linux\/resources\/memory\/swap: Expected at least the limit in force, 104857600/],
      // The first file is written before the second fails.
      [{ cpu: { shares: 300 }, pids: { limit: 5 }, blockIO: { leafWeight: 10 } }, /leaf_weight/],
      [{ unified: { "memory.max": "1" } }, /cgroup v2/],
      [{ rdma: { a: { hcaHandles: 1 } } }, /no "rdma" controller/],
      [{ cpu: { shares: "many" } }, /standard input \/linux\/resources\/cpu\/shares: Expected an integer/],
      ["{", /standard input/],
    ];
    for (const [resources, message] of wrong) {
      const stdin = typeof resources === "string" ? resources : JSON.stringify(resources);
      const outcome = await scope.invoke(["update", "--resources", "-", id], { stdin });
      assert.equal(outcome.status, 1, stdin);
      assert.match(outcome.stderr, message);
      assert.deepEqual(legacyLimits(name), before, stdin);
    }
    for (const words of [
      ["--memory", "much"],
      ["--cpu-share", "1.5"],
      ["--l3-cache-schema", "L3:0=f"],
      ["--resources", "/no/such/file"],
    ]) {
      assert.equal((await scope.invoke(["update", ...words, id])).status, 1, words.join(" "));
    }
    assert.deepEqual(legacyLimits(name), before);
  }),
);

test(
  "update --debug [prints its plan]",
  limits,
  scoped("debug", ["cgroup1"], async (scope) => {
    const { id } = await running(scope);
    const { stderr } = await scope.succeed(["update", "--pids-limit", "30", id], { global: ["--debug"] });
    assert.match(
      stderr,
      /openat\(AT_FDCWD, "[^"]*\/pids\.max"[^]*write\(r0, "30"\) .*# \/linux\/resources\/pids\/limit/,
    );
  }),
);

test(
  "update [a stopped container, an unknown one, one without a cgroup]",
  limits,
  scoped("states", ["cgroup1"], async (scope) => {
    const { id } = await running(scope);
    await scope.succeed(["pause", id]);
    await scope.succeed(["update", "--pids-limit", "40", id]);
    await scope.succeed(["kill", id, "KILL"]);
    await stopped(scope, id);
    const outcome = await scope.invoke(["update", "--pids-limit", "50", id]);
    assert.match(outcome.stderr, /container not running|no cgroup/);
    assert.match((await scope.invoke(["update", "--pids-limit", "50", "none"])).stderr, /container does not exist/);
    const bundle = scope.bundle(["/bin/sleep", "1000"], (config) => {
      config.mounts = config.mounts.filter(({ type }) => type !== "cgroup");
    });
    const alone = scope.id();
    const global = ["--cgroup-manager", "disabled"];
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, alone], { global });
    const refused = await scope.invoke(["update", "--pids-limit", "50", alone], { global });
    assert.match(refused.stderr, /no cgroup of its own/);
  }),
);
