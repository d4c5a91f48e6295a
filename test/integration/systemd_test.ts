/**
 * The systemd cgroup driver where systemd runs the machine: units and where their cgroups are, limits in both places,
 * what is left afterwards; as root, and as a user whose own systemd lingers.
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { type Scope, scoped } from "../support/scope.ts";

const global = ["--systemd-cgroup"];
const top = "/sys/fs/cgroup";
const waits = ["/bin/sleep", "1000"];

/** Properties of a unit by name. */
function shown(unit: string, ...names: readonly string[]): Record<string, string> {
  const text = execFileSync("systemctl", ["show", unit, `--property=${names.join(",")}`], { encoding: "utf8" });
  return Object.fromEntries(
    text
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

const isKnown = (unit: string): boolean => shown(unit, "LoadState")["LoadState"] === "loaded";

interface Made {
  readonly id: string;
  readonly unit: string;
  /** Absolute. */
  readonly directory: string;
  readonly pid: number;
}

/** A detached container of systemd's, for the body. */
async function withUnit(
  scope: Scope,
  given: { resources?: object; annotations?: Record<string, string>; slice?: string; devices?: readonly object[] },
  body: (made: Made) => void | Promise<void>,
): Promise<void> {
  const { slice = "machine.slice" } = given;
  const bundle = scope.bundle(waits, (config) => {
    config.linux.cgroupsPath = `${slice}:bt:${scope.tag}`;
    config.linux["resources"] = given.resources ?? {};
    config.annotations = given.annotations ?? {};
    if (given.devices !== undefined) config.linux["devices"] = given.devices;
  });
  const id = scope.id();
  await scope.succeed(["run", "--detach", "--bundle", bundle.path, id], { global });
  const state = await scope.succeed(["state", id]);
  const { pid } = JSON.parse(state.stdout) as { pid: number };
  const unit = `bt-${scope.tag}.scope`;
  const path = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().replace("0::", "");
  await body({ id, unit, directory: `${top}${path}`, pid });
  await scope.succeed(["delete", "--force", id]);
  assert.ok(!existsSync(`${top}${path}`));
  assert.ok(!isKnown(unit), `${unit} is left`);
}

const read = (made: Made, file: string): string => readFileSync(`${made.directory}/${file}`, "utf8").trim();

test(
  "--systemd-cgroup [the scope, its slice, its process]",
  limits,
  scoped("scope", ["systemd", "unified"], async (scope) => {
    await withUnit(scope, { slice: "machine-bunker_test.slice" }, (made) => {
      assert.equal(made.directory, `${top}/machine.slice/machine-bunker_test.slice/${made.unit}`);
      assert.deepEqual(shown(made.unit, "Slice", "Delegate", "DefaultDependencies", "ActiveState", "ControlGroup"), {
        Slice: "machine-bunker_test.slice",
        Delegate: "yes",
        DefaultDependencies: "no",
        ActiveState: "active",
        ControlGroup: made.directory.slice(top.length),
      });
      assert.equal(read(made, "cgroup.procs"), String(made.pid));
    });
  }),
);

/** [resources, properties, files] */
const cases: Record<string, readonly [object, Record<string, string>, Record<string, string>]> = {
  memory: [
    { memory: { limit: 104_857_600, swap: 209_715_200, reservation: 1_048_576 } },
    { MemoryMax: "104857600", MemorySwapMax: "104857600", MemoryLow: "1048576" },
    { "memory.max": "104857600", "memory.swap.max": "104857600", "memory.low": "1048576" },
  ],
  "memory [no limit]": [{ memory: { limit: -1 } }, { MemoryMax: "infinity" }, { "memory.max": "max" }],
  cpu: [
    { cpu: { shares: 512, quota: 25_000, period: 70_000, cpus: "0", mems: "0" } },
    { CPUWeight: "59", CPUQuotaPerSecUSec: "360ms", CPUQuotaPeriodUSec: "70ms", AllowedCPUs: "0" },
    { "cpu.weight": "59", "cpu.max": "25000 70000", "cpuset.cpus": "0", "cpuset.mems": "0" },
  ],
  "cpu.idle": [{ cpu: { idle: 1 } }, { CPUWeight: "idle" }, { "cpu.idle": "1" }],
  "cpu.burst": [
    { cpu: { quota: 50_000, burst: 20_000 } },
    { CPUQuotaPerSecUSec: "500ms" },
    { "cpu.max.burst": "20000" },
  ],
  pids: [{ pids: { limit: 20 } }, { TasksMax: "20" }, { "pids.max": "20" }],
  "pids [0]": [{ pids: { limit: 0 } }, { TasksMax: "1" }, { "pids.max": "0" }],
  "pids [no limit]": [{ pids: { limit: -1 } }, { TasksMax: "infinity" }, { "pids.max": "max" }],
  blockIO: [{ blockIO: { weight: 500 } }, { IOWeight: "4950" }, { "io.weight": "default 4950" }],
  unified: [
    { unified: { "memory.high": "83886080", "cgroup.max.depth": "3" } },
    { MemoryHigh: "83886080" },
    { "memory.high": "83886080", "cgroup.max.depth": "3" },
  ],
};

for (const [name, [resources, properties, files]] of Object.entries(cases)) {
  test(
    `--systemd-cgroup [${name}: the unit's properties and the files]`,
    limits,
    scoped("properties", ["systemd", "unified"], async (scope) => {
      await withUnit(scope, { resources }, (made) => {
        assert.deepEqual(shown(made.unit, ...Object.keys(properties)), properties);
        for (const [file, text] of Object.entries(files)) assert.equal(read(made, file), text, file);
      });
    }),
  );
}

test(
  "--systemd-cgroup [limits and device rules outlive a daemon-reload]",
  limits,
  scoped("reload", ["systemd", "unified"], async (scope) => {
    const devices = [{ allow: false, access: "rwm" }];
    const resources = { memory: { limit: 104_857_600 }, pids: { limit: 20 }, devices };
    const kmsg = { path: "/dev/kmsg", type: "c", major: 1, minor: 11 };
    await withUnit(scope, { resources, devices: [kmsg] }, async (made) => {
      execFileSync("systemctl", ["daemon-reload"]);
      assert.equal(read(made, "memory.max"), "104857600");
      assert.equal(read(made, "pids.max"), "20");
      await scope.succeed(["exec", made.id, "/bin/sh", "-c", "test -c /dev/kmsg && ! (: </dev/kmsg) && : </dev/null"]);
    });
  }),
);

test(
  "--systemd-cgroup [annotations org.systemd.property.*]",
  limits,
  scoped("annotations", ["systemd", "unified"], async (scope) => {
    const annotations = {
      "org.systemd.property.TimeoutStopUSec": "uint64 10000000",
      "org.systemd.property.KillSignal": "15",
      "org.systemd.property.RuntimeMaxSec": "100.5",
      "org.systemd.property.CollectMode": "'inactive-or-failed'",
      "org.systemd.property.After": "['basic.target']",
    };
    await withUnit(scope, { annotations }, (made) => {
      const found = shown(made.unit, "TimeoutStopUSec", "KillSignal", "RuntimeMaxUSec", "CollectMode", "After");
      assert.match(found["After"]!, /\bbasic\.target\b/);
      assert.deepEqual(
        { ...found, After: "" },
        {
          TimeoutStopUSec: "10s",
          KillSignal: "15",
          RuntimeMaxUSec: "1min 40.500000s",
          CollectMode: "inactive-or-failed",
          After: "",
        },
      );
    });
  }),
);

// CVE-2024-3154
test(
  "--systemd-cgroup [annotations that would run programs are refused]",
  limits,
  scoped("hostile", ["systemd", "unified"], async (scope) => {
    const marker = `${scope.directory}/ran`;
    for (const name of ["ExecStartPre", "ExecStop", "ExecStopPost", "OnFailure"]) {
      for (const value of [`[('/bin/touch', ['touch', '${marker}'], false)]`, `'/bin/touch ${marker}'`]) {
        const bundle = scope.bundle(["/bin/true"], (config) => {
          config.linux.cgroupsPath = `machine.slice:bt:${scope.tag}`;
          config.annotations = { [`org.systemd.property.${name}`]: value };
        });
        const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { global });
        assert.equal(outcome.status, 1, `${name}: ${outcome.stdout}`);
        assert.match(outcome.stderr, new RegExp(`annotations/org\\.systemd\\.property\\.${name}`));
      }
    }
    assert.equal(existsSync(marker), false);
  }),
);

test(
  "--systemd-cgroup [exec, update, pause: in the unit's cgroup, and systemd knows of the update]",
  limits,
  scoped("later", ["systemd", "unified"], async (scope) => {
    await withUnit(scope, { resources: { pids: { limit: 20 } } }, async (made) => {
      const { stdout } = await scope.succeed(["exec", made.id, "/bin/cat", "/proc/self/cgroup"]);
      assert.match(stdout, /^0::/);
      await scope.succeed(["update", "--pids-limit", "30", "--memory", "104857600", made.id]);
      assert.equal(read(made, "pids.max"), "30");
      assert.deepEqual(shown(made.unit, "TasksMax", "MemoryMax"), { TasksMax: "30", MemoryMax: "104857600" });
      await scope.succeed(["pause", made.id]);
      assert.match(read(made, "cgroup.events"), /frozen 1/);
      await scope.succeed(["resume", made.id]);
    });
  }),
);

test(
  "--systemd-cgroup [512 KB are enough: nothing of the runtime is charged]",
  limits,
  scoped("small", ["systemd", "unified"], async (scope) => {
    const bundle = scope.bundle(["/bin/echo", "fits"], (config) => {
      config.linux.cgroupsPath = `machine.slice:bt:${scope.tag}`;
      config.linux["resources"] = { memory: { limit: 512 * 1024, swap: 512 * 1024 } };
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { global });
    assert.equal(outcome.stdout, "fits\n", outcome.stderr);
    assert.ok(!isKnown(`bt-${scope.tag}.scope`));
  }),
);

test(
  "--systemd-cgroup [a create that fails leaves no unit; the name is free again]",
  limits,
  scoped("fails", ["systemd", "unified"], async (scope) => {
    const bundle = scope.bundle(["/missing"], (config) => {
      config.linux.cgroupsPath = `machine.slice:bt:${scope.tag}`;
    });
    const failed = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { global });
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, /no such file or directory/);
    assert.ok(!isKnown(`bt-${scope.tag}.scope`));
    await withUnit(scope, {}, () => {});
  }),
);

test(
  "--systemd-cgroup [a unit of that name that is somebody else's: refused, and left alone]",
  limits,
  scoped("taken", ["systemd", "unified"], async (scope) => {
    const other = `bt-${scope.tag}.scope`;
    scope.start(["systemd-run", "--scope", "--quiet", `--unit=${other}`, "sleep", "1000"]);
    for (let tries = 0; tries < 100 && !isKnown(other); tries++)
      await new Promise((done) => void setTimeout(done, 100));
    const bundle = scope.bundle(waits, (config) => {
      config.linux.cgroupsPath = `machine.slice:bt:${scope.tag}`;
    });
    const outcome = await scope.invoke(["run", "--detach", "--bundle", bundle.path, scope.id()], { global });
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, new RegExp(`unit "${other}"|not empty`));
    assert.equal(shown(other, "ActiveState")["ActiveState"], "active");
  }),
);
