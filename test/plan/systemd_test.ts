/** The systemd cgroup driver's plan: names of units, their place, their properties. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGVariant } from "../../src/plan/gvariant.ts";
import type { Host, SystemdManager } from "../../src/plan/host.ts";
import { deviceChangeProperties, propertyType } from "../../src/plan/systemd_properties.ts";
import { slicePath } from "../../src/plan/systemd_unit.ts";
import { type Change, callsOf, hostWith, indexOf, planOf, v1Host } from "./planning.ts";

const system: SystemdManager = { isUser: false, socket: "/run/bus", version: 257, controlGroup: "" };
const user: SystemdManager = {
  ...system,
  isUser: true,
  controlGroup: "/user.slice/user-1000.slice/user@1000.service",
};
const systemHost = hostWith({ systemd: system });

const planAt = (cgroupsPath: string | undefined, host: Host = systemHost, change: Change = {}) =>
  planOf(
    {
      ...change,
      linux: {
        namespaces: [{ type: "mount" }],
        ...(cgroupsPath === undefined ? {} : { cgroupsPath }),
        ...change.linux,
      },
    },
    host,
    { cgroupManager: "systemd" },
  );

/** [cgroupsPath, host, directory] */
const places: readonly (readonly [string | undefined, Host, string])[] = [
  ["machine.slice:libpod:x", systemHost, "machine.slice/libpod-x.scope"],
  ["a-b.slice:libpod:x", systemHost, "a.slice/a-b.slice/libpod-x.scope"],
  ["a-b-c.slice:p:x", systemHost, "a.slice/a-b.slice/a-b-c.slice/p-x.scope"],
  ["-.slice:p:x", systemHost, "p-x.scope"],
  [":p:x", systemHost, "system.slice/p-x.scope"],
  ["::x", systemHost, "system.slice/x.scope"],
  [undefined, systemHost, "system.slice/bunker-web.scope"],
  ["", systemHost, "system.slice/bunker-web.scope"],
  ["::pods-a.slice", systemHost, "pods.slice/pods-a.slice"],
  [":p:x", hostWith({ systemd: user }), "user.slice/user-1000.slice/user@1000.service/user.slice/p-x.scope"],
];

for (const [path, host, directory] of places) {
  test(`planCreate() has systemd make "${path}" as ${directory}`, () => {
    const plan = planAt(path, host);
    assert.deepEqual(plan.refusals, []);
    assert.deepEqual(plan.cgroups, [`/sys/fs/cgroup/${directory}`]);
    assert.equal(plan.unit?.name, directory.slice(directory.lastIndexOf("/") + 1));
  });
}

for (const path of ["web", "/web", "a:b", "a:b:c:d", "a.slice:b:", "x:b:c", "a--b.slice:p:x", "a.slice:p:x/y"]) {
  test(`planCreate() refuses "${path}" for the systemd driver`, () => {
    const [refusal] = planAt(path).refusals;
    assert.equal(refusal?.pointer, "/linux/cgroupsPath");
  });
}

test("slicePath() knows names of slices", () => {
  assert.equal(slicePath("-.slice"), "");
  assert.equal(slicePath("a.slice"), "a.slice");
  for (const name of ["a", "-a.slice", "a-.slice", ".slice", "a/b.slice"]) assert.equal(slicePath(name), undefined);
});

test("the scope is made after clone3 and before the stage's first line, by the pid of its process", () => {
  const plan = planAt(":p:x");
  const calls = callsOf(plan);
  const unit = calls.findIndex(({ call }) => call === "start_unit");
  const clone = calls.findIndex(({ call }) => call === "clone3");
  assert.ok(clone < unit && unit < calls.findIndex(({ side }) => side === "stage"));
  assert.deepEqual((calls[unit]!.args[1] as Record<string, unknown>)["PIDs"], [calls[clone]!.out]);
  assert.equal(indexOf(plan, "CLONE_INTO_CGROUP"), -1);
});

