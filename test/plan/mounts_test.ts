import assert from "node:assert/strict";
import { test } from "node:test";
import { SpecError } from "../../src/errors.ts";
import { callsOf, hostWith, indexOf, kernel, planOf, textsOf, v1Host, v2Host } from "./planning.ts";

const bind = (destination: string, ...options: string[]) => ({
  destination,
  source: "/srv",
  options: ["bind", ...options],
});
const tmpfs = (destination: string, ...options: string[]) => ({ destination, type: "tmpfs", source: "tmpfs", options });

test("planMounts() sets the attributes of a bind before it is attached", () => {
  const plan = planOf({ mounts: [bind("/a", "ro", "nosuid")] });
  assert.deepEqual(textsOf(plan, "/mounts/0/source"), [
    'open_tree(AT_FDCWD, "/srv", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC)',
    'mount_setattr(r, "", AT_EMPTY_PATH, {attr_set: MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID, attr_clr: MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC, propagation: MS_PRIVATE})',
  ]);
  const attached = callsOf(plan).findIndex(({ call, from }) => call === "move_mount" && from === "/mounts/0");
  assert.ok(indexOf(plan, "MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID") < attached);
});

test("planMounts() clones sources in the runtime, before the stage exists", () => {
  const plan = planOf({ mounts: [bind("/a"), { ...bind("/b"), source: "relative" }] });
  const clones = callsOf(plan).filter(({ call }) => call === "open_tree");
  assert.deepEqual(
    clones.map(({ side, args }) => [side, args[1]]),
    [
      ["runtime", ""],
      ["runtime", "/srv"],
      ["runtime", "/bundle/relative"],
    ],
  );
});

// S6: "rbind,ro" is of the topmost mount, only rro of all
test("planMounts() keeps ro and rro apart", () => {
  const ro = textsOf(planOf({ mounts: [{ ...bind("/a"), options: ["rbind", "ro"] }] }), "/mounts/0/source");
  assert.deepEqual(ro.slice(1), [
    'mount_setattr(r, "", AT_EMPTY_PATH, {attr_set: MOUNT_ATTR_RDONLY, attr_clr: MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC})',
    'mount_setattr(r, "", AT_EMPTY_PATH|AT_RECURSIVE, {propagation: MS_PRIVATE})',
  ]);
  const rro = textsOf(planOf({ mounts: [{ ...bind("/a"), options: ["rbind", "rro"] }] }), "/mounts/0/source");
  assert.deepEqual(rro.slice(1), [
    'mount_setattr(r, "", AT_EMPTY_PATH|AT_RECURSIVE, {attr_set: MOUNT_ATTR_RDONLY, propagation: MS_PRIVATE})',
  ]);
});

// C2
test('planMounts() binds "/" by its path', () => {
  const plan = planOf({ mounts: [{ destination: "/host", source: "/", options: ["rbind"] }] });
  assert.ok(indexOf(plan, 'open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE)') > 0);
});

// C6
test("planMounts() follows links of sources unless told not to", () => {
  const flags = (option: string) =>
    callsOf(planOf({ mounts: [bind("/a", option)] })).find(({ from }) => from === "/mounts/0/source")!.args[2];
  assert.equal(flags(""), "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC");
  for (const option of ["src-nofollow", "copy-symlink"]) {
    assert.equal(flags(option), "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_SYMLINK_NOFOLLOW");
  }
});

test("planMounts() makes the mount point of a bind like its source", () => {
  assert.deepEqual(textsOf(planOf({ mounts: [bind("/a/b")] }), "/mounts/0/destination"), [
    'openat2(r, "a/b", {flags: O_PATH|O_CLOEXEC, resolve: RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS})',
    'openat(r, ".", O_PATH|O_DIRECTORY|O_CLOEXEC, 0)',
    'create_in_root(r, "a/b", S_IFDIR|0755)',
    'create_in_root(r, "a/b", S_IFREG|0644)',
    "verify_outside(r, PROC_SUPER_MAGIC, SYSFS_MAGIC)",
  ]);
});

