import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "../../src/spec/mod.ts";
import { configWith, type Json, type JsonObject, smallConfig } from "./configs.ts";
import { assertRefused, refusalOf } from "./refusals.ts";

/** Asserts how a property of `linux` is refused. */
function assertRefusedIn(linux: JsonObject, pointer: string, message: string): void {
  assertRefused(configWith({ linux }), `/linux${pointer}`, message);
}

/** The Linux section parseSpec() makes of a configuration. */
function linuxOf(linux: JsonObject): JsonObject {
  return parseSpec(JSON.stringify(configWith({ linux }))).linux as JsonObject;
}

test("parseSpec() refuses namespaces that are unknown, repeated or relative", () => {
  const types = '"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"';
  const refused: readonly [Json, string, string][] = [
    [[{ type: "net" }], "/0/type", `Expected one of ${types} but received "net"`],
    [[{}], "/0/type", "Required but missing"],
    [[{ type: "pid" }, { type: "pid" }], "/1/type", 'Expected each namespace once but received "pid" again'],
    [
      [{ type: "pid" }, { type: "ipc" }, { type: "pid", path: "/proc/1/ns/pid" }],
      "/2/type",
      'Expected each namespace once but received "pid" again',
    ],
    [[{ type: "pid", path: "proc" }], "/0/path", 'Expected an absolute path but received "proc"'],
    [["pid"], "/0", 'Expected an object but received "pid"'],
  ];
  for (const [namespaces, pointer, message] of refused) {
    assertRefusedIn({ namespaces }, `/namespaces${pointer}`, message);
  }
});

test("parseSpec() refuses devices that cannot be made", () => {
  const device = { type: "c", path: "/dev/x", major: 1, minor: 3 };
  const { major: _, ...withoutMajor } = device;
  const refused: readonly [JsonObject, string, string][] = [
    [{ ...device, type: "x" }, "/type", 'Expected one of "c", "b", "u", "p" but received "x"'],
    [{ ...device, path: "dev/x" }, "/path", 'Expected an absolute path but received "dev/x"'],
    [{ ...device, major: 4096 }, "/major", "Expected an integer from 0 to 4095 but received 4096"],
    [{ ...device, minor: 1048576 }, "/minor", "Expected an integer from 0 to 1048575 but received 1048576"],
    [{ ...device, fileMode: 65536 }, "/fileMode", "Expected an integer from 0 to 65535 but received 65536"],
    [{ ...device, uid: -1 }, "/uid", "Expected an integer from 0 to 4294967295 but received -1"],
    [withoutMajor, "/major", 'Required for type "c" but missing'],
  ];
  for (const [wrong, pointer, message] of refused) {
    assertRefusedIn({ devices: [wrong] }, `/devices/0${pointer}`, message);
  }
  const fifo = { type: "p", path: "/run/fifo" };
  assert.deepEqual(linuxOf({ devices: [fifo, { ...device, fileMode: 8630 }] })["devices"], [
    fifo,
    { ...device, fileMode: 8630 },
  ]);
});

test("parseSpec() refuses mappings without a user namespace", () => {
  const mapping = [{ containerID: 0, hostID: 1000, size: 1 }];
  const needed = 'Expected "user" in /linux/namespaces, which this needs';
  assertRefusedIn({ uidMappings: mapping }, "/uidMappings", needed);
  assertRefusedIn({ gidMappings: mapping }, "/gidMappings", needed);
  const namespaces = [{ type: "user" }, { type: "mount" }];
  assert.deepEqual(linuxOf({ namespaces })["namespaces"], namespaces);
  const joined = [{ type: "user", path: "/proc/1/ns/user" }];
  assert.deepEqual(linuxOf({ namespaces: joined })["namespaces"], joined);
  assertRefusedIn(
    { namespaces, uidMappings: [{ containerID: 0, hostID: 0, size: 0 }], gidMappings: mapping },
    "/uidMappings/0/size",
    "Expected an integer from 1 to 4294967295 but received 0",
  );
});

test("parseSpec() refuses time offsets without a new time namespace", () => {
  const timeOffsets = { monotonic: { secs: 1 } };
  const namespaces = [{ type: "mount" }];
  const needed = 'Expected "time" in /linux/namespaces, which this needs';
  assertRefusedIn({ timeOffsets, namespaces }, "/timeOffsets", needed);
  assertRefusedIn(
    { timeOffsets, namespaces: [{ type: "time", path: "/proc/1/ns/time" }] },
    "/timeOffsets",
    'Expected a new time namespace but "/proc/1/ns/time" is to be joined',
  );
  assertRefusedIn(
    { timeOffsets: { boottime: { nanosecs: 1e9 } } },
    "/timeOffsets/boottime/nanosecs",
    "Expected an integer from 0 to 999999999 but received 1000000000",
  );
});

