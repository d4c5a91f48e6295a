/**
 * Device rules in the plan of `update`.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../../src/plan/host.ts";
import { planUpdate } from "../../src/plan/update.ts";
import type { DevicesInForce } from "../../src/plan/update_devices.ts";
import { parseResources } from "../../src/spec/mod.ts";
import type { DeviceRule } from "../../src/spec/types.ts";
import { hostWith, textsOf, v1Host } from "./planning.ts";

const unified = hostWith({
  cgroup: { layout: "v2", v2: { mountPoint: "/cg", own: "/", controllers: ["pids"] }, v1: [] },
});
const fuse: DeviceRule = { allow: true, type: "c", major: 10, minor: 229, access: "rwm" };
const deny: DeviceRule = { allow: false, access: "rwm" };
const inForce: DevicesInForce = { rules: [deny], programName: "bunker_web" };

const plan = (devices: readonly object[], host: Host, change: Partial<DevicesInForce> = {}, more: object = {}) => {
  const cgroups = host.cgroup.layout === "v2" ? ["/cg/a/web"] : ["/cg/cpu,cpuacct/web", "/cg/devices/web"];
  const target = { cgroups, current: { memory: 1000, quota: "20000" }, usage: 500, devices: { ...inForce, ...change } };
  return planUpdate(parseResources(JSON.stringify({ devices, ...more })), host, target, "FILE");
};

const list = "c *:* m\nb *:* m\nc 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\n";
const listed = `${list}c 5:0 rwm\nc 5:1 rwm\nc 5:2 rwm\nc 136:* rwm\n`;
const own = { id: 7, name: "bunker_web" };

test("planUpdate() puts the new program in the place of the container's in one call, after limits (v2)", () => {
  const made = plan([deny, fuse], unified, { programs: [own] }, { pids: { limit: 5 } });
  assert.deepEqual(textsOf(made).slice(-7), [
    'openat(AT_FDCWD, "/cg/a/web", O_PATH|O_DIRECTORY|O_CLOEXEC, 0)',
    "bpf(BPF_PROG_GET_FD_BY_ID, {prog_id: 7})",
    "bpf(BPF_PROG_LOAD, {prog_type: BPF_PROG_TYPE_CGROUP_DEVICE, insn_cnt: 67, insns: <536 bytes>, " +
      'license: "GPL", prog_name: "bunker_web"})',
    "bpf(BPF_PROG_ATTACH, {target_fd: r, attach_bpf_fd: r, attach_type: BPF_CGROUP_DEVICE, " +
      "attach_flags: BPF_F_ALLOW_MULTI|BPF_F_REPLACE, replace_bpf_fd: r})",
    "close(r)",
    "close(r)",
    "close(r)",
  ]);
  assert.equal(made.setsDevices, true);
  assert.equal(made.needsStandstill, false);
  assert.deepEqual(made.warnings, []);
});

test("planUpdate() attaches beside programs of others, which it names, and none is detached (v2)", () => {
  const other = { id: 9, name: "gpu" };
  for (const [programs, replaces, warnings] of [
    [[], false, 0],
    [[other], false, 1],
    [[other, own], true, 1],
    [[own, other, { id: 10, name: "" }], true, 2],
  ] as const) {
    const made = plan([deny, fuse], unified, { programs });
    const attached = textsOf(made).filter((text) => text.startsWith("bpf(BPF_PROG_ATTACH"));
    assert.equal(attached.length, 1);
    assert.equal(attached[0]!.includes("BPF_F_REPLACE"), replaces, attached.join());
    assert.ok(!textsOf(made).some((text) => text.includes("DETACH") || text.includes("prog_id: 9")));
    assert.equal(made.warnings.length, warnings);
  }
});

test("planUpdate() does nothing for the rules that are in force; it attaches them where no program is left (v2)", () => {
  for (const programs of [[own], [{ id: 9, name: "gpu" }]]) {
    const made = plan([{ allow: false }], unified, { programs });
    assert.deepEqual([made.items, made.warnings, made.setsDevices], [[], [], false]);
  }
  assert.ok(plan([deny], unified, { programs: [] }).items.length > 0);
  assert.ok(plan([deny], unified, { programs: [own], rules: undefined }).setsDevices);
  assert.ok(plan([deny], unified, { programs: [own], rules: [] }).setsDevices);
});

test("planUpdate() writes what differs from devices.list, and nothing for the rules in force (v1)", () => {
  const made = plan([deny, fuse, { ...fuse, minor: 200, access: "r" }], v1Host, { list: `${listed}c 60:1 rw\n` });
  assert.deepEqual(textsOf(made), [
    'openat(AT_FDCWD, "/cg/devices/web/devices.deny", O_WRONLY|O_CLOEXEC, 0)',
    'write(r, "c 60:1 rw")',
    'openat(AT_FDCWD, "/cg/devices/web/devices.allow", O_WRONLY|O_CLOEXEC, 0)',
    'write(r, "c 10:229 rwm")',
    'write(r, "c 10:200 r")',
    "close(r)",
    "close(r)",
  ]);
  assert.deepEqual([made.setsDevices, made.needsStandstill], [true, false]);
  // What a hook has added since.
  const same = plan([deny], v1Host, { list: `${listed}c 195:* rw\n` });
  assert.deepEqual([same.items, same.setsDevices], [[], false]);
  assert.equal(plan([deny], v1Host, { list: listed, rules: undefined }).setsDevices, true);
});

test("planUpdate() turns round what holds for all while processes stand still (v1)", () => {
  const made = plan([{ allow: true }, { ...fuse, allow: false }], v1Host, { list: listed });
  assert.deepEqual(
    textsOf(made).filter((text) => text.startsWith("write")),
    ['write(r, "a")', 'write(r, "c 10:229 rwm")'],
  );
  assert.equal(made.needsStandstill, true);
});

test("planUpdate() refuses device rules that nothing keeps, and leaves them to the machine's root", () => {
  const hole: DeviceRule[] = [deny, { allow: true, type: "c", major: 60 }, { ...deny, type: "c", major: 60, minor: 1 }];
  assert.match(
    plan(hole, v1Host, { list: listed }).refusals[0]!.message,
    /cannot deny "c 60:1 rwm" within "c 60:\* rwm"/,
  );
  const withoutDevices = { ...v1Host, cgroup: { ...v1Host.cgroup, v1: v1Host.cgroup.v1.slice(0, 2) } };
  assert.match(plan([deny, fuse], withoutDevices).refusals[0]!.message, /no devices controller/);
  for (const who of [{ euid: 1000 }, { inUserNamespace: true }]) {
    const made = plan([deny, fuse], { ...unified, ...who }, { programs: [] });
    assert.deepEqual([made.items, made.refusals, made.setsDevices], [[], [], false]);
  }
});
