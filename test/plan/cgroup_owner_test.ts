/**
 * Whose the container's cgroup is. MUST config-linux.md#cgroup-ownership
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../../src/plan/host.ts";
import { hostWith, planOf, textsOf, v1Host } from "./planning.ts";

const host: Host = hostWith({
  cgroup: {
    layout: "v2",
    v2: { mountPoint: "/cg", own: "/", controllers: [], delegate: ["cgroup.procs", "memory.oom.group"] },
    v1: [],
  },
});

const view = (...options: readonly string[]) => ({
  destination: "/sys/fs/cgroup/",
  type: "cgroup",
  source: "cgroup",
  options,
});

/** Owners given away by a container of this user. */
function owners(
  change: { uid?: number; mounts?: object[]; namespaces?: object[]; more?: object },
  on = host,
): string[] {
  const { uid = 33, mounts = [view("rw")], more = {} } = change;
  const namespaces = change.namespaces ?? [{ type: "mount" }, { type: "cgroup" }];
  const plan = planOf({ process: { user: { uid, gid: 0 } }, mounts, linux: { namespaces, ...more } }, on);
  return textsOf(plan, "/process/user/uid").filter((text) => text.startsWith("fchownat"));
}

test("planOwner() gives the directory and the files of delegation to the process's user", () => {
  assert.deepEqual(owners({}), [
    'fchownat(r, "", 33, -1, AT_EMPTY_PATH)',
    'fchownat(r, "cgroup.procs", 33, -1, 0)',
    'fchownat(r, "memory.oom.group", 33, -1, 0)',
  ]);
});

test("planOwner() knows the first three files where the kernel lists none", () => {
  assert.deepEqual(
    owners({}, hostWith({})).map((text) => text.split('"')[1]),
    ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"],
  );
});

test("planOwner() takes the host's id of a mapped user", () => {
  const ids = [{ containerID: 0, hostID: 200_000, size: 1000 }];
  const namespaces = [{ type: "mount" }, { type: "cgroup" }, { type: "user" }];
  const more = { uidMappings: ids, gidMappings: ids };
  assert.match(owners({ namespaces, more })[0]!, /200033/);
  assert.match(owners({ uid: 0, namespaces, more })[0]!, /200000/);
});

test("planOwner() changes nothing for root, without a new cgroup namespace, a writable view, or v2", () => {
  assert.deepEqual(owners({ uid: 0 }), []);
  assert.deepEqual(owners({ namespaces: [{ type: "mount" }] }), []);
  assert.deepEqual(owners({ mounts: [] }), []);
  assert.deepEqual(owners({ mounts: [view("nosuid", "ro")] }), []);
  assert.deepEqual(owners({ mounts: [{ ...view("rw"), destination: "/cgroup" }] }), []);
  assert.deepEqual(owners({}, v1Host), []);
  assert.equal(owners({ mounts: [view("ro", "rw")] }).length, 3);
});
