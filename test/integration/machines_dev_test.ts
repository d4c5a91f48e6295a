/**
 * The machine's own /dev shown to a container: nothing is made, replaced, chowned or chmodded in it.
 * The machine here is a mount namespace whose /dev is a private copy: no test runs anything unless the copy lies over it.
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type Config, withoutMounts, withoutNamespace } from "../support/config.ts";
import { execute, type Outcome } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { inOwnMounts } from "../support/own_mounts.ts";
import { skip } from "../support/skip.ts";
import { type Bundle, type BundleOptions, scoped, type Scope } from "../support/scope.ts";
import { everything, nothing } from "../support/without.ts";

/** Everything of a directory that a change would show in: a replaced file has another inode, a touched one another time. */
const list = (path: string): string =>
  `find ${path} -xdev ! -path ${path} -printf '%p %y %m %u:%g %i %C@ %l\\n' | sort`;

/**
 * Words that put a private copy over /dev: some nodes but those it `lacks`, none of the usual
 * links, a devpts. `more`: shell lines run once it lies there; `first`: before.
 */
function withCopy(scope: Scope, lacks: readonly string[] = [], more = "true", first = "true"): string[] {
  const nodes = ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"];
  const kept = nodes.filter((name) => !lacks.includes(name)).map((name) => `/dev/${name}`);
  return inOwnMounts(`
    set -e
    ${first}
    copy=${scope.directory}/copy real=$(stat -c %d /dev)
    mkdir -p $copy; mount -t tmpfs -o mode=755 copy $copy; mkdir $copy/pts $copy/net
    cp -a ${kept.join(" ")} $copy; touch $copy/private-copy
    mount -t devpts -o newinstance,ptmxmode=0666 devpts $copy/pts
    mount --rbind $copy /dev
    test -e /dev/private-copy && test $(stat -c %d /dev) != $real
    ${more}
    ${list("/dev")} > ${scope.directory}/before
    set +e
    "$@"; status=$?
    ${list("/dev")} > ${scope.directory}/after
    exit $status`);
}

interface Case {
  change: (config: Config, bundle: { directory: string }) => void;
  bundle?: BundleOptions;
  /** Nodes that the copy lacks. */
  lacks?: readonly string[];
  more?: (bundle: Bundle) => string;
  args?: string;
  check: (outcome: Outcome) => void;
}

const runs = (outcome: Outcome): void => {
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.match(outcome.stdout, /ran/);
};

const refused =
  (...patterns: readonly RegExp[]) =>
  (outcome: Outcome): void => {
    assert.equal(outcome.status, 1, outcome.stdout);
    for (const pattern of patterns) assert.match(outcome.stderr, pattern);
  };

/** The machine's root, with no mounts but procfs. */
function ofMachine(config: Config): void {
  config.root.path = "/";
  config.mounts = config.mounts.filter(({ destination }) => destination === "/proc");
}

/** No mount namespace, and nothing that takes one. */
function withoutMounting(config: Config): void {
  withoutNamespace(config, "mount");
  config.mounts = [];
  delete config.linux.maskedPaths;
  delete config.linux.readonlyPaths;
}

const bindDev = (destination: string) => ({ destination, source: "/dev", options: ["rbind"] });
const missing = "the machine's own /dev, which has no such device, and nothing is made in it";

