/** Tests of src/plan/mount_idmap.ts: which mapping a mount asks for, and the texts it is written as. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../../src/plan/host.ts";
import { checkPlan } from "../../src/plan/check.ts";
import { type Change, hostWith, planOf, textsOf } from "./planning.ts";

const line = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });
const user = {
  namespaces: [{ type: "mount" }, { type: "pid" }, { type: "user" }],
  uidMappings: [line(0, 100_000, 1), line(1, 200_000, 1000)],
  gidMappings: [line(0, 300_000, 5), line(10, 400_000, 5)],
};

function bind(options: string[], more: object = {}): object {
  return { destination: "/a", source: "/srv", options: ["rbind", ...options], ...more };
}

/** Texts of the calls that map ids, in plan order. */
function idmaps(change: Change, host?: Partial<Host>): string[] {
  const plan = planOf(change, host === undefined ? undefined : hostWith(host));
  checkPlan(plan);
  return textsOf(plan, "").filter((text) => /make_user_namespace|MOUNT_ATTR_IDMAP|user"/.test(text));
}

const apply = 'mount_setattr(r, "", AT_EMPTY_PATH, {attr_set: MOUNT_ATTR_IDMAP, userns_fd: r})';
const applyToAll = apply.replace("AT_EMPTY_PATH,", "AT_EMPTY_PATH|AT_RECURSIVE,");
const make = (uids: string, gids: string): string => `make_user_namespace("${uids}", "${gids}")`;

const options: readonly [string, string, string, linux?: object][] = [
  ["idmap=uids=0-1000-10;gids=5-6-7", "0 1000 10\\n", "5 6 7\\n"],
  ["idmap=gids=5-6-7;uids=0-1000-10#10-2000-5", "0 1000 10\\n10 2000 5\\n", "5 6 7\\n"],
  ["idmap=uids=0-4294967295-1;gids=0-0-4294967295", "0 4294967295 1\\n", "0 0 4294967295\\n"],
  // "@": the second is an id of the container
  ["idmap=uids=@1000-0-1;gids=@1000-0-1", "1000 100000 1\\n", "1000 300000 1\\n", user],
  ["idmap=uids=@1000-5-1;gids=0-1-2", "1000 200004 1\\n", "0 1 2\\n", user],
  ["idmap=uids=@1000-0-3#7-8-9;gids=@0-10-5", "1000 100000 1\\n1001 200000 2\\n7 8 9\\n", "0 400000 5\\n", user],
  // as podman: what is not given is the container's
  ["idmap=uids=1-2-3", "1 2 3\\n", "0 300000 5\\n10 400000 5\\n", user],
  ["idmap=gids=1-2-3", "0 100000 1\\n1 200000 1000\\n", "1 2 3\\n", user],
  ["idmap", "0 100000 1\\n1 200000 1000\\n", "0 300000 5\\n10 400000 5\\n", user],
];

for (const [option, uids, gids, linux] of options) {
  test(`planIdmap() reads ${option}${linux === undefined ? "" : " in a user namespace"}`, () => {
    const change = (text: string): Change => ({ mounts: [bind([text])], ...(linux === undefined ? {} : { linux }) });
    assert.deepEqual(idmaps(change(option)), [make(uids, gids), apply]);
    assert.deepEqual(idmaps(change(`r${option}`)), [make(uids, gids), applyToAll]);
  });
}

test("planIdmap() takes the mount's own mapping before any other, and without an option too", () => {
  const mapping = { uidMappings: [line(0, 5, 6)], gidMappings: [line(0, 7, 8)] };
  for (const list of [[], ["idmap"], ["idmap=uids=1-1-1;gids=1-1-1"]]) {
    assert.deepEqual(idmaps({ mounts: [bind(list, mapping)], linux: user }), [make("0 5 6\\n", "0 7 8\\n"), apply]);
  }
  assert.deepEqual(idmaps({ mounts: [bind(["ridmap"], mapping)] }), [make("0 5 6\\n", "0 7 8\\n"), applyToAll]);
  const empty = { uidMappings: [], gidMappings: [] };
  assert.deepEqual(idmaps({ mounts: [bind([], empty)], linux: user }), []);
});

test("planIdmap() makes one namespace for all mounts with the same mapping", () => {
  const texts = idmaps({ mounts: [bind(["idmap"]), bind(["ridmap"]), bind(["idmap=uids=1-1-1"])], linux: user });
  assert.deepEqual(texts, [
    make("0 100000 1\\n1 200000 1000\\n", "0 300000 5\\n10 400000 5\\n"),
    apply,
    applyToAll,
    make("1 1 1\\n", "0 300000 5\\n10 400000 5\\n"),
    apply,
  ]);
});

test("planIdmap() takes the user namespace that is joined as it is", () => {
  const linux = { namespaces: [{ type: "mount" }, { type: "user", path: "/proc/1/ns/user" }] };
  const opened = 'openat(AT_FDCWD, "/proc/1/ns/user", O_RDONLY|O_CLOEXEC, 0)';
  const texts = idmaps({ mounts: [bind(["idmap"]), bind(["idmap"])], linux });
  assert.deepEqual(texts.slice(texts.indexOf(apply) - 1).slice(0, 3), [opened, apply, apply]);
});

test("planIdmap() names the option that it cannot read", () => {
  const wrong: readonly [string, RegExp, object?][] = [
    ["idmap=", /"" is neither uids= nor gids=/],
    ["idmap=users=1-1-1", /"users=1-1-1" is neither/],
    ["idmap=uids=1-1-1;", /"" is neither/],
    ["idmap=uids=", /"" is not FROM-TO-SIZE/],
    ["idmap=uids=1-1", /"1-1" is not FROM-TO-SIZE/],
    ["idmap=uids=1-1-1-1", /not FROM-TO-SIZE/],
    ["idmap=uids=1-1-0", /not FROM-TO-SIZE/],
    ["idmap=uids=1-1-x", /not FROM-TO-SIZE/],
    ["idmap=uids=1-0x1-1", /not FROM-TO-SIZE/],
    ["idmap=uids=1--1-1", /not FROM-TO-SIZE/],
    ["idmap=uids= 1-1-1", /not FROM-TO-SIZE/],
    ["idmap=uids=1-1-4294967296", /not FROM-TO-SIZE/],
    ["idmap=uids=1-1-1#", /"" is not FROM-TO-SIZE/],
    ["idmap=uids=@@1-1-1", /not FROM-TO-SIZE/],
    ["idmap=uids=1-1-1", /gids= is missing/],
    ["ridmap=gids=1-1-1", /uids= is missing/],
    ["idmap=uids=@1-1-1;gids=1-1-1", /relative to linux.uidMappings/],
    ["idmap=uids=@0-1001-1", /no id 1001/, user],
    ["idmap=uids=@0-999-3", /no id 1001/, user],
    ["idmap=gids=@0-4-2", /no id 5/, user],
  ];
  for (const [option, message, linux] of wrong) {
    const change = { mounts: [bind(["ro", option])], ...(linux === undefined ? {} : { linux }) };
    assert.throws(() => planOf(change), { name: "SpecError", pointer: "/mounts/0/options/2", message }, option);
  }
});

test("planIdmap() maps the ids of nothing but bind mounts", () => {
  const tmpfs = { destination: "/a", type: "tmpfs", source: "tmpfs", options: ["ro", "idmap"] };
  assert.throws(() => planOf({ mounts: [tmpfs], linux: user }), { pointer: "/mounts/0/options/1", message: /bind/ });
  const mapping = { uidMappings: [line(0, 5, 6)], gidMappings: [line(0, 7, 8)] };
  const remount = { destination: "/a", options: ["remount", "bind", "ro"], ...mapping };
  assert.throws(() => planOf({ mounts: [remount] }), { pointer: "/mounts/0/uidMappings", message: /bind/ });
});

test("planIdmap() refuses where the runtime may not mount, and says where it is asked for", () => {
  const mapping = { uidMappings: [line(0, 5, 6)], gidMappings: [line(0, 7, 8)] };
  const mounts = [bind([], mapping), bind(["idmap"])];
  const plan = planOf({ mounts, linux: user }, hostWith({ euid: 1000, mayMount: false, mayMapIds: false }));
  assert.deepEqual(
    plan.refusals.filter(({ message }) => message.includes("ids of a mount")).map(({ pointer }) => pointer),
    ["/mounts/0/uidMappings", "/mounts/1/options/1"],
  );
});

test("planIdmap() refuses where mounts are made by mount(2)", () => {
  for (const call of ["mount_setattr", "open_tree", "fsopen"] as const) {
    const plan = planOf({ mounts: [bind(["idmap=uids=0-1-1;gids=0-1-1"])] }, hostWith({ missing: [call] }));
    assert.deepEqual(
      plan.refusals.map(({ pointer, message }) => [pointer, message.slice(message.indexOf(": ") + 2)]),
      [["/mounts/0/options/1", `${call} is missing here or forbidden by a seccomp filter`]],
    );
    assert.ok(!textsOf(plan).some((text) => text.includes("IDMAP")));
  }
});
