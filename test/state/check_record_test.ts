/**
 * Records read back: each member that is acted upon has to have its type and its form.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { recordFault } from "../../src/state/check_record.ts";
import { parseRecord, printRecord } from "../../src/state/record.ts";
import { ownPidNamespace, record } from "./fixture.ts";

const good = (): Record<string, unknown> => ({
  ...record({ pid: 7, startTime: 9 }),
  config: JSON.parse(ownPidNamespace),
});

test("recordFault() takes what create writes", () => {
  const unit = { name: "a\\x2b-web.scope", socket: "/run/dbus/system_bus_socket" };
  const cgroups = ["/sys/fs/cgroup/pids/web", "/sys/fs/cgroup/memory/web"];
  const resctrl = { groups: ["/sys/fs/resctrl/web"], made: ["/sys/fs/resctrl/web"] };
  const hooks = { poststop: [{ path: "/bin/../bin/true", args: ["true"], env: [], timeout: 3 }] };
  const members = { cgroups, found: [cgroups[0]!], unit, resctrl, hooks, deviceRules: null } as const;
  assert.equal(recordFault({ ...good(), ...members }, "web"), "");
  const process = { args: ["sh"], cwd: "/", env: null, capabilities: { bounding: null }, user: null };
  assert.equal(recordFault({ ...good(), config: { process, linux: null } }, "web"), "");
});

for (const [members, pointer] of [
  [{ id: "other" }, "/id"],
  [{ pid: "7" }, "/pid"],
  [{ pid: 1 }, "/pid"],
  [{ pid: -1 }, "/pid"],
  [{ pid: 1.5 }, "/pid"],
  [{ pid: 5_000_000 }, "/pid"],
  [{ startTime: null }, "/startTime"],
  [{ pid: 0, startTime: 3 }, "/startTime"],
  [{ owner: "root" }, "/owner"],
  [{ annotations: undefined }, "/annotations"],
  [{ annotations: { a: 1 } }, "/annotations/a"],
  [{ bundle: "b" }, "/bundle"],
  [{ rootfs: "/b\u0000c" }, "/rootfs"],
  [{ cgroups: "/sys/fs/cgroup/web" }, "/cgroups"],
  [{ cgroups: ["/tmp/web"] }, "/cgroups"],
  [{ cgroups: ["/sys/fs/cgroup/../../../tmp/web"] }, "/cgroups"],
  [{ cgroups: ["/sys/fs/cgroup/web/.."] }, "/cgroups"],
  [{ cgroups: ["/sys/fs/cgroups"] }, "/cgroups"],
  [{ found: ["/sys/fs/cgroup/web"] }, "/found"],
  [{ resctrl: { groups: ["/tmp/web"], made: [] } }, "/resctrl"],
  [{ resctrl: { groups: [], made: ["/sys/fs/resctrl/web"] } }, "/resctrl/made"],
  [{ cgroupManager: "none" }, "/cgroupManager"],
  [{ unit: { name: "web.mount", socket: "/run/s" } }, "/unit"],
  [{ unit: { name: "we b.scope", socket: "/run/s" } }, "/unit"],
  [{ unit: { name: "web.scope", socket: "run" } }, "/unit"],
  [{ hooks: { poststop: {} } }, "/hooks/poststop"],
  [{ hooks: { poststop: [{ path: "true" }] } }, "/hooks/poststop/0/path"],
  [{ hooks: { poststart: [{ path: "/bin/true", args: [1] }] } }, "/hooks/poststart/0/args/0"],
  [{ noNewKeyring: 1 }, "/noNewKeyring"],
  [{ deviceRules: [{}] }, "/deviceRules/0/allow"],
  [{ config: [] }, "/config"],
  [{ config: { process: { args: "sh", cwd: "/" } } }, "/config/process/args"],
  [{ config: { linux: { namespaces: [{ type: 1 }] } } }, "/config/linux/namespaces/0/type"],
  [{ config: { linux: { seccomp: { syscalls: [] } } } }, "/config/linux/seccomp/defaultAction"],
] as const) {
  test(`recordFault() finds ${JSON.stringify(members)}`, () => {
    const fault = recordFault({ ...good(), ...members }, "web");
    assert.equal(fault.slice(0, fault.indexOf(":")), pointer);
  });
}

test("parseRecord() believes no record of another container", () => {
  const text = printRecord(record({ id: "other" }), "{}");
  assert.throws(() => parseRecord(text, "web", "state.json"), /"state.json" is damaged: \/id: expected "web"/);
});