// CVE-2019-19921, CVE-2023-27561
test("planMounts() mounts proc and sysfs on real directories only", () => {
  for (const type of ["proc", "sysfs"]) {
    const [open] = textsOf(
      planOf({ mounts: [{ destination: `/${type}`, type, source: type }] }),
      "/mounts/0/destination",
    );
    assert.match(open!, /O_DIRECTORY.*RESOLVE_NO_SYMLINKS/);
  }
});

// CVE-2019-16884
test("planMounts() refuses mounts in /proc but those that lxcfs gives", () => {
  for (const path of ["/proc/self/attr", "/proc/sys", "/proc/1", "/proc//self/../uptimes"]) {
    assert.throws(() => planOf({ mounts: [tmpfs(path)] }), /outside \/proc/, path);
  }
  assert.throws(() => planOf({ mounts: [tmpfs("/proc")] }), /Expected "proc" at "\/proc"/);
  planOf({ mounts: [bind("/proc/uptime"), bind("/proc/sys/kernel/ns_last_pid")] });
  assert.ok(indexOf(planOf({ mounts: [bind("/proc")] }), "verify_fs(r, PROC_SUPER_MAGIC)") > 0);
});

test("planMounts() passes the filesystem's own options one by one", () => {
  const plan = planOf({
    mounts: [{ destination: "/p", type: "devpts", options: ["newinstance", "mode=0620,gid=5", "nosuid"] }],
  });
  assert.deepEqual(
    textsOf(plan, "/mounts/0").filter((text) => text.startsWith("fs")),
    [
      'fsopen("devpts", FSOPEN_CLOEXEC)',
      'fsconfig(r, FSCONFIG_SET_STRING, "source", "devpts", 0)',
      'fsconfig(r, FSCONFIG_SET_FLAG, "newinstance", NULL, 0)',
      'fsconfig(r, FSCONFIG_SET_STRING, "mode", "0620", 0)',
      'fsconfig(r, FSCONFIG_SET_STRING, "gid", "5", 0)',
      "fsconfig(r, FSCONFIG_CMD_CREATE, NULL, NULL, 0)",
      "fsmount(r, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID)",
    ],
  );
});

test("planMounts() splits options at commas but not at escaped ones", () => {
  const texts = textsOf(
    planOf({ mounts: [{ destination: "/o", type: "overlay", options: ["lowerdir=/a\\,b:/c,ro"] }] }),
    "/mounts/0/options/0",
  );
  assert.deepEqual(texts, [
    'fsconfig(r, FSCONFIG_SET_STRING, "lowerdir", "/a\\\\,b:/c", 0)',
    'fsconfig(r, FSCONFIG_SET_FLAG, "ro", NULL, 0)',
  ]);
});

test("planMounts() gives long lists of layers one by one where the kernel can", () => {
  const layers = Array.from({ length: 5 }, (_, i) => `/layers/${"x".repeat(60)}/${i}`);
  const change = { mounts: [{ destination: "/o", type: "overlay", options: [`lowerdir=${layers.join(":")}`] }] };
  const appended = textsOf(planOf(change), "/mounts/0/options/0");
  assert.deepEqual(
    appended,
    layers.map((layer) => `fsconfig(r, FSCONFIG_SET_STRING, "lowerdir+", "${layer}", 0)`),
  );
  assert.match(planOf(change, hostWith(kernel(6, 1))).refusals[0]!.message, /needs Linux 6\.8/);
});

test("planMounts() names the wrong option of a bind mount", () => {
  assert.throws(() => planOf({ mounts: [bind("/a", "ro", "size=1m")] }), { pointer: "/mounts/0/options/2" });
});

test("planMounts() wants a source for a bind mount", () => {
  assert.throws(() => planOf({ mounts: [{ destination: "/a", options: ["bind"] }] }), { pointer: "/mounts/0/source" });
});

test("planMounts() wants a type for what is no bind mount", () => {
  assert.throws(() => planOf({ mounts: [{ destination: "/a", source: "/srv" }] }), { pointer: "/mounts/0/type" });
});

// R2: a mount over "/" is the root from then on
test('planMounts() goes on in what was mounted over "/"', () => {
  const plan = planOf({ mounts: [tmpfs("/"), tmpfs("/after")] });
  const over = callsOf(plan).find(({ call, from }) => call === "fsmount" && from.startsWith("/mounts/0"))!.out;
  const after = callsOf(plan).find(({ call, from }) => call === "openat2" && from.startsWith("/mounts/1"))!.args[0];
  assert.deepEqual(after, over);
  assert.deepEqual(callsOf(plan).find(({ call }) => call === "fchdir")!.args, [over]);
});

