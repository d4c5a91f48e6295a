import assert from "node:assert/strict";
import { test } from "node:test";
import { callsOf, indexOf, planOf, textsOf, v2Host } from "./planning.ts";

const withDevices = (...devices: object[]) => ({ linux: { namespaces: [{ type: "mount" }], devices } });

// MUST config-linux.md#default-devices
test("planDevices() makes every default device and link", () => {
  const plan = planOf();
  const nodes = callsOf(plan).filter(({ call }) => call === "mknodat");
  assert.deepEqual(
    nodes.map(({ args }) => args[1]),
    ["null", "zero", "full", "random", "urandom", "tty"],
  );
  for (const [name, target] of [
    ["fd", "/proc/self/fd"],
    ["stdin", "/proc/self/fd/0"],
    ["stdout", "/proc/self/fd/1"],
    ["stderr", "/proc/self/fd/2"],
    ["ptmx", "pts/ptmx"],
  ] as const) {
    assert.ok(indexOf(plan, `symlinkat("${target}", r, "${name}")`) > 0, name);
  }
});

// CVE-2026-41579
test("planDevices() opens /dev without following any link", () => {
  const open = textsOf(planOf()).find((text) => text.startsWith('openat2(r, "dev"'));
  assert.match(open!, /RESOLVE_NO_SYMLINKS/);
});

// MUST config-linux.md#devices: a file that is already there and does not match is an error
test("planDevices() verifies what stands in a device's place", () => {
  const plan = planOf(withDevices({ path: "/dev/fuse", type: "c", major: 10, minor: 229 }));
  assert.ok(indexOf(plan, 'verify_node(r, "fuse", S_IFCHR, makedev(10, 229))') > 0);
});

test("planDevices() takes the permission bits of a mode only", () => {
  const plan = planOf(
    withDevices(
      { path: "/dev/a", type: "c", major: 1, minor: 1, fileMode: 0o20640 },
      { path: "/dev/b", type: "b", major: 8, minor: 0 },
      { path: "/dev/p", type: "p", fileMode: 0o600 },
    ),
  );
  assert.deepEqual(
    textsOf(plan, "/linux/devices").filter((text) => text.startsWith("mknodat")),
    [
      'mknodat(r, "a", S_IFCHR|0640, makedev(1, 1))',
      'mknodat(r, "b", S_IFBLK|0666, makedev(8, 0))',
      'mknodat(r, "p", S_IFIFO|0600, makedev(0, 0))',
    ],
  );
});

test("planDevices() changes the owner of the node it has made, by descriptor, where one is asked for", () => {
  const plan = planOf(withDevices({ path: "/dev/a", type: "c", major: 1, minor: 1, gid: 5 }));
  const at = indexOf(plan, "fchownat(");
  assert.deepEqual(textsOf(plan).slice(at - 2, at + 1), [
    'openat(r, "a", O_PATH|O_NOFOLLOW|O_CLOEXEC, 0)',
    'verify_node(r, "", S_IFCHR, makedev(1, 1))',
    'fchownat(r, "", 0, 5, AT_EMPTY_PATH)',
  ]);
});

test("planDevices() replaces nothing that is there", () => {
  const devices = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229 }];
  for (const namespaces of [[], [{ type: "mount" }], [{ type: "mount", path: "/ns/mnt" }]]) {
    for (const mounts of [[], [{ destination: "/dev", type: "tmpfs" }]]) {
      if (mounts.length > 0 && namespaces.length === 0) continue;
      const change = { linux: { namespaces, devices }, ...(namespaces.some((n) => !("path" in n)) ? { mounts } : {}) };
      assert.deepEqual(
        textsOf(planOf(change)).filter((text) => /^(unlinkat|renameat|fchmodat|fchownat)/.test(text)),
        [],
      );
    }
  }
});

test("planDevices() looks whose directory it is before it makes anything in it", () => {
  for (const mounts of [[], [{ destination: "/dev", type: "tmpfs" }]]) {
    const plan = planOf({ ...withDevices({ path: "/opt/x", type: "c", major: 1, minor: 1 }), mounts });
    for (const directory of ["dev", "opt"]) {
      const open = indexOf(plan, `openat2(r, "${directory}"`, "RESOLVE_NO_SYMLINKS");
      const verified = indexOf(plan, "verify_unprotected(");
      assert.ok(open >= 0 && verified >= 0);
      const made = callsOf(plan).findIndex(({ call }, index) => call === "mknodat" && index > open);
      const between = callsOf(plan).slice(open, made);
      assert.ok(
        between.some(({ call }) => call === "verify_unprotected"),
        directory,
      );
    }
    assert.ok(indexOf(plan, 'protect("/dev")') < indexOf(plan, "move_mount("));
  }
});

