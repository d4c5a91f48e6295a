/**
 * Which controllers limits need: switched on, missing, not delegated; and what is on without limits.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../../src/plan/host.ts";
import type { Plan } from "../../src/plan/types.ts";
import { legacy, legacyOf, plan, unified } from "./cgroup_hosts.ts";
import { callsOf, hostWith, indexOf, noCgroups, planOf, textsOf } from "./planning.ts";

const everything = {
  memory: { limit: 1000 },
  cpu: { shares: 10, cpus: "0" },
  pids: { limit: 1 },
  blockIO: { weight: 10 },
  hugepageLimits: [{ pageSize: "2MB", limit: 1 }],
  rdma: { a: { hcaHandles: 1 } },
};
const pointers = (made: Plan): string[] => made.refusals.map(({ pointer }) => pointer.replace("/linux/resources", ""));
const allPointers = [
  "/cpu/shares",
  "/cpu/cpus",
  "/memory/limit",
  "/pids/limit",
  "/blockIO/weight",
  "/hugepageLimits/0/limit",
  "/rdma/a",
];

test("a controller that the machine lacks is named with the field", () => {
  const poor = hostWith({
    cgroup: { layout: "v2", v2: { mountPoint: "/cg", own: "/", controllers: ["cpu", "pids"] }, v1: [] },
  });
  const [first] = plan({ memory: { limit: 1000 } }, poor).refusals;
  assert.equal(first!.pointer, "/linux/resources/memory/limit");
  assert.equal(first!.message, 'This machine has no "memory" controller of cgroup v2');
  assert.match(first!.detail!.join("\n"), /\/cg\/cgroup\.controllers has: cpu pids/);
  assert.deepEqual(pointers(plan(everything, poor)), ["/cpu/cpus", "/memory/limit", ...allPointers.slice(4)]);
  assert.deepEqual(pointers(plan(everything, legacyOf("devices"))), allPointers);
  const nothing = { memory: { limit: -1 }, pids: { limit: -1 }, cpu: { idle: 0, burst: 0, quota: -1 } };
  assert.deepEqual(pointers(plan(nothing, legacyOf("devices"))), []);
  assert.deepEqual(pointers(plan(everything, hostWith({ cgroup: noCgroups }))), allPointers);
});

test("what is not delegated to a user is named with the controller and systemd's setting", () => {
  const user = (mayMake: "beside" | "nowhere"): Host =>
    hostWith({
      euid: 1000,
      mayMount: true,
      cgroup: {
        layout: "v2",
        v2: { mountPoint: "/cg", own: "/user.slice/app.scope", controllers: ["memory", "pids"] },
        v1: [],
        mayMake,
      },
    });
  const delegated = plan({ memory: { limit: 1000 }, cpu: { shares: 10 } }, user("beside"));
  assert.deepEqual(pointers(delegated), ["/cpu/shares"]);
  const [missing] = delegated.refusals;
  assert.equal(missing!.message, 'The controller "cpu" is not delegated to this user');
  assert.match(missing!.detail!.join("\n"), /\/cg\/user\.slice\/cgroup\.controllers has: memory pids[^]*Delegate=/);
  const texts = textsOf(delegated);
  // Nothing above what was delegated is touched.
  assert.ok(texts.includes('openat(AT_FDCWD, "/cg/user.slice/cgroup.subtree_control", O_WRONLY|O_CLOEXEC, 0)'));
  assert.ok(!texts.some((text) => text.includes('"/cg/cgroup.subtree_control"')));
  const alone = plan({ memory: { limit: 1000 } }, user("nowhere"));
  assert.deepEqual(pointers(alone), ["/memory/limit"]);
  assert.match(alone.refusals[0]!.detail!.join("\n"), /cgroup\.procs is not its to write[^]*Delegate=/);
  assert.deepEqual(plan({ memory: { limit: -1 } }, user("nowhere")).refusals, []);
});

test("controllers are switched on in every directory above, from the top", () => {
  const made = planOf(
    { linux: { namespaces: [{ type: "mount" }], cgroupsPath: "/a/b/c", resources: { pids: { limit: 9 } } } },
    unified,
  );
  assert.deepEqual(
    textsOf(made, "/linux/resources").filter((text) => text.includes("subtree_control")),
    ["/cg", "/cg/a", "/cg/a/b"].map(
      (path) => `openat(AT_FDCWD, "${path}/cgroup.subtree_control", O_WRONLY|O_CLOEXEC, 0)`,
    ),
  );
  assert.ok(indexOf(made, "subtree_control") < indexOf(made, '"pids.max"'));
  assert.ok(indexOf(made, '"pids.max"') < indexOf(made, "clone3"));
});

test("without limits what engines read is switched on where it can be had, and nothing looked for or written", () => {
  const v1 = hostWith({ cgroup: { ...unified.cgroup, layout: "v1", v2: null } });
  const nothing = [{ devices: [] }, { devices: [{ allow: false }] }, { memory: {}, cpu: { shares: 0 }, pids: {} }];
  for (const resources of nothing) {
    const made = plan(resources);
    assert.deepEqual(
      textsOf(made, "/linux/resources").filter((text) => !text.includes("bpf") && text !== "close(r)"),
      [],
    );
    const switched = callsOf(made).filter(({ call, args }) => call === "write" && String(args[1]).startsWith("+"));
    assert.deepEqual(
      switched.map(({ args }) => args[1]),
      ["+memory +pids", "+cpu", "+io"],
    );
    for (const { allow } of switched) {
      assert.deepEqual(allow, ["ENOENT", "EINVAL", "EBUSY", "EOPNOTSUPP", "EBADF"], "a lack of it is no error");
    }
    assert.ok(indexOf(made, '"/cg/cgroup.subtree_control"') < indexOf(made, "clone3"));
    assert.equal(indexOf(plan(resources, v1), "subtree_control"), -1);
  }
  // The machine's own, one that systemd makes, and none at all.
  const top = { linux: { namespaces: [{ type: "mount" }], cgroupsPath: "/" } };
  assert.equal(indexOf(planOf(top, unified), "subtree_control"), -1);
  assert.equal(indexOf(planOf(top, unified, { cgroupManager: "disabled" }), "subtree_control"), -1);
});

test("the top of a hierarchy takes no limits, and a disabled manager none at all", () => {
  const config = { linux: { namespaces: [{ type: "mount" }], cgroupsPath: "/", resources: { pids: { limit: 9 } } } };
  for (const host of [unified, legacy]) {
    assert.match(planOf(config, host).refusals[0]!.message, /below the top/);
    const rules = { ...config.linux, resources: { devices: [{ allow: false }] } };
    assert.match(planOf({ linux: rules }, host).refusals[0]!.message, /below the top/);
    assert.deepEqual(planOf({ linux: { ...rules, resources: {} } }, host).refusals, []);
    assert.match(planOf(config, host, { cgroupManager: "disabled" }).refusals[0]!.message, /manager is disabled/);
  }
});