test("parseSpec() refuses network devices without a network namespace", () => {
  assertRefusedIn(
    { netDevices: { eth1: {} }, namespaces: [{ type: "mount" }] },
    "/netDevices",
    'Expected "network" in /linux/namespaces, which this needs',
  );
});

test("parseSpec() refuses names without a uts namespace, or too long", () => {
  const needed = 'Expected "uts" in /linux/namespaces, which this needs';
  assertRefused({ ...smallConfig(), hostname: "a" }, "/hostname", needed);
  assertRefused({ ...smallConfig(), domainname: "a" }, "/domainname", needed);
  assertRefused(configWith({ hostname: "é".repeat(33) }), "/hostname", "Expected at most 64 bytes but received 66");
  assert.equal(parseSpec(JSON.stringify(configWith({ hostname: "a".repeat(64) }))).hostname?.length, 64);
  const joined = configWith({ hostname: "a", linux: { namespaces: [{ type: "uts", path: "/proc/1/ns/uts" }] } });
  assert.equal(parseSpec(JSON.stringify(joined)).hostname, "a");
});

test("parseSpec() refuses mounting without a mount namespace", () => {
  const needed = 'Expected "mount" in /linux/namespaces, which this needs';
  const none = { linux: { namespaces: [] } };
  assertRefused(configWith({ ...none, root: { path: "x", readonly: true } }), "/root/readonly", needed);
  assertRefused(configWith({ ...none, mounts: [{ destination: "/proc", type: "proc" }] }), "/mounts", needed);
  assertRefused({ ...smallConfig(), mounts: [{ destination: "/a" }] }, "/mounts", needed);
  for (const [key, value] of [
    ["maskedPaths", ["/proc/kcore"]],
    ["readonlyPaths", ["/proc/sys"]],
    ["rootfsPropagation", "shared"],
  ] as const) {
    assertRefusedIn({ namespaces: [], [key]: value as Json }, `/${key}`, needed);
  }
  assert.deepEqual(linuxOf({ namespaces: [], maskedPaths: [], readonlyPaths: [] })["maskedPaths"], []);
});

test("parseSpec() refuses masked and read-only paths that are relative", () => {
  const message = 'Expected an absolute path but received "proc"';
  assertRefusedIn({ maskedPaths: ["/a", "proc"] }, "/maskedPaths/1", message);
  assertRefusedIn({ readonlyPaths: ["proc"] }, "/readonlyPaths/0", message);
});

test("parseSpec() refuses unknown propagation, personality and memory policy", () => {
  const refused: readonly [JsonObject, string, RegExp][] = [
    [{ rootfsPropagation: "rbind" }, "/linux/rootfsPropagation", /Expected one of "shared", .* but received "rbind"$/],
    [{ personality: { domain: "BSD" } }, "/linux/personality/domain", /Expected one of "LINUX", "LINUX32" but/],
    [{ personality: { domain: "LINUX", flags: ["A"] } }, "/linux/personality/flags", /Expected no flags/],
    [{ memoryPolicy: { mode: "BIND" } }, "/linux/memoryPolicy/mode", /Expected one of "MPOL_DEFAULT", /],
  ];
  for (const [linux, pointer, message] of refused) {
    const error = refusalOf(configWith({ linux }));
    assert.equal(error.pointer, pointer);
    assert.match(error.message, message);
  }
  // MUST config-linux.md#memory-policy empty nodes are legal
  assert.deepEqual(linuxOf({ memoryPolicy: { mode: "MPOL_LOCAL", nodes: "" } })["memoryPolicy"], {
    mode: "MPOL_LOCAL",
    nodes: "",
  });
});

test("parseSpec() refuses nodes of a memory policy that takes none, and none where it takes some", () => {
  for (const mode of ["MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED_MANY"]) {
    const message = `Expected at least one node with ${mode} but received ""`;
    for (const nodes of [{}, { nodes: "" }])
      assertRefusedIn({ memoryPolicy: { mode, ...nodes } }, "/memoryPolicy/nodes", message);
    assert.deepEqual(linuxOf({ memoryPolicy: { mode, nodes: "0" } })["memoryPolicy"], { mode, nodes: "0" });
  }
  for (const mode of ["MPOL_DEFAULT", "MPOL_LOCAL"]) {
    const message = `Expected no nodes with ${mode} but received "0-1"`;
    assertRefusedIn({ memoryPolicy: { mode, nodes: "0-1" } }, "/memoryPolicy/nodes", message);
    assert.deepEqual(linuxOf({ memoryPolicy: { mode } })["memoryPolicy"], { mode });
  }
  for (const nodes of ["", "0"]) linuxOf({ memoryPolicy: { mode: "MPOL_PREFERRED", nodes } });
});