const cases: Readonly<Record<string, Case>> = {
  "root /": { change: ofMachine, check: runs },
  "root /, a read-only one, masks": {
    change: (config) => {
      ofMachine(config);
      config.root.readonly = true;
      config.linux.maskedPaths = ["/dev/net", "/dev/full"];
      config.linux.readonlyPaths = ["/dev/pts"];
    },
    check: runs,
  },
  "root / of a user namespace": { change: ofMachine, bundle: { ids: mappedIds }, check: runs },
  "root /, no mount namespace": {
    change: (config) => {
      ofMachine(config);
      withoutMounting(config);
    },
    check: runs,
  },
  "root /, the host's mount namespace joined": {
    change: (config) => {
      ofMachine(config);
      withoutMounting(config);
      config.linux.namespaces.push({ type: "mount", path: "/proc/self/ns/mnt" });
    },
    check: runs,
  },
  "root / with a terminal": {
    change: (config) => {
      ofMachine(config);
      config.process.terminal = true;
    },
    args: "echo ran; tty; stat -c %t,%T /dev/console",
    check: runs,
  },
  "root / with a terminal and no /dev/console": {
    change: (config) => {
      ofMachine(config);
      config.process.terminal = true;
    },
    lacks: ["console"],
    check: runs,
  },
  "root / and a device that is missing": {
    change: ofMachine,
    lacks: ["full"],
    check: refused(new RegExp(missing), /"full"/, /try {8}.*tmpfs/),
  },
  "root /, no mount namespace and a device that is missing": {
    change: (config) => {
      ofMachine(config);
      withoutMounting(config);
      config.linux["devices"] = [{ path: "/dev/net/new", type: "c", major: 1, minor: 3 }];
    },
    check: refused(new RegExp(missing), /\/linux\/devices\/0/),
  },
  "root / and a device that is there, with another owner and mode": {
    change: (config) => {
      ofMachine(config);
      config.linux["devices"] = [{ path: "/dev/zero", type: "c", major: 1, minor: 5, uid: 7, gid: 7, fileMode: 0o600 }];
    },
    check: runs,
  },
  "root / and a directory of devices that is missing": {
    change: (config) => {
      ofMachine(config);
      config.linux["devices"] = [{ path: "/dev/new/null", type: "c", major: 1, minor: 3 }];
    },
    check: refused(/machine's own \/dev, where nothing is made/),
  },
  "root / and a mount point that is missing": {
    change: (config) => {
      ofMachine(config);
      config.mounts.push({ destination: "/dev/new", type: "tmpfs", source: "tmpfs" });
    },
    check: refused(/mounts\[1\]/, /mount point does not exist.*machine's own \/dev, where nothing is made/, /try {8}/),
  },
  "root / and a working directory that is missing": {
    change: (config) => {
      ofMachine(config);
      config.process.cwd = "/dev/new";
    },
    check: refused(/\/dev\/new/),
  },
  "the machine's root bound over the container's": {
    change: (config) => {
      withoutMounts(config, "/dev");
      config.mounts.push({ destination: "/", source: "/", options: ["rbind"] });
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    },
    check: runs,
  },
  "the machine's root bound over the container's, which had a /dev": {
    change: (config) => {
      config.mounts.push({ destination: "/", source: "/", options: ["rbind"] });
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    },
    check: runs,
  },
  "/dev bound beside the container's, a device in it": {
    change: (config) => {
      config.mounts.push(bindDev("/mnt/dev"));
      config.linux["devices"] = [{ path: "/mnt/dev/new", type: "c", major: 1, minor: 3 }];
    },
    check: refused(new RegExp(missing)),
  },
  "/dev bound beside the container's, a device in it that is there": {
    change: (config) => {
      config.mounts.push(bindDev("/mnt/dev"));
      config.linux["devices"] = [{ path: "/mnt/dev/null", type: "c", major: 1, minor: 3 }];
    },
    check: runs,
  },
  "/dev bound, a mount point in it that is missing": {
    change: (config) => {
      withoutMounts(config, "/dev");
      config.mounts.push(bindDev("/dev"), { destination: "/dev/new/er", type: "tmpfs", source: "tmpfs" });
    },
    check: refused(/machine's own \/dev, where nothing is made/),
  },
  "/dev bound, a file as mount point in it that is missing": {
    change: (config) => {
      withoutMounts(config, "/dev");
      config.mounts.push(bindDev("/dev"), { destination: "/dev/new", source: "/etc/passwd", options: ["bind"] });
    },
    check: refused(/machine's own \/dev, where nothing is made/),
  },
  "a directory as root that has it at /dev": {
    change: (config) => withoutMounts(config, "/dev"),
    more: ({ rootfs }) => `mount --rbind /dev ${rootfs}/dev`,
    check: runs,
  },
  "a directory as root that has it at /dev, no mount namespace": {
    change: withoutMounting,
    more: ({ rootfs }) => `mount --rbind /dev ${rootfs}/dev`,
    check: runs,
  },
};

/** The real one: that no test has reached it. */
const real = async (): Promise<string> => (await execute(["/bin/sh", "-c", list("/dev")])).stdout;

for (const [name, { change, bundle: options, lacks = [], more, args = "echo ran", check }] of Object.entries(cases)) {
  for (const without of [nothing, everything]) {
    // What takes newer calls is refused by name then.
    if (without !== nothing && options !== undefined) continue;
    test(
      `run [${name}${without === nothing ? "" : ", without newer calls"}]`,
      limits,
      scoped("machinesdev", ["notMapped", ...(without === nothing ? [] : (["compiler"] as const))], async (scope) => {
        const bundle = scope.bundle(args, (config) => change(config, { directory: scope.directory }), {
          ids: "none",
          ...options,
        });
        const before = withCopy(scope, lacks, more?.(bundle));
        const outside = await real();
        const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
          before,
          without,
        });
        const read = (file: string): string => readFileSync(`${scope.directory}/${file}`, "utf8");
        assert.match(read("before"), /private-copy/);
        assert.equal(read("after"), read("before"), outcome.stderr);
        assert.equal(await real(), outside);
        check(outcome);
      }),
    );
  }
}

/** Whether the machine's own /dev is one. */
const hasDevtmpfs = / \/dev [^\n]* - devtmpfs /.test(readFileSync("/proc/self/mountinfo", "utf8"));

// The real devtmpfs, bound read-only: what would be made in it is an error of the kernel's then, and nothing else.
for (const hasMounts of [true, false]) {
  const body = scoped("devtmpfs", ["notMapped"], async (scope) => {
    const bundle = scope.bundle("echo ran", (config) => {
      if (hasMounts) withoutMounts(config, "/dev");
      else withoutMounting(config);
    });
    const place = `${bundle.rootfs}/dev`;
    const isReadOnly = `grep -qF ' ${place} ro,' /proc/self/mountinfo`;
    const bind = `mount --bind /dev ${place}; mount -o remount,bind,ro ${place}; ${isReadOnly}`;
    const outside = await real();
    const before = withCopy(scope, [], "true", bind);
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before });
    runs(outcome);
    bundle.config.linux["devices"] = [{ path: "/dev/bunker-test", type: "c", major: 1, minor: 3 }];
    bundle.save();
    refused(new RegExp(missing))(await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before }));
    assert.equal(await real(), outside);
  });
  test(
    `run [a root that has the devtmpfs at /dev, not the runtime's own${hasMounts ? "" : "; no mount namespace"}]`,
    limits,
    (t) => (hasDevtmpfs ? body(t) : skip(t, "no devtmpfs is mounted at /dev")),
  );
}