test("a slice is made before clone3, which makes the stage in it", () => {
  const plan = planAt("::pods-a.slice");
  const calls = callsOf(plan);
  const unit = calls.findIndex(({ call }) => call === "start_unit");
  assert.ok(unit < calls.findIndex(({ call }) => call === "clone3"));
  assert.ok(indexOf(plan, "CLONE_INTO_CGROUP") > 0);
  assert.equal((calls[unit]!.args[1] as Record<string, unknown>)["PIDs"], undefined);
});

/** The properties that limits add. */
function propertiesFor(resources: object, host: Host = systemHost, annotations: object = {}): Record<string, unknown> {
  const plan = planAt(":p:x", host, { linux: { resources }, annotations });
  const { PIDs: _, ...properties } = callsOf(plan).find(({ call }) => call === "start_unit")!.args[1] as Record<
    string,
    unknown
  >;
  for (const name of Object.keys(properties)) {
    if (/^(Description|Slice|Delegate|DefaultDependencies|\w+Accounting)$/.test(name)) delete properties[name];
  }
  return properties;
}

const infinity = "18446744073709551615";

/** [resources, properties] */
const limits: readonly (readonly [object, object])[] = [
  [
    { memory: { limit: 4096, swap: 8192, reservation: 1024 } },
    { MemoryMax: "4096", MemorySwapMax: "4096", MemoryLow: "1024" },
  ],
  [{ memory: { limit: -1 } }, { MemoryMax: infinity, MemorySwapMax: infinity }],
  [{ cpu: { shares: 1024 } }, { CPUWeight: "100" }],
  [{ cpu: { idle: 1 } }, { CPUWeight: "0" }],
  [{ cpu: { quota: 25_000 } }, { CPUQuotaPerSecUSec: "250000" }],
  [{ cpu: { quota: 25_000, period: 70_000 } }, { CPUQuotaPerSecUSec: "360000", CPUQuotaPeriodUSec: "70000" }],
  [{ cpu: { quota: -1, period: 70_000 } }, { CPUQuotaPerSecUSec: infinity, CPUQuotaPeriodUSec: "70000" }],
  [{ cpu: { cpus: "0-1,9", mems: "1" } }, { AllowedCPUs: "[0x03, 0x02]", AllowedMemoryNodes: "[0x02]" }],
  [{ pids: { limit: 0 } }, { TasksMax: "1" }],
  [{ pids: { limit: -1 } }, { TasksMax: infinity }],
  [{ blockIO: { weight: 500 } }, { IOWeight: "4950" }],
  [{ unified: { "memory.high": "max", "memory.min": "4096" } }, { MemoryHigh: infinity, MemoryMin: "4096" }],
  [{ unified: { "io.weight": "default 300" } }, { IOWeight: "300" }],
  [{ unified: { "io.weight": "8:0 300" } }, {}],
];

for (const [resources, properties] of limits) {
  test(`systemd is told ${JSON.stringify(resources)}, and the files say the same`, () => {
    const controllers = ["cpu", "cpuset", "io", "memory", "pids"];
    const host = { ...systemHost, cgroup: { ...systemHost.cgroup, v2: { ...systemHost.cgroup.v2!, controllers } } };
    assert.deepEqual(propertiesFor(resources, host), properties);
    const plan = planAt(":p:x", host, { linux: { resources } });
    const calls = callsOf(plan);
    const written = calls.filter(({ call, from }) => call === "write" && from.startsWith("/linux/resources/"));
    assert.ok(written.length > 0);
    assert.ok(calls.indexOf(written[0]!) > calls.findIndex(({ call }) => call === "start_unit"));
  });
}

test("what an older systemd does not know is left to the files", () => {
  const old = { ...systemHost, systemd: { ...system, version: 239 } };
  assert.deepEqual(propertiesFor({ cpu: { cpus: "0", quota: 10_000, period: 20_000, idle: 1 } }, old), {
    CPUQuotaPerSecUSec: "500000",
  });
});