test("planMounts() leaves a read-only /dev writable until its nodes are made", () => {
  const plan = planOf({ mounts: [tmpfs("/dev", "ro")] });
  assert.ok(indexOf(plan, "fsmount(r, FSMOUNT_CLOEXEC, 0)") > 0);
  assert.ok(indexOf(plan, "mknodat", '"tty"') < indexOf(plan, "mount_setattr", "{attr_set: MOUNT_ATTR_RDONLY}"));
});

test("planMounts() leaves a read-only tmpfs writable while later mounts need places in it", () => {
  const plan = planOf({ mounts: [tmpfs("/run", "ro"), bind("/run/secrets")] });
  assert.ok(indexOf(plan, "create_in_root", '"run/secrets"') < indexOf(plan, "{attr_set: MOUNT_ATTR_RDONLY}"));
  const alone = planOf({ mounts: [tmpfs("/run", "ro", "mode=755")] });
  assert.ok(indexOf(alone, "fsmount(r, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY)") > 0);
});

test("planMounts() gives a tmpfs the mode of what it covers where none is asked, before it is read-only", () => {
  const texts = textsOf(planOf({ mounts: [tmpfs("/run", "ro")] }), "/mounts/0");
  const order = ["fsmount", "openat2", "copy_mode", "create_in_root", "mount_setattr", "move_mount"].map((name) =>
    texts.findIndex((text) => text.startsWith(name)),
  );
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  assert.ok(order[0]! >= 0);
  for (const mode of ["mode=700", "size=1m,mode=700"]) {
    assert.equal(indexOf(planOf({ mounts: [tmpfs("/run", mode)] }), "copy_mode"), -1);
  }
  // Over a mount of ours, and over the root.
  assert.ok(indexOf(planOf({ mounts: [bind("/run"), tmpfs("/run")] }), "copy_mode") > 0);
  assert.ok(indexOf(planOf({ mounts: [tmpfs("/")] }), "copy_mode") > 0);
});

test("planMounts() copies the covered directory up before the tmpfs is read-only", () => {
  const texts = textsOf(planOf({ mounts: [tmpfs("/data", "tmpcopyup", "ro")] }), "/mounts/0");
  const order = ["fsmount", "copy_tree", "mount_setattr", "move_mount"].map((name) =>
    texts.findIndex((text) => text.startsWith(name)),
  );
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  assert.throws(() => planOf({ mounts: [{ ...tmpfs("/a", "tmpcopyup"), type: "ramfs" }] }), /type "tmpfs"/);
});

test("planMounts() changes an existing mount on remount", () => {
  const texts = textsOf(planOf({ mounts: [{ destination: "/a", options: ["remount", "bind", "ro"] }] }), "/mounts/0");
  assert.deepEqual(texts, [
    'openat2(r, "a", {flags: O_PATH|O_CLOEXEC, resolve: RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS})',
    'mount_setattr(r, "", AT_EMPTY_PATH, {attr_set: MOUNT_ATTR_RDONLY})',
  ]);
});

