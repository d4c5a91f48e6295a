import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPlan } from "../../src/plan/check.ts";
import type { Host } from "../../src/plan/host.ts";
import {
  type Change,
  callsOf,
  defaultOptions,
  hostWith,
  indexOf,
  planOf,
  textsOf,
  v1Host,
  v2Host,
} from "./planning.ts";

const mappings = [{ containerID: 0, hostID: 1000, size: 1 }];
const guest = (change: Change = {}, ...types: string[]): Change => ({
  ...change,
  linux: {
    namespaces: ["user", "mount", ...types].map((type) => ({ type })),
    uidMappings: mappings,
    gidMappings: mappings,
    ...change.linux,
  },
});
const rootless: Host = hostWith({ euid: 1000, egid: 1000, mayMount: false, mayMapIds: false });
const sysfs = { destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro", "nosuid"] };
const bindRoot = { destination: "/host", source: "/", options: ["rbind"] };

test("planCreate() lets the stage clone what the runtime may not", () => {
  const plan = planOf(guest({ mounts: [bindRoot] }), rootless);
  checkPlan(plan);
  const clones = callsOf(plan).filter(({ call }) => call === "open_tree");
  assert.ok(clones.length > 7);
  for (const { side } of clones) assert.equal(side, "stage");
  assert.deepEqual(plan.inherited, []);
});

// A recursive clone of "/" is to hold the host's mounts only: neither the container's root nor the masks.
test("planCreate() clones in the stage between the cut from the host and the first mount", () => {
  const plan = planOf(guest({ mounts: [bindRoot], linux: { maskedPaths: ["/proc/kcore"] } }), rootless);
  const isolated = indexOf(plan, 'mount_setattr(AT_FDCWD, "/", AT_RECURSIVE');
  const cloned = indexOf(plan, 'open_tree(AT_FDCWD, "/", ');
  const masked = indexOf(plan, 'fsopen("tmpfs"');
  const attached = indexOf(plan, 'move_mount(r, "", AT_FDCWD, "/"');
  assert.ok(isolated < cloned && cloned < masked && masked < attached, `${isolated} ${cloned} ${masked} ${attached}`);
});

test("planCreate() clones in the runtime where that may, user namespace or not", () => {
  const plan = planOf(guest({ mounts: [bindRoot] }));
  checkPlan(plan);
  const clones = callsOf(plan).filter(({ call, side }) => call === "open_tree" && side === "runtime");
  // The root, the source, six devices.
  assert.equal(clones.length, 8);
  // A tree goes another way: planLockedTrees().
  assert.equal(plan.inherited.length, 7);
});

// C12, C13, C14
test("planDevices() takes the host's nodes into a user namespace: by the table, opened by nobody, not chowned", () => {
  for (const host of [v2Host, rootless]) {
    const plan = planOf(
      guest({ linux: { devices: [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, uid: 7 }] } }),
      host,
    );
    const cloned = callsOf(plan).filter(
      ({ call, args }) => call === "open_tree" && String(args[1]).startsWith("/dev/"),
    );
    assert.deepEqual(
      cloned.map(({ args }) => args[1]),
      ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/fuse"],
    );
    for (const { args } of cloned) assert.match(String(args[2]), /AT_SYMLINK_NOFOLLOW/);
    assert.equal(indexOf(plan, "fchown"), -1);
    for (const text of textsOf(plan)) {
      if (text.includes('"/dev/') && text.startsWith("openat(")) assert.match(text, /O_PATH/);
      // nodev would make the node useless
      if (text.includes("MOUNT_ATTR_NOSUID|MOUNT_ATTR_NOEXEC")) assert.doesNotMatch(text, /NODEV/);
    }
    assert.ok(indexOf(plan, 'verify_node(r, "", S_IFCHR, makedev(10, 229))') > 0);
  }
});

