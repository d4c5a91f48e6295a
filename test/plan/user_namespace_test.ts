/**
 * The user and time namespace of a container: maps, who writes them, ids of the stage, joins. Output: none.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../../src/plan/host.ts";
import { findOverlap, hostIdOf, mapText, parseMap } from "../../src/plan/id_maps.ts";
import { callsOf, type Change, hostWith, indexOf, planOf, textsOf } from "./planning.ts";

const namespaces = [{ type: "mount" }, { type: "pid" }, { type: "network" }, { type: "user" }];
const range = [{ containerID: 0, hostID: 100000, size: 65536 }];
const mapped = (change: object = {}, more: Change = {}): Change => ({
  ...more,
  linux: { namespaces, uidMappings: range, gidMappings: range, ...change },
});

const helpers = {
  newuidmap: "/usr/bin/newuidmap",
  newgidmap: "/usr/bin/newgidmap",
  uids: [{ first: 100000, count: 65536 }],
  gids: [{ first: 200000, count: 1000 }],
};

const ordinary = (idHelpers: Host["idHelpers"]): Host =>
  hostWith({ euid: 1000, egid: 1001, mayMount: false, mayMapIds: false, idHelpers });

test("a new user namespace is made with everything in it, and the runtime writes its maps before the stage", () => {
  const plan = planOf(mapped());
  const clone = indexOf(plan, "clone3(");
  assert.match(textsOf(plan)[clone]!, /CLONE_NEWUSER\|CLONE_NEWNS\|CLONE_NEWPID\|CLONE_NEWNET/);
  assert.equal(indexOf(plan, "unshare(CLONE_NEWNET"), -1);
  const [gids, uids, ids] = [
    indexOf(plan, '"gid_map"'),
    indexOf(plan, '"uid_map"'),
    indexOf(plan, "setresuid(0, 0, 0)"),
  ];
  assert.ok(clone < gids && gids < uids && uids < ids);
  assert.equal(textsOf(plan)[gids + 1], 'write(r, "0 100000 65536\\n")');
  assert.equal(callsOf(plan)[uids]!.side, "runtime");
  assert.equal(indexOf(plan, 'setgroups"'), -1);
});

test("an ordinary user without helpers maps its own ids alone, and gives up setgroups", () => {
  const none = { newuidmap: null, newgidmap: null, uids: [], gids: [] };
  const plan = planOf({ linux: { namespaces: namespaces.slice(0, 3) } }, ordinary(none));
  assert.deepEqual(plan.refusals, []);
  assert.ok(indexOf(plan, "CLONE_NEWUSER") > 0, "a user namespace although config.json names none");
  assert.ok(indexOf(plan, 'write(r, "deny")') > 0);
  assert.ok(indexOf(plan, 'write(r, "0 1001 1\\n")') > indexOf(plan, 'write(r, "deny")'));
  assert.ok(indexOf(plan, 'write(r, "0 1000 1\\n")') > 0);
  assert.equal(indexOf(plan, "setgroups("), -1);
});

test("an ordinary user with helpers has its subordinate ids, too", () => {
  const plan = planOf({ linux: { namespaces } }, ordinary(helpers));
  const argv = '["newuidmap", r, "0", "1000", "1", "1", "100000", "65536"]';
  assert.ok(indexOf(plan, "helper(", "/usr/bin/newuidmap", argv) > 0);
  assert.ok(indexOf(plan, '["newgidmap", r, "0", "1001", "1", "1", "200000", "1000"]') > 0);
  assert.ok(indexOf(plan, "setgroups([])") > 0);
});

test("mappings that nobody could write are refused by their pointer", () => {
  const refusals = (change: object, host?: Host): string[] =>
    planOf(mapped(change), host).refusals.map(({ pointer }) => pointer);
  const twice = [...range, { containerID: 65535, hostID: 500000, size: 1 }];
  assert.deepEqual(refusals({ uidMappings: twice }), ["/linux/uidMappings/1/containerID"]);
  const same = [...range, { containerID: 70000, hostID: 100001, size: 1 }];
  assert.deepEqual(refusals({ gidMappings: same }), ["/linux/gidMappings/1/hostID"]);
  const none = { newuidmap: null, newgidmap: null, uids: [], gids: [] };
  assert.deepEqual(refusals({}, ordinary(none)), ["/linux/uidMappings", "/linux/gidMappings"]);
});

test("ids of the process that no mapping has are refused", () => {
  const user = { uid: 70000, gid: 0, additionalGids: [5, 65536] };
  const plan = planOf(mapped({}, { process: { user } }));
  assert.deepEqual(
    plan.refusals.map(({ pointer }) => pointer),
    ["/process/user/uid", "/process/user/additionalGids/1"],
  );
});

test("a container without a mapped root is set up with the ids of its process", () => {
  const map = [{ containerID: 1000, hostID: 300000, size: 1 }];
  const plan = planOf(mapped({ uidMappings: map, gidMappings: map }, { process: { user: { uid: 1000, gid: 1000 } } }));
  assert.deepEqual(plan.refusals, []);
  assert.ok(indexOf(plan, "setresuid(1000, 1000, 1000)") < indexOf(plan, "keyctl("));
});

test("joined namespaces are entered by the thread before clone3; mount, time and at last pid by the stage", () => {
  const paths = [
    { type: "network", path: "/ns/net" },
    { type: "pid", path: "/ns/pid" },
    { type: "uts", path: "/ns/uts" },
    { type: "time", path: "/ns/time" },
  ];
  const plan = planOf({ linux: { namespaces: [{ type: "mount" }, ...paths, { type: "ipc" }] } });
  const clone = indexOf(plan, "clone3(");
  for (const flag of ["CLONE_NEWNET", "CLONE_NEWUTS"]) {
    const at = indexOf(plan, "setns(", flag);
    assert.ok(at >= 0 && at < clone, flag);
    assert.equal(callsOf(plan)[at]!.side, "thread");
  }
  assert.doesNotMatch(textsOf(plan)[clone]!, /NEWNET|NEWPID|NEWUTS|NEWTIME/);
  assert.equal(textsOf(plan)[0], "unshare(CLONE_NEWIPC)");
  for (const flag of ["CLONE_NEWTIME", "CLONE_NEWPID"]) {
    assert.equal(callsOf(plan)[indexOf(plan, "setns(", flag)]!.side, "stage");
  }
  assert.ok(indexOf(plan, "setns(", "CLONE_NEWPID") > indexOf(plan, "pivot_root("));
});

test("a user namespace is joined last by whoever has rights over all, first by others", () => {
  const paths = [
    { type: "user", path: "/ns/user" },
    { type: "network", path: "/ns/net" },
  ];
  const change = { linux: { namespaces: [{ type: "mount" }, ...paths] } };
  const root = planOf(change);
  assert.ok(indexOf(root, "setns(", "CLONE_NEWNET") < indexOf(root, "setns(", "CLONE_NEWUSER"));
  const user = planOf(change, ordinary(null));
  assert.ok(indexOf(user, "setns(", "CLONE_NEWUSER") < indexOf(user, "setns(", "CLONE_NEWNET"));
  assert.equal(indexOf(root, '"uid_map"'), -1);
  assert.ok(indexOf(root, "setresuid(0, 0, 0)") > 0);
});

test("time offsets and the OOM score are written by the runtime while the stage waits", () => {
  const timeOffsets = { monotonic: { secs: 86400 }, boottime: { secs: -5, nanosecs: 7 } };
  const plan = planOf(
    mapped({ namespaces: [...namespaces, { type: "time" }], timeOffsets }, { process: { oomScoreAdj: 100 } }),
  );
  const at = indexOf(plan, '"timens_offsets"');
  assert.equal(textsOf(plan)[at + 1], 'write(r, "monotonic 86400 0\\nboottime -5 7\\n")');
  assert.ok(indexOf(plan, '"oom_score_adj"') > at);
  assert.ok(indexOf(plan, '"oom_score_adj"') < indexOf(plan, "reset_signals("));
  const old = planOf(
    { linux: { namespaces: [{ type: "mount" }, { type: "time" }] } },
    hostWith({
      kernel: { release: "5.15.0", major: 5, minor: 15 },
    }),
  );
  assert.equal(old.refusals[0]?.pointer, "/linux/namespaces");
});

test("the runtime's memory is secret where others could trace the stage that shares it", () => {
  const secret = (change: Change, host?: Host): boolean => {
    const plan = planOf(change, host);
    const at = indexOf(plan, "PR_SET_DUMPABLE");
    return callsOf(plan)[at]!.side === "runtime" && at < indexOf(plan, "clone3(");
  };
  const joined = { linux: { namespaces: [{ type: "mount" }, { type: "pid", path: "/ns/pid" }] } };
  assert.equal(secret({}), false);
  assert.equal(secret(mapped()), true);
  assert.equal(secret(joined), false, "nobody sees the stage");
  assert.equal(secret({ linux: { namespaces } }, ordinary(helpers)), false, "its maps are still to be written");
});

test("parseMap() reads what mapText() writes, and the kernel's columns", () => {
  const mappings = [...range, { containerID: 70000, hostID: 5, size: 1 }];
  assert.deepEqual(parseMap(mapText(mappings)), mappings);
  assert.deepEqual(parseMap("         0     100000      65536\n     70000          5          1\n"), mappings);
  assert.deepEqual(parseMap(""), []);
});

test("hostIdOf() finds an id within its mapping only", () => {
  assert.deepEqual(
    [0, 65535, 65536].map((id) => hostIdOf(range, id)),
    [100000, 165535, undefined],
  );
});

test("findOverlap() tells on which side ids are mapped twice", () => {
  const after = { containerID: 65536, hostID: 165536, size: 2 };
  assert.equal(findOverlap([...range, after]), undefined);
  assert.deepEqual(findOverlap([...range, after, { containerID: 65537, hostID: 0, size: 9 }]), {
    index: 2,
    earlier: 1,
    key: "containerID",
  });
  assert.equal(findOverlap([...range, { ...after, hostID: 165535 }])?.key, "hostID");
});