test("device rules are told to systemd on cgroup v1 alone", () => {
  const resources = { devices: [{ allow: false }, { allow: true, type: "c", major: 10, minor: 200, access: "rw" }] };
  assert.deepEqual(propertiesFor(resources), {});
  const found = propertiesFor(resources, { ...v1Host, systemd: system });
  assert.deepEqual(Object.keys(found), ["DeviceAllow", "DevicePolicy"]);
  assert.match(found["DeviceAllow"] as string, /^\[\('\/dev\/char\/10:200', 'rw'\), \('char-\*', 'm'\)/);
  assert.equal(found["DevicePolicy"], "'strict'");
});

test("device rules of a unit that exists take the place of its list", () => {
  assert.deepEqual(deviceChangeProperties([]), []);
  const [emptied, list] = deviceChangeProperties([{ allow: false }, { allow: true, type: "b", major: 8, access: "r" }]);
  assert.deepEqual(emptied, { DeviceAllow: "[]" });
  assert.deepEqual(parseGVariant("[]", propertyType("DeviceAllow")!), []);
  assert.match(list!["DeviceAllow"]!, /^\[\('block-8', 'r'\), /);
  const open = { DeviceAllow: "[]", DevicePolicy: "'auto'" };
  assert.deepEqual(deviceChangeProperties([{ allow: true }]), [emptied, open]);
});

test("annotations set properties of the list, seconds too", () => {
  const annotations = {
    "org.systemd.property.TimeoutStopSec": "2.5",
    "org.systemd.property.CollectMode": "'inactive-or-failed'",
    "org.systemd.property.Description": "'mine'",
    "other.annotation": "x",
  };
  const plan = planAt(":p:x", systemHost, { annotations });
  const properties = callsOf(plan).find(({ call }) => call === "start_unit")!.args[1] as Record<string, string>;
  assert.equal(properties["TimeoutStopUSec"], "2500000");
  assert.equal(properties["CollectMode"], "'inactive-or-failed'");
  assert.equal(properties["Description"], "'mine'");
});

test("annotations that cannot be applied are refused", () => {
  const refused = (key: string, value: string, resources: object = {}) =>
    planAt(":p:x", systemHost, { annotations: { [key]: value }, linux: { resources } }).refusals.map(
      ({ pointer }) => pointer,
    );
  for (const name of ["Slice", "PIDs", "Delegate", "BPFProgram", "Requires", "__proto__", "toString", "Sec", ""]) {
    const key = `org.systemd.property.${name}`;
    assert.deepEqual(refused(key, "'x'"), [`/annotations/${key}`]);
  }
  assert.equal(refused("org.systemd.property.TimeoutStopUSec", "'soon'").length, 1);
  assert.equal(refused("org.systemd.property.TimeoutStopSec", "1e999").length, 1);
  assert.equal(refused("org.systemd.property.TasksMax", "5", { pids: { limit: 5 } }).length, 1);
});

// CVE-2024-3154: what runs on the host, by its own name or behind the value of another.
test("annotations that would run programs or smuggle a second property are refused", () => {
  const annotated = (name: string, value: string) =>
    planAt(":p:x", systemHost, { annotations: { [`org.systemd.property.${name}`]: value } });
  for (const name of ["ExecStartPre", "ExecStart", "ExecStop", "ExecStopPost", "OnFailure", "Environment", "User"]) {
    for (const value of ["'x'", "['x']", "[('/bin/x', ['x'], false)]"]) {
      const { refusals, items } = annotated(name, value);
      assert.equal(refusals.length, 1, `${name} ${value}`);
      assert.doesNotMatch(JSON.stringify(items), new RegExp(name), "it is not in the plan either");
    }
  }
  for (const value of ["'x'), ('ExecStopPost', 'y'", "'x', 'ExecStopPost'", "'x'\n'y'", "'x\0ExecStopPost'", "'x"]) {
    assert.equal(annotated("Description", value).refusals.length, 1, value);
  }
});

test("without systemd, or without the controller, the reason is told", () => {
  const unreachable = hostWith({ systemd: { unreachable: "nobody is there" } });
  assert.match(planAt(":p:x", unreachable).refusals[0]!.message, /nobody is there/);
  const host = hostWith({ systemd: user, euid: 1000 });
  const [refusal] = planAt(":p:x", host, { linux: { resources: { cpu: { cpus: "0" } } } }).refusals;
  assert.match(refusal!.message, /"cpuset" is not delegated/);
  assert.match(refusal!.detail!.join("\n"), /user@1000\.service\/cgroup\.controllers has: pids/);
});