test("cloneDevices() makes the nodes of config.json itself where it may, with their mode and owner", () => {
  const device = { path: "/dev/x", type: "c", major: 1, minor: 2, fileMode: 0o640, uid: 0, gid: 0 };
  const change = guest({ linux: { devices: [device] } });
  const texts = textsOf(planOf(change), "/linux/devices/0");
  assert.deepEqual(texts.slice(0, 4), [
    'mknodat(r, "6", S_IFCHR|0640, makedev(1, 2))',
    'fchmodat(r, "6", 0640)',
    'fchownat(r, "6", 1000, 1000, AT_SYMLINK_NOFOLLOW)',
    'open_tree(r, "6", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_SYMLINK_NOFOLLOW)',
  ]);
  const joined = guest({ linux: { devices: [device], namespaces: [{ type: "mount" }, { type: "user", path: "/u" }] } });
  delete (joined.linux as Record<string, unknown>)["uidMappings"];
  delete (joined.linux as Record<string, unknown>)["gidMappings"];
  // Clones of detached mounts come with Linux 6.15; ids of a joined namespace are not known.
  for (const [other, host] of [
    [change, hostWith({ kernel: { release: "6.14.0", major: 6, minor: 14 } })],
    [change, rootless],
    [joined, v2Host],
  ] as const) {
    assert.match(textsOf(planOf(other, host), "/linux/devices/0")[0]!, /^open_tree\(AT_FDCWD, "\/dev\/x"/);
  }
});

test("planDevices() makes a FIFO in a user namespace, too", () => {
  const plan = planOf(guest({ linux: { devices: [{ path: "/dev/pipe", type: "p" }] } }));
  assert.ok(indexOf(plan, 'mknodat(r, "pipe", S_IFIFO|0666') > 0);
  assert.equal(indexOf(plan, '"/dev/pipe"'), -1);
});

test("planDevices() clones for a runtime that is itself inside a user namespace", () => {
  const plan = planOf({}, hostWith({ inUserNamespace: true }));
  checkPlan(plan);
  assert.ok(indexOf(plan, 'open_tree(AT_FDCWD, "/dev/null"') > 0);
});

test("planFilesystem() has the host's /sys for a user namespace, read-only throughout", () => {
  const plan = planOf(guest({ mounts: [{ ...sysfs, options: ["nosuid"] }] }));
  const texts = textsOf(plan, "/mounts/0");
  const at = texts.indexOf('open_tree(AT_FDCWD, "/sys", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE)');
  assert.ok(at > texts.findIndex((text) => text.startsWith("fsmount")));
  assert.equal(texts[at + 1], "verify_fs(r, SYSFS_MAGIC)");
  assert.equal(
    texts[at + 2],
    'mount_setattr(r, "", AT_EMPTY_PATH|AT_RECURSIVE, {attr_set: MOUNT_ATTR_NOSUID|MOUNT_ATTR_RDONLY, propagation: MS_PRIVATE})',
  );
});

test("planFilesystem() has no substitute without a user namespace", () => {
  assert.equal(indexOf(planOf({ mounts: [sysfs] }), 'open_tree(AT_FDCWD, "/sys"'), -1);
});

// The host's would show other processes, under other numbers.
test("planFilesystem() takes the host's /proc only for the host's pid namespace", () => {
  const mounts = [{ destination: "/proc", type: "proc", source: "proc" }];
  const isTaken = (change: Change): boolean => indexOf(planOf(change), 'open_tree(AT_FDCWD, "/proc"') > 0;
  assert.ok(isTaken(guest({ mounts })));
  assert.ok(!isTaken(guest({ mounts }, "pid")));
  const joined = [{ type: "user" }, { type: "mount" }, { type: "pid", path: "/proc/7/ns/pid" }];
  assert.ok(!isTaken(guest({ mounts, linux: { namespaces: joined } })));
});

test("planFilesystem() takes the host's message queues without an ipc namespace of its own", () => {
  const mounts = [{ destination: "/dev/mqueue", type: "mqueue", source: "mqueue" }];
  assert.ok(indexOf(planOf(guest({ mounts })), 'open_tree(AT_FDCWD, "/dev/mqueue"') > 0);
  assert.equal(indexOf(planOf(guest({ mounts }, "ipc")), 'open_tree(AT_FDCWD, "/dev/mqueue"'), -1);
});

test("planCgroupView() clones the host's hierarchies without a cgroup namespace, whoever clones", () => {
  const mounts = [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] }];
  const options = { ...defaultOptions, cgroupManager: "disabled" } as const;
  for (const host of [v1Host, { ...rootless, cgroup: v1Host.cgroup }]) {
    const plan = planOf(guest({ mounts }), host, options);
    checkPlan(plan);
    for (const { mountPoint } of v1Host.cgroup.v1) assert.ok(indexOf(plan, `open_tree(AT_FDCWD, "${mountPoint}"`) >= 0);
    assert.equal(indexOf(plan, 'fsopen("cgroup"'), -1);
  }
  const unified = planOf(guest({ mounts }), rootless, options);
  assert.ok(
    indexOf(unified, 'open_tree(AT_FDCWD, "/sys/fs/cgroup", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE)') > 0,
  );
});