// An image may be shared with other containers, too: nothing in it is replaced.
for (const [what, prepare, check] of [
  [
    "a node",
    (path: string) => execute(["mknod", path, "c", "5", "2"]),
    (outcome: Outcome) => assert.equal(outcome.stdout, "pts\n", outcome.stderr),
  ],
  [
    "a link to the container's own",
    (path: string) => execute(["ln", "-s", "/dev/pts/ptmx", path]),
    (outcome: Outcome) => assert.equal(outcome.stdout, "pts\n", outcome.stderr),
  ],
  [
    "an ordinary file",
    async (path: string) => writeFileSync(path, "text"),
    refused(/"ptmx"/, /something that is not this device exists there already/),
  ],
] as const) {
  test(
    `run [/dev/ptmx of the image is ${what}: it stays]`,
    limits,
    scoped("ptmx", ["notMapped"], async (scope) => {
      const bundle = scope.bundle("exec 3<>/dev/ptmx && ls /dev/pts | grep -q '^0$' && echo pts", (config) => {
        config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev");
      });
      const path = `${bundle.rootfs}/dev/ptmx`;
      await prepare(path);
      if (!lstatSync(path).isSymbolicLink()) chmodSync(path, 0o640);
      const before = lstatSync(path);
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
      const after = lstatSync(path);
      assert.deepEqual([after.ino, after.mode, after.ctimeMs], [before.ino, before.mode, before.ctimeMs]);
      check(outcome);
    }),
  );
}

test(
  "run [a device of the image is a directory: it stays]",
  limits,
  scoped("devdir", ["notMapped"], async (scope) => {
    const bundle = scope.bundle("true", (config) => withoutMounts(config, "/dev"));
    mkdirSync(`${bundle.rootfs}/dev/zero`);
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    refused(/"zero"/, /something that is not this device exists there already/)(outcome);
    assert.ok(lstatSync(`${bundle.rootfs}/dev/zero`).isDirectory());
  }),
);