const view = [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid"] }];
const namespaces = [{ type: "mount" }, { type: "cgroup" }];

test("planMounts() shows cgroup v2 as a new mount in a cgroup namespace, else as a clone of the host's", () => {
  const own = planOf({ mounts: view, linux: { namespaces } });
  assert.ok(indexOf(own, 'fsopen("cgroup2"') > 0);
  const inherited = planOf({ mounts: view });
  // A new mount in the initial cgroup namespace would reset the host's nsdelegate.
  assert.equal(indexOf(inherited, 'fsopen("cgroup2"'), -1);
  assert.ok(indexOf(inherited, 'open_tree(AT_FDCWD, "/sys/fs/cgroup"') > 0);
  const cgroup2 = planOf({ mounts: [{ ...view[0]!, type: "cgroup2" }] });
  assert.deepEqual(textsOf(cgroup2), textsOf(inherited));
});

test("planMounts() shows cgroup v1 as a tmpfs with a directory a hierarchy", () => {
  const texts = textsOf(planOf({ mounts: view, linux: { namespaces } }, v1Host), "/mounts/0");
  assert.deepEqual(
    texts.filter((text) => /^(mkdirat|symlinkat)/.test(text)),
    [
      'mkdirat(r, "systemd", 0755)',
      'mkdirat(r, "cpu,cpuacct", 0755)',
      'symlinkat("cpu,cpuacct", r, "cpu")',
      'symlinkat("cpu,cpuacct", r, "cpuacct")',
      'mkdirat(r, "devices", 0755)',
    ],
  );
  assert.ok(texts.includes('fsconfig(r, FSCONFIG_SET_STRING, "name", "systemd", 0)'));
  assert.ok(texts.includes('fsconfig(r, FSCONFIG_SET_FLAG, "cpuacct", NULL, 0)'));
  assert.match(
    texts.findLast((text) => text.startsWith("mount_setattr"))!,
    /MOUNT_ATTR_RDONLY/,
  );
});

// R2, R3
test("planMounts() looks for the root again after a destination that may be a link to it", () => {
  const again = (...mounts: object[]): number =>
    textsOf(planOf({ mounts })).filter((text) => text.startsWith('openat2(r, ".."')).length;
  assert.equal(again(bind("/etc/hosts"), bind("/data")), 2);
  assert.equal(again(tmpfs("/dev"), tmpfs("/dev/shm"), bind("/dev/shm")), 0);
  assert.equal(again(tmpfs("/a"), bind("/a/b")), 1);
  assert.equal(again(tmpfs("/a", "tmpcopyup"), bind("/a/b")), 2);
  assert.equal(again({ destination: "/proc", type: "proc" }, { destination: "/sys", type: "sysfs" }), 0);
});

test("planMounts() ignores the type where an option says bind", () => {
  const plan = planOf({ mounts: [{ ...bind("/a"), type: "tmpfs" }] }, v2Host);
  assert.equal(indexOf(plan, "fsopen"), -1);
});

test("prepareMounts() changes no filesystem of which the machine has one", () => {
  const mount = (type: string, ...options: string[]) => planOf({ mounts: [{ destination: "/mnt", type, options }] });
  for (const [type, option] of [
    ["devtmpfs", "size=1m"],
    ["debugfs", "uid=1000"],
    ["tracefs", "mode=0777"],
    ["pstore", "kmsg_bytes=1"],
    ["debugfs", "sync"],
  ] as const) {
    assert.throws(
      () => mount(type, "nosuid", option),
      (error) => {
        assert.ok(error instanceof SpecError);
        assert.equal(error.pointer, "/mounts/0/options/1");
        assert.match(error.message, new RegExp(`Expected no option of the filesystem but received "${option}"`));
        return true;
      },
    );
  }
  const texts = textsOf(mount("debugfs", "ro", "nosuid"), "/mounts/0");
  assert.ok(!texts.some((text) => text.includes('FSCONFIG_SET_FLAG, "ro"')), "the mount alone is read-only");
  assert.ok(texts.some((text) => text.startsWith("mount_setattr(") && text.includes("MOUNT_ATTR_RDONLY")));
  assert.doesNotThrow(() => mount("tmpfs", "size=1m"));
});

test("prepareMounts() makes no cgroup2 anew in the host's cgroup namespace", () => {
  const refusals = (namespaces: object[], hostNamespaces: readonly "cgroup"[] = []): string[] =>
    planOf(
      { mounts: [{ destination: "/mnt", type: "cgroup2" }], linux: { namespaces: [{ type: "mount" }, ...namespaces] } },
      { ...v1Host, hostNamespaces },
    ).refusals.map(({ pointer }) => pointer);
  assert.deepEqual(refusals([]), ["/mounts/0/type"]);
  assert.deepEqual(refusals([{ type: "cgroup" }]), []);
  assert.deepEqual(refusals([{ type: "cgroup", path: "/ns/cgroup" }]), []);
  assert.deepEqual(refusals([{ type: "cgroup", path: "/ns/cgroup" }], ["cgroup"]), ["/mounts/0/type"]);
});
