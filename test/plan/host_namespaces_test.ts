/**
 * Namespaces of the host's that are joined by path: what is refused, and what proves the others to be others.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SpecError } from "../../src/errors.ts";
import type { NamespaceType } from "../../src/spec/types.ts";
import { hostWith, indexOf, planOf, textsOf, type Change } from "./planning.ts";

const joined = [
  { type: "network", path: "/ns/net" },
  { type: "ipc", path: "/ns/ipc" },
  { type: "uts", path: "/ns/uts" },
  { type: "user", path: "/ns/user" },
];

const planned = (change: Change, hostNamespaces: readonly NamespaceType[], linux: object = {}) =>
  planOf({ ...change, linux: { namespaces: [{ type: "mount" }, ...joined], ...linux } }, hostWith({ hostNamespaces }));

test("refuseHostNamespaces() names the property, the path and the way out", () => {
  for (const [pointer, type, change, linux] of [
    ["/hostname", "uts", { hostname: "a" }, {}],
    ["/domainname", "uts", { domainname: "a" }, {}],
    ["/linux/sysctl/kernel.domainname", "uts", {}, { sysctl: { "kernel.domainname": "a" } }],
    ["/linux/sysctl/net.core.somaxconn", "network", {}, { sysctl: { "net.core.somaxconn": "1" } }],
    ["/linux/sysctl/net~1core~1somaxconn", "network", {}, { sysctl: { "net/core/somaxconn": "1" } }],
    ["/linux/sysctl/kernel.sem", "ipc", {}, { sysctl: { "kernel.sem": "1" } }],
    ["/linux/sysctl/kernel.shmmax", "ipc", {}, { sysctl: { "kernel.shmmax": "1" } }],
    ["/linux/sysctl/fs.mqueue.msg_max", "ipc", {}, { sysctl: { "fs.mqueue.msg_max": "1" } }],
    ["/linux/sysctl/user.max_net_namespaces", "user", {}, { sysctl: { "user.max_net_namespaces": "1" } }],
    ["/linux/netDevices/eth0", "network", {}, { netDevices: { eth0: { name: "eth1" } } }],
  ] as const) {
    assert.throws(
      () => planned(change, [type], linux),
      (error) => {
        assert.ok(error instanceof SpecError, String(error));
        assert.equal(error.pointer, pointer);
        assert.match(error.message, new RegExp(`own ${type} namespace but "/ns/.*" is the host's`));
        assert.match(error.detail[0]!, /^because {4}\/linux\/namespaces\/\d\/path /);
        assert.ok(error.detail[1]!.startsWith("try        "));
        return true;
      },
    );
    const others = (["network", "ipc", "uts", "user"] as const).filter((each) => each !== type);
    assert.doesNotThrow(() => planned(change, others, linux), pointer);
    assert.doesNotThrow(() => planned(change, [], linux), pointer);
  }
});

test("proveForeign() compares what is open with the runtime's own, but for what was the host's before", () => {
  const plan = planned({}, ["ipc"]);
  for (const name of ["net", "uts", "user"]) {
    const at = indexOf(plan, `verify_other(r, "/proc/self/ns/${name}")`);
    assert.equal(at, indexOf(plan, "openat(", `"/ns/${name}"`) + 1);
  }
  assert.ok(!textsOf(plan).some((text) => text.includes("/proc/self/ns/ipc")));
  const linux = { namespaces: [{ type: "mount", path: "/ns/mnt" }] };
  assert.ok(indexOf(planOf({ linux }), 'verify_other(r, "/proc/self/ns/mnt")') >= 0);
});