test("parseSpec() refuses a cgroup outside the place it is given", () => {
  for (const cgroupsPath of ["/../x", "a/..", ".."]) {
    assertRefusedIn({ cgroupsPath }, "/cgroupsPath", `Expected a path without ".." but received "${cgroupsPath}"`);
  }
  for (const cgroupsPath of ["/a..b", "machine.slice:libpod:0123", "a/b"]) {
    assert.equal(linuxOf({ cgroupsPath })["cgroupsPath"], cgroupsPath);
  }
});

test("parseSpec() refuses wrong limits by name", () => {
  const refused: readonly [JsonObject, string, RegExp][] = [
    [{ memory: { limit: "1g" } }, "/memory/limit", /Expected an integer from -9223372036854775808 to 92/],
    [{ memory: { swappiness: 101 } }, "/memory/swappiness", /from 0 to 100 but received 101$/],
    [{ cpu: { cpus: "0;1" } }, "/cpu/cpus", /Expected a list such as "0-3,7" but received "0;1"$/],
    [{ devices: [{ access: "rwm" }] }, "/devices/0/allow", /Required but missing$/],
    [{ devices: [{ allow: true, major: -2 }] }, "/devices/0/major", /from -1 to 4294967295 but received -2$/],
    [
      { hugepageLimits: [{ pageSize: "2mb", limit: 1 }] },
      "/hugepageLimits/0/pageSize",
      /"2MB" or "1GB" but received "2mb"$/,
    ],
    [{ unified: { "memory.high": 1 } }, "/unified/memory.high", /Expected a string but received 1$/],
    [{ rdma: { a: { hcaHandles: -1 } } }, "/rdma/a/hcaHandles", /received -1$/],
    [{ pids: { limit: 1.5 } }, "/pids/limit", /received 1.5$/],
  ];
  for (const [resources, pointer, message] of refused) {
    const error = refusalOf(configWith({ linux: { resources } }));
    assert.equal(error.pointer, `/linux/resources${pointer}`);
    assert.match(error.message, message);
  }
});

test("parseSpec() reads 64-bit numbers of a filter exactly", () => {
  const rule = { names: ["clone"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: "V", op: "SCMP_CMP_EQ" }] };
  const config = configWith({ linux: { seccomp: { defaultAction: "SCMP_ACT_KILL", syscalls: [rule] } } });
  const text = JSON.stringify(config).replace('"V"', "18446744073709551614");
  assert.equal(parseSpec(text).linux?.seccomp?.syscalls?.[0]?.args?.[0]?.value, 18446744073709551614n);
});

test("parseSpec() refuses filters that contradict themselves", () => {
  const rule = { names: ["clone"], action: "SCMP_ACT_ALLOW" };
  const refused: readonly [JsonObject, string, RegExp][] = [
    [{}, "/defaultAction", /Required but missing$/],
    [{ defaultAction: "SCMP_ACT_NOTIFY" }, "/defaultAction", /Expected another default action/],
    [{ defaultAction: "SCMP_ACT_KILL", defaultErrnoRet: 1 }, "/defaultErrnoRet", /only with an action that takes it/],
    [{ defaultAction: "SCMP_ACT_KILL", listenerMetadata: "x" }, "/listenerMetadata", /only with listenerPath$/],
    [{ defaultAction: "SCMP_ACT_KILL", syscalls: [{ ...rule, errnoRet: 1 }] }, "/syscalls/0/errnoRet", /takes it/],
    [{ defaultAction: "SCMP_ACT_KILL", syscalls: [{ ...rule, names: [] }] }, "/syscalls/0/names", /at least one name/],
    [
      { defaultAction: "SCMP_ACT_KILL", syscalls: [{ ...rule, action: "SCMP_ACT_NOTIFY" }] },
      "/listenerPath",
      /Required where a rule asks a supervisor/,
    ],
    [
      { defaultAction: "SCMP_ACT_KILL", syscalls: [{ ...rule, args: [{ index: 6, value: 0, op: "SCMP_CMP_EQ" }] }] },
      "/syscalls/0/args",
      /one of 6 arguments but received 6$/,
    ],
    [{ defaultAction: "SCMP_ACT_KILL", architectures: ["x86"] }, "/architectures/0", /"SCMP_ARCH_X86_64"/],
  ];
  for (const [seccomp, pointer, message] of refused) {
    const error = refusalOf(configWith({ linux: { seccomp } }));
    assert.equal(error.pointer, `/linux/seccomp${pointer}`);
    assert.match(error.message, message);
  }
});
