import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alternative } from "../../src/plan/types.ts";
import { callsOf, hostWith, indexOf, kernel, planOf, textsOf, v2Host } from "./planning.ts";

const protect = (linux: object, root: object = {}) => ({
  root,
  linux: { namespaces: [{ type: "mount" }, { type: "network" }, { type: "ipc" }], ...linux },
});

const alternativeAt = (plan: ReturnType<typeof planOf>, pointer: string): Alternative =>
  plan.items.find((item): item is Alternative => item.kind === "alternative" && item.attempt[0]!.from === pointer)!;

// MUST config-linux.md#masked-paths; anything but a missing path fails closed
test("planMaskedPaths() skips missing paths and nothing else", () => {
  const { branches } = alternativeAt(planOf(protect({ maskedPaths: ["/proc/keys"] })), "/linux/maskedPaths/0");
  assert.deepEqual(
    branches.filter(({ items }) => items.length === 0).map(({ on }) => on),
    [["ENOENT"]],
  );
  assert.deepEqual(
    branches.map(({ on }) => on),
    [["ENOENT"], ["ENOTDIR"]],
  );
});

// CVE-2025-31133: the container's own /dev/null may be anything
test("planMasks() takes /dev/null from the host, before the root is attached, and verifies it", () => {
  const plan = planOf(protect({ maskedPaths: ["/proc/keys"] }));
  const texts = textsOf(plan);
  const opened = indexOf(plan, 'openat(AT_FDCWD, "/dev/null", O_PATH|O_NOFOLLOW');
  assert.equal(texts[opened + 1], 'verify_node(r, "", S_IFCHR, makedev(1, 3))');
  assert.ok(opened < indexOf(plan, 'move_mount(r, "", AT_FDCWD, "/"'));
});

test("planMasks() makes one tmpfs for any number of paths, and none without", () => {
  const count = (maskedPaths: string[]) =>
    textsOf(planOf(protect({ maskedPaths }))).filter((text) => text.startsWith("fsopen")).length;
  assert.deepEqual([count([]), count(["/a"]), count(["/a", "/b", "/c"])], [0, 1, 1]);
});

test("planMasks() attaches the tmpfs only where the kernel cannot clone a detached one", () => {
  const attached = (major: number, minor: number) =>
    textsOf(planOf(protect({ maskedPaths: ["/a"] }), hostWith(kernel(major, minor)))).filter((text) =>
      text.includes('AT_FDCWD, "/", MOVE_MOUNT'),
    ).length;
  assert.deepEqual([attached(5, 12), attached(6, 14), attached(6, 15), attached(7, 0)], [2, 2, 1, 1]);
});

// C22
test("planReadonlyPaths() mounts a read-only clone with everything below it", () => {
  assert.deepEqual(textsOf(planOf(protect({ readonlyPaths: ["/proc/sys"] })), "/linux/readonlyPaths/0"), [
    'openat2(r, "proc/sys", {flags: O_PATH|O_CLOEXEC, resolve: RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS})',
    'open_tree(r, "", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH|AT_RECURSIVE)',
    'mount_setattr(r, "", AT_EMPTY_PATH, {attr_set: MOUNT_ATTR_RDONLY})',
    'move_mount(r, "", r, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)',
  ]);
});

test("the root becomes read-only after everything that writes below it", () => {
  const plan = planOf({
    ...protect({}, { readonly: true }),
    process: { cwd: "/work" },
    mounts: [{ destination: "/a", type: "tmpfs" }],
  });
  const last = callsOf(plan).findIndex(({ from }) => from === "/root/readonly");
  for (const writer of ["mknodat", "symlinkat", "create_in_root"]) {
    assert.ok(callsOf(plan).findLastIndex(({ call }) => call === writer) < last, writer);
  }
  assert.ok(last < indexOf(plan, "pivot_root"));
});

test("rootfsPropagation never makes the root a peer of the host's", () => {
  const before = (rootfsPropagation: string) =>
    textsOf(planOf(protect({ rootfsPropagation })), "/linux/rootfsPropagation");
  assert.match(before("rslave")[0]!, /MS_SLAVE/);
  for (const propagation of ["shared", "rprivate", "unbindable"])
    assert.match(before(propagation)[0]!, /AT_RECURSIVE, \{propagation: MS_PRIVATE/);
});

test("finishPropagation() shares the root after it is entered, recursively if asked", () => {
  const last = (rootfsPropagation: string) =>
    textsOf(planOf(protect({ rootfsPropagation })), "/linux/rootfsPropagation").at(-1);
  assert.equal(last("shared"), 'mount_setattr(r, "", AT_EMPTY_PATH, {propagation: MS_SHARED})');
  assert.equal(last("rshared"), 'mount_setattr(r, "", AT_EMPTY_PATH|AT_RECURSIVE, {propagation: MS_SHARED})');
  assert.equal(last("runbindable"), 'mount_setattr(r, "", AT_EMPTY_PATH|AT_RECURSIVE, {propagation: MS_UNBINDABLE})');
  assert.equal(last("slave"), 'mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, {propagation: MS_SLAVE})');
});

// CVE-2025-52881, CVE-2019-16884
test("planKernelParameters() writes through a procfs of its own that is mounted nowhere", () => {
  const plan = planOf({
    ...protect({ sysctl: { "net.ipv4.conf.eth0/1.rp_filter": "0", "kernel.shmmax": "65536" } }),
    process: { oomScoreAdj: 100 },
  });
  const strict = "RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_XDEV";
  const texts = textsOf(plan);
  assert.ok(indexOf(plan, "verify_fs(r, PROC_SUPER_MAGIC)") < indexOf(plan, '"sys/kernel/shmmax"'));
  assert.ok(
    texts.includes(`openat2(r, "sys/net/ipv4/conf/eth0.1/rp_filter", {flags: O_WRONLY|O_CLOEXEC, resolve: ${strict}})`),
  );
  assert.ok(texts.some((text) => text.startsWith('openat2(r, "self/oom_score_adj"')));
  assert.equal(texts.filter((text) => text === 'fsopen("proc", FSOPEN_CLOEXEC)').length, 1);
});

// MUST config.md#linux-process: oomScoreAdj unset is not touched
test("planKernelParameters() does nothing where nothing is asked", () => {
  assert.equal(indexOf(planOf(), 'fsopen("proc"'), -1);
});

test("identity is set in new namespaces only", () => {
  const own = planOf({
    hostname: "web",
    domainname: "example.org",
    linux: { namespaces: [{ type: "mount" }, { type: "uts" }, { type: "network" }] },
  });
  for (const call of ['sethostname("web")', 'setdomainname("example.org")', "SIOCSIFFLAGS"])
    assert.ok(indexOf(own, call) > 0, call);
  assert.equal(indexOf(planOf(), "SIOCSIFFLAGS"), -1);
});

test("planKeyring() joins a session of its own unless told not to", () => {
  const keyring = "keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)";
  assert.ok(indexOf(planOf(), keyring) > 0);
  assert.equal(indexOf(planOf({}, v2Host, { noNewKeyring: true }), keyring), -1);
});