test("planProtection() protects the devtmpfs where it may be another than the runtime's /dev", () => {
  const plan = planOf({}, { ...v2Host, devtmpfs: { major: 0, minor: 300 } });
  assert.equal(indexOf(plan, "protect_device(makedev(0, 300))"), indexOf(plan, 'protect("/dev")') + 1);
  assert.equal(indexOf(planOf(), "protect_device("), -1);
});

test("planDevices() takes a devtmpfs for what it is: the machine's", () => {
  const plan = planOf({ ...withDevices(), mounts: [{ destination: "/dev", type: "devtmpfs" }] });
  assert.ok(!callsOf(plan).some(({ call }) => call === "mknodat" || call === "symlinkat"));
});

test("planDevices() opens each directory once and makes missing ones", () => {
  const plan = planOf(
    withDevices(
      { path: "/dev/net/tun", type: "c", major: 10, minor: 200 },
      { path: "/dev/net/tap", type: "c", major: 10, minor: 201 },
    ),
  );
  assert.equal(
    textsOf(plan).filter((text) => text.startsWith("create_in_root") && text.includes('"dev/net"')).length,
    1,
  );
  assert.equal(textsOf(plan).filter((text) => text.startsWith("openat2") && text.includes('"dev/net"')).length, 2);
});

test("planDevices() lets a configured device stand in for the default one", () => {
  const plan = planOf(withDevices({ path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o600 }));
  assert.deepEqual(
    textsOf(plan).filter((text) => text.startsWith("mknodat") && text.includes('"null"')),
    ['mknodat(r, "null", S_IFCHR|0600, makedev(1, 3))'],
  );
});

test("planDevices() makes nothing in a /dev that is somebody else's", () => {
  const mounts = [{ destination: "/dev", source: "/dev", options: ["rbind"] }];
  const plan = planOf({
    ...withDevices(
      { path: "/dev/fuse", type: "c", major: 10, minor: 229 },
      { path: "/opt/dev", type: "c", major: 1, minor: 1 },
    ),
    mounts,
  });
  assert.deepEqual(
    textsOf(plan).filter((text) => /^(mknodat|symlinkat|unlinkat)/.test(text)),
    ['mknodat(r, "dev", S_IFCHR|0666, makedev(1, 1))'],
  );
});

// MUST config-linux.md#default-devices: /dev/console where there is a terminal
test("planDevices() leaves /dev/console to a container with a terminal", () => {
  const isConsole = (text: string): boolean => text.includes('"console"');
  assert.ok(!textsOf(planOf()).some(isConsole));
  const terminal = planOf(
    { process: { terminal: true }, mounts: [{ destination: "/dev/pts", type: "devpts" }] },
    v2Host,
    { console: "socket" },
  );
  assert.ok(textsOf(terminal).some(isConsole));
});

test("planDevices() makes unbuffered devices as character devices", () => {
  const texts = textsOf(planOf(withDevices({ path: "/dev/u", type: "u", major: 10, minor: 1 })), "/linux/devices");
  assert.ok(texts.includes('mknodat(r, "u", S_IFCHR|0666, makedev(10, 1))'), texts.join("\n"));
});

// A mount that anything is open for writing on does not become read-only (mount_setattr(2): EBUSY).
test("no plan holds a file of the container's open for writing when its mounts become read-only", () => {
  const devices = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, uid: 1 }];
  const user = { uidMappings: [{ containerID: 0, hostID: 1000, size: 9 }], gidMappings: [] };
  let made = 0;
  for (const namespaces of [[], [{ type: "user" }]]) {
    for (const mounts of [[], [{ destination: "/dev", type: "tmpfs", options: ["ro"] }]]) {
      const plan = planOf(
        {
          root: { readonly: true },
          process: { terminal: true },
          linux: { namespaces: [{ type: "mount" }, ...namespaces], devices, ...(namespaces.length > 0 ? user : {}) },
          mounts: [...mounts, { destination: "/dev/pts", type: "devpts" }],
        },
        v2Host,
        { console: "socket" },
      );
      const calls = callsOf(plan).filter(({ call, side }) => side === "stage" && call.startsWith("openat"));
      for (const { args, from } of calls) {
        const text = JSON.stringify(args);
        if (text.includes("O_CREAT")) made++;
        // The terminal's master is a device: those count for nothing.
        if (args[1] === "ptmx" || from.startsWith("/linux/cgroupsPath")) continue;
        assert.doesNotMatch(text, /O_WRONLY|O_RDWR/, `${from}: ${text}`);
      }
    }
  }
  assert.ok(made > 4);
});
