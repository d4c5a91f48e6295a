import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "../../src/spec/mod.ts";
import { sysctlPath } from "../../src/spec/sysctl.ts";
import { configWith, type JsonObject } from "./configs.ts";
import { assertRefused } from "./refusals.ts";

/** Asserts how a parameter is refused. */
function assertRefusedKey(key: string, message: string, value = "1", linux: JsonObject = {}): void {
  const config = configWith({ linux: { sysctl: { [key]: value }, ...linux } });
  assertRefused(config, `/linux/sysctl/${key.replaceAll("/", "~1")}`, message);
}

test("sysctlPath() reads both forms of sysctl.d(5)", () => {
  const keys: readonly [string, string][] = [
    ["net.ipv4.ip_forward", "net/ipv4/ip_forward"],
    ["net/ipv4/ip_forward", "net/ipv4/ip_forward"],
    ["net.ipv4.conf.eno2/100.rp_filter", "net/ipv4/conf/eno2.100/rp_filter"],
    ["net/ipv4/conf/eno2.100/rp_filter", "net/ipv4/conf/eno2.100/rp_filter"],
    ["single", "single"],
  ];
  for (const [key, path] of keys) assert.equal(sysctlPath(key), path);
});

test("parseSpec() takes parameters of the container's own namespaces", () => {
  const sysctl = {
    "net.ipv4.ping_group_range": "0 0",
    "kernel/shmmax": "1",
    "kernel.sem": "250 32000 32 128",
    "fs.mqueue.queues_max": "10",
    "kernel.domainname": "x",
  };
  assert.deepEqual(parseSpec(JSON.stringify(configWith({ linux: { sysctl } }))).linux?.sysctl, sysctl);
});

test("parseSpec() takes every parameter of System V IPC, message queues and user namespaces", () => {
  const ipc = "msgmax msgmnb msgmni sem shmall shmmax shmmni shm_rmid_forced"
    .split(" ")
    .map((name) => `kernel.${name}`);
  const keys = [...ipc, "fs.mqueue.msg_max", "net.core.somaxconn", "user.max_user_namespaces"];
  const namespaces = ["mount", "ipc", "network", "user"].map((type) => ({ type }));
  const sysctl = Object.fromEntries(keys.map((key) => [key, "1"]));
  assert.deepEqual(parseSpec(JSON.stringify(configWith({ linux: { namespaces, sysctl } }))).linux?.sysctl, sysctl);
});

test("parseSpec() refuses parameters of namespaces that are shared", () => {
  const namespaces = [{ type: "mount" }];
  const owners: readonly [string, string][] = [
    ["net.ipv4.ip_forward", "network"],
    ["net/ipv4/ip_forward", "network"],
    ["kernel.shm_rmid_forced", "ipc"],
    ["kernel.msgmax", "ipc"],
    ["fs.mqueue.queues_max", "ipc"],
    ["kernel.domainname", "uts"],
    ["user.max_user_namespaces", "user"],
  ];
  for (const [key, type] of owners) {
    assertRefusedKey(key, `Expected "${type}" in /linux/namespaces, which this needs`, "1", { namespaces });
  }
});

test("parseSpec() refuses parameters of the whole machine", () => {
  for (const key of ["kernel.panic", "vm.swappiness", "fs.file-max", "kernel.shmfoo", "net", "fs.mqueue"]) {
    assertRefusedKey(key, `Expected a parameter that belongs to a namespace but received "${key}"`);
  }
  assertRefusedKey("kernel.hostname", "Expected /hostname to be used instead");
  assertRefusedKey("kernel/hostname", "Expected /hostname to be used instead");
});

test("parseSpec() refuses parameters that lead out of /proc/sys", () => {
  for (const key of ["net/../kernel/panic", "net.//.kernel.panic", "net..ipv4", "net/", ".net", "net/./a", "net.a."]) {
    assertRefusedKey(key, `Expected the name of a kernel parameter but received "${key}"`);
  }
});

test("parseSpec() refuses values of several lines and parameters spelled twice", () => {
  assertRefusedKey("net.a", 'Expected a value of one line but received "1\\n"', "1\n");
  const config = configWith({ linux: { sysctl: { "net.a.b": "1", "net/a/b": "2" } } });
  assertRefused(config, "/linux/sysctl/net~1a~1b", 'Expected each parameter once but it is "net.a.b" too');
});