// After the root is entered no procfs is in sight, and the kernel gives a user namespace none.
test("planKernelParameters() opens its procfs before the root is entered in a user namespace", () => {
  const change = { process: { oomScoreAdj: 5 } };
  const order = (text: Change): boolean =>
    indexOf(planOf(text), "self/oom_score_adj") < indexOf(planOf(text), "pivot_root");
  assert.ok(order(guest(change)));
  assert.ok(!order(change));
  assert.ok(indexOf(planOf(guest(change)), 'openat(AT_FDCWD, "/proc", O_PATH') > 0);
});

test("planKernelParameters() sets the domain name of a user namespace's container by its call", () => {
  const linux = { sysctl: { "kernel.domainname": "example" } };
  const plan = planOf(guest({ linux: { ...linux, namespaces: ["user", "mount", "uts"].map((type) => ({ type })) } }));
  assert.ok(indexOf(plan, 'setdomainname("example")') > 0);
  assert.equal(indexOf(plan, "sys/kernel/domainname"), -1);
});

test("planCreate() opens the root in the stage where the mount namespace is joined, and mounts nothing", () => {
  const change: Change = {
    process: { terminal: true },
    linux: { namespaces: [{ type: "mount", path: "/proc/7/ns/mnt" }] },
  };
  const plan = planOf(change, v2Host, { ...defaultOptions, console: "socket" });
  checkPlan(plan);
  const root = callsOf(plan).find(({ args }) => args[1] === "/bundle/rootfs")!;
  assert.equal(root.side, "stage");
  for (const call of ["move_mount", "open_tree", "mount_setattr", "fsmount", "pivot_root", "umount2"])
    assert.equal(indexOf(plan, `${call}(`), -1, call);
  assert.ok(indexOf(plan, 'chroot(".")') > 0);
});

// mount_namespaces(7): only a copied namespace is locked
test("planLockedTrees() passes recursive binds through a namespace of the thread", () => {
  const mounts = [bindRoot, { destination: "/one", source: "/srv", options: ["bind"] }];
  const plan = planOf(guest({ mounts }));
  checkPlan(plan);
  const thread = callsOf(plan).filter(({ side }) => side === "thread");
  assert.deepEqual(
    thread.map(({ call }) => call),
    ["unshare", "mount_setattr", "move_mount", "move_mount", "fchdir"],
  );
  assert.equal(thread[2]!.args[3], "/bundle/rootfs");
  const again = callsOf(plan).filter(({ side, call, from }) => side === "stage" && call === "open_tree" && from !== "");
  assert.deepEqual(
    again.map(({ args }) => args.slice(0, 2)),
    [["AT_FDCWD", "0"]],
  );
  // The root, the other bind and six devices; not the tree that is cloned again.
  assert.equal(plan.inherited.length, 8);
  // A joined user namespace is entered after that, while the rights are there.
  const linux = { namespaces: [{ type: "mount" }, { type: "user", path: "/u" }], uidMappings: [], gidMappings: [] };
  const joined = callsOf(planOf({ mounts, linux })).filter(({ side }) => side === "thread");
  assert.equal(joined.at(-1)!.call, "setns");
});

test("planLockedTrees() has nothing to do without a user namespace, without a tree, for the stage", () => {
  const isUsed = (plan: ReturnType<typeof planOf>): boolean => callsOf(plan).some(({ side }) => side === "thread");
  assert.ok(!isUsed(planOf({ mounts: [bindRoot] })));
  assert.ok(!isUsed(planOf(guest({ mounts: [{ ...bindRoot, options: ["bind"] }] }))));
  assert.ok(!isUsed(planOf(guest({ mounts: [bindRoot] }), rootless)));
});
