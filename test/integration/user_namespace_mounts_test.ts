/**
 * Mounts and devices of containers with a user namespace: each test once for root, once for an ordinary user.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type Config, type MountEntry, withoutMounts, withoutNamespace } from "../support/config.ts";
import type { Outcome } from "../support/execute.ts";
import { limits, type Need } from "../support/machine.ts";
import { forOneId, mappedIds, singleId } from "../support/mode.ts";
import { type Bundle, type InvokeOptions, type Scope, scoped } from "../support/scope.ts";
import { usualUser } from "../support/user.ts";

type Who = "root" | "user";

/** A test of what holds for both. */
function both(
  title: string,
  word: string,
  needs: readonly Need[],
  body: (scope: Scope, who: Who) => Promise<void>,
): void {
  for (const who of ["root", "user"] as const) {
    const all: readonly Need[] = ["userNamespaces", ...needs];
    test(
      `run [user namespace, ${title}]${who === "user" ? " (rootless)" : ""}`,
      limits,
      scoped(`um${word}${who}`, all, (scope) => body(scope, who), who === "user" ? usualUser : "root"),
    );
  }
}

function bundleOf(scope: Scope, who: Who, script: string, change: (config: Config) => void = () => {}): Bundle {
  return scope.bundle(script, change, who === "root" ? { ids: mappedIds } : {});
}

const mounting =
  (...entries: MountEntry[]) =>
  (config: Config): void => {
    config.mounts.push(...entries);
  };

/** Words that put a mount where the runtime runs, first of all. */
const after = (command: string): InvokeOptions => ({
  before: ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c", `${command} && exec "$@"`, "sh"],
});

const lines = (outcome: Outcome): string[] => outcome.stdout.trim().split("\n");

async function run(scope: Scope, bundle: Bundle, options: InvokeOptions = {}): Promise<Outcome> {
  return scope.succeed(["run", "--bundle", bundle.path, scope.id()], options);
}

async function fail(scope: Scope, bundle: Bundle, options: InvokeOptions = {}): Promise<string> {
  const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], options);
  assert.notEqual(outcome.status, 0, outcome.stdout);
  return outcome.stderr;
}

/** The topmost mount is nobody's parent: mountinfo lists by id, which a clone has before it is attached. */
const flagsOf = (place: string): string =>
  `awk -v place=${place} '$5 == place { flags[$1] = $6; over[$2] = 1 } END { for (id in flags) if (!(id in over)) print flags[id] }' /proc/self/mountinfo`;

// C12, C13, C14
both("every default device is the host's node, nosuid and noexec", "dev", [], async (scope, who) => {
  const names = ["null", "zero", "full", "random", "urandom", "tty"];
  const script =
    `for d in ${names.join(" ")}; do stat -c '%n %F %t:%T' /dev/$d; ${flagsOf("/dev/$d")}; done; ` +
    "echo x > /dev/null && head -c 3 /dev/zero | wc -c && head -c 1 /dev/urandom | wc -c";
  const found = lines(await run(scope, bundleOf(scope, who, script)));
  const numbers = ["1:3", "1:5", "1:7", "1:8", "1:9", "5:0"];
  names.forEach((name, i) => {
    assert.equal(found[2 * i], `/dev/${name} character special file ${numbers[i]!}`);
    const flags = found[2 * i + 1]?.split(",") ?? [];
    assert.ok(flags.includes("nosuid") && flags.includes("noexec") && !flags.includes("nodev"), flags.join(","));
  });
  assert.deepEqual(found.slice(12), ["3", "1"]);
});

both("devices of config.json, a FIFO among them", "devices", [], async (scope, who) => {
  const script = "stat -c '%F %t:%T' /dev/kmsg; stat -c '%F %a' /dev/pipe; stat -c '%F %t:%T' /dev/null";
  const bundle = bundleOf(scope, who, script, (config) => {
    config.linux["devices"] = [
      { path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 0o600, uid: 0, gid: 0 },
      { path: "/dev/pipe", type: "p", fileMode: 0o640 },
      { path: "/dev/null", type: "c", major: 1, minor: 3 },
    ];
  });
  assert.deepEqual(lines(await run(scope, bundle)), [
    "character special file 1:b",
    "fifo 640",
    "character special file 1:3",
  ]);
});

both("a device that the host has not, or has as another", "nodevice", [], async (scope, who) => {
  const device = (path: string, minor: number): Bundle =>
    bundleOf(scope, who, "true", (config) => {
      config.linux["devices"] = [{ path, type: "c", major: 1, minor }];
    });
  const missing = await fail(scope, device("/dev/no-such-thing", 3));
  assert.match(missing, /\/linux\/devices\/0/);
  assert.match(missing, /the host has no \/dev\/no-such-thing/);
  assert.match(await fail(scope, device("/dev/null", 5)), /another type or number/);
});

both("a /dev of the image's own: files become devices, links are refused", "imagedev", [], async (scope, who) => {
  const prepare = (bundle: Bundle): void => {
    mkdirSync(`${bundle.rootfs}/dev`, { recursive: true });
    writeFileSync(`${bundle.rootfs}/dev/zero`, "image");
  };
  const change = (config: Config): void => withoutMounts(config, "/dev");
  const plain = bundleOf(scope, who, "stat -c '%F %t:%T' /dev/zero /dev/null", change);
  prepare(plain);
  assert.deepEqual(lines(await run(scope, plain)), ["character special file 1:5", "character special file 1:3"]);
  assert.equal(readFileSync(`${plain.rootfs}/dev/zero`, "utf8"), "image");
  const linked = bundleOf(scope, who, "true", change);
  prepare(linked);
  symlinkSync("/etc/passwd", `${linked.rootfs}/dev/full`);
  assert.match(await fail(scope, linked), /ELOOP/);
});

const shm = (scope: Scope): string => `${scope.directory}/shm`;
const makeShm = (scope: Scope): InvokeOptions => {
  mkdirSync(shm(scope));
  return after(`mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 tmpfs ${shm(scope)} && echo text > ${shm(scope)}/file`);
};

// S1, S2, S5: containerd issue 6911
both("tmpfs at /dev/shm, then a read-only bind of another one over it", "shm", [], async (scope, who) => {
  const options = makeShm(scope);
  const script = `${flagsOf("/dev/shm")}; cat /dev/shm/file; touch /dev/shm/new 2>&1; grep -c ' /dev/shm ' /proc/self/mountinfo`;
  const entry = { destination: "/dev/shm", type: "bind", source: shm(scope), options: ["rbind", "ro"] };
  const found = lines(await run(scope, bundleOf(scope, who, script, mounting(entry)), options));
  assert.deepEqual(found[0]!.split(",").slice(0, 4), ["ro", "nosuid", "nodev", "noexec"]);
  assert.equal(found[1], "text");
  assert.match(found[2]!, /Read-only file system/);
  assert.equal(found[3], "2");
});

// S3, S7: root clones before the flags are locked; a user cannot take them away
for (const [option, locked] of [
  ["exec", "noexec"],
  ["dev", "nodev"],
  ["suid", "nosuid"],
  ["noatime", "relatime"],
] as const) {
  both(`"${option}" of a mount that is ${locked}`, option, [], async (scope, who) => {
    const options = makeShm(scope);
    const entry = { destination: "/data", type: "bind", source: shm(scope), options: ["bind", option] };
    const bundle = bundleOf(scope, who, flagsOf("/data"), mounting(entry));
    if (who === "root") {
      assert.ok(
        !lines(await run(scope, bundle, options))[0]!
          .split(",")
          .includes(locked),
      );
      return;
    }
    const text = await fail(scope, bundle, options);
    assert.match(text, /mounts\[7\] "\/data": mount_setattr/);
    assert.match(text, /EPERM/);
    assert.match(text, new RegExp(`is ${locked}, which is locked`));
    assert.match(text, new RegExp(`without the option "${option}"`));
    assert.ok(!existsSync(`${bundle.rootfs}/data`), "a mount that fails leaves no mount point");
  });
}

// C2, C3
both('bind of "/", all of it and alone', "slash", [], async (scope, who) => {
  const host = (option: string): MountEntry => ({ destination: "/host", source: "/", options: [option, "ro"] });
  const script = "test -d /host/proc/1 && echo with; test -e /host/etc/passwd && echo etc";
  const all = await run(scope, bundleOf(scope, who, script, mounting(host("rbind"))));
  assert.deepEqual(lines(all).slice(0, 2), ["with", "etc"]);
  const alone = bundleOf(scope, who, script, mounting(host("bind")));
  if (who === "root") assert.equal(lines(await run(scope, alone))[0], "etc");
  else assert.match(await fail(scope, alone), /EINVAL[^]*"rbind" in place of "bind"/);
});

both("sources: relative, a file, links followed, bound and not followed", "sources", [], async (scope, who) => {
  const bundle = bundleOf(
    scope,
    who,
    "cat /relative/file /file /followed; readlink /bound; readlink /copied; cat /real; readlink /link",
    mounting(
      { destination: "/relative", source: "data", options: ["bind"] },
      { destination: "/file", source: "data/file", options: ["bind", "ro"] },
      { destination: "/followed", source: "data/link", options: ["bind"] },
      { destination: "/bound", source: "data/link", options: ["bind", "src-nofollow"] },
      { destination: "/copied", source: "data/link", options: ["bind", "copy-symlink"] },
      { destination: "/link", source: "data/other", options: ["bind", "src-nofollow", "dest-nofollow"] },
    ),
  );
  mkdirSync(`${bundle.path}/data`);
  writeFileSync(`${bundle.path}/data/file`, "text\n");
  symlinkSync("file", `${bundle.path}/data/link`);
  symlinkSync("elsewhere", `${bundle.path}/data/other`);
  writeFileSync(`${bundle.rootfs}/real`, "untouched\n");
  symlinkSync("real", `${bundle.rootfs}/link`);
  for (const name of ["bound", "copied"]) symlinkSync("nowhere", `${bundle.rootfs}/${name}`);
  for (const entry of bundle.config.mounts) {
    if (entry.destination === "/bound" || entry.destination === "/copied") entry.options!.push("dest-nofollow");
  }
  bundle.save();
  assert.deepEqual(lines(await run(scope, bundle)), ["text", "text", "text", "file", "file", "untouched", "elsewhere"]);
});

both("no network namespace of its own: /sys is the host's, read-only", "sysfs", [], async (scope, who) => {
  const script = `${flagsOf("/sys")}; grep -c ' /sys sysfs' /proc/mounts; touch /sys/x 2>&1; ls /sys/class/net | grep -c lo`;
  for (const option of ["ro", "rw"]) {
    const bundle = bundleOf(scope, who, script, (config) => {
      withoutNamespace(config, "network");
      config.mounts.find(({ destination }) => destination === "/sys")!.options = ["nosuid", "noexec", "nodev", option];
    });
    const found = lines(await run(scope, bundle));
    assert.equal(found[0]!.split(",")[0], "ro");
    assert.equal(found[1], "1");
    assert.match(found[2]!, /Read-only file system/);
    assert.equal(found[3], "1");
  }
});

both("a network namespace of its own: /sys shows that one", "ownsys", [], async (scope, who) => {
  const found = lines(await run(scope, bundleOf(scope, who, `ls /sys/class/net; ${flagsOf("/sys")}`)));
  assert.equal(found[0], "lo");
  assert.equal(found[1]!.split(",")[0], "ro");
});

both("no pid namespace of its own: /proc is the host's", "proc", [], async (scope, who) => {
  const bundle = bundleOf(
    scope,
    who,
    `test $$ != 1 && cat /proc/$$/comm; test -d /proc/${process.pid} && echo host`,
    (config) => withoutNamespace(config, "pid"),
  );
  assert.deepEqual(lines(await run(scope, bundle)), ["sh", "host"]);
});

both("no ipc namespace of its own: the host's message queues, or why not", "mqueue", [], async (scope, who) => {
  const bundle = bundleOf(scope, who, "stat -f -c %T /dev/mqueue", (config) => withoutNamespace(config, "ipc"));
  const isThere = readFileSync("/proc/mounts", "utf8").includes(" /dev/mqueue mqueue ");
  if (isThere) assert.match((await run(scope, bundle)).stdout, /mqueue|0x19800202/);
  else assert.match(await fail(scope, bundle), /the host has no message queues at \/dev\/mqueue/);
});

both("no cgroup namespace of its own: the view is a clone of the host's", "cgroup", [], async (scope, who) => {
  const bundle = bundleOf(scope, who, "grep -c ' /sys/fs/cgroup' /proc/mounts; ls /sys/fs/cgroup | head -1", (config) =>
    withoutNamespace(config, "cgroup"),
  );
  assert.ok(Number(lines(await run(scope, bundle))[0]) >= 1);
});

both("an owner in the options that is not mapped", "ids", [], async (scope, who) => {
  const owned = (option: string): Bundle =>
    scope.bundle(
      "true",
      (config) => {
        if (who === "user") forOneId(config);
        config.mounts.push({ destination: "/t", type: "tmpfs", source: "tmpfs", options: [option] });
      },
      { ids: who === "user" ? singleId : mappedIds },
    );
  assert.match(await fail(scope, owned("uid=70000")), /mounts\[7\] "\/t"[^]*uid 70000 has no mapping/);
  assert.match(await fail(scope, owned("gid=70000")), /leave "gid=70000" out of the mount's options/);
});

test(
  "run [one mapped id, devpts with gid=5] (rootless)",
  limits,
  scoped(
    "umgid",
    ["userNamespaces"],
    async (scope) => {
      const text = await fail(
        scope,
        scope.bundle("true", () => {}, { ids: singleId }),
      );
      assert.match(text, /mounts\[2\] "\/dev\/pts"[^]*gid 5 has no mapping[^]*linux\.gidMappings/);
    },
    usualUser,
  ),
);

both("kernel parameters of its own namespaces, with and without a /proc", "sysctl", [], async (scope, who) => {
  const sysctl = { "net.ipv4.ip_forward": "1", "kernel.shmmni": "77", "kernel.domainname": "example.org" };
  const change = (config: Config): void => {
    config.linux["sysctl"] = sysctl;
    config.process["oomScoreAdj"] = 700;
  };
  const script =
    "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni /proc/sys/kernel/domainname /proc/self/oom_score_adj";
  assert.deepEqual(lines(await run(scope, bundleOf(scope, who, script, change))), ["1", "77", "example.org", "700"]);
  const bare = bundleOf(scope, who, "mount -t proc proc /proc 2>/dev/null; echo done", (config) => {
    change(config);
    config.mounts = [];
    delete config.linux.maskedPaths;
    delete config.linux.readonlyPaths;
  });
  assert.deepEqual(lines(await run(scope, bare)), ["done"]);
});

test(
  "run [shared pid namespace: kernel parameters through the runtime's own /proc] (rootless)",
  limits,
  scoped(
    "umsysctlshared",
    ["userNamespaces"],
    async (scope) => {
      const bundle = scope.bundle("cat /proc/sys/net/ipv4/ip_forward", (config) => {
        withoutNamespace(config, "pid");
        config.linux["sysctl"] = { "net.ipv4.ip_forward": "1" };
      });
      assert.deepEqual(lines(await run(scope, bundle)), ["1"]);
    },
    usualUser,
  ),
);

both("masked and read-only paths, a read-only root", "masked", [], async (scope, who) => {
  const script =
    "wc -c < /proc/keys; ls /proc/acpi /sys/firmware 2>/dev/null | grep -vc :; touch /x 2>&1; echo 1 2>&1 > /proc/sys/kernel/msgmax; touch /dev/shm/y && echo shm";
  const bundle = bundleOf(scope, who, script, (config) => {
    config.root.readonly = true;
  });
  const outcome = await run(scope, bundle);
  assert.match(outcome.stdout, /^0\n[^]*touch: \/x: Read-only file system\n[^]*shm\n$/);
  assert.match(outcome.stdout + outcome.stderr, /msgmax: Read-only file system/);
});

// R2, R3
both("mounts below one over /", "overroot", [], async (scope, who) => {
  const change = (config: Config): void => {
    config.mounts.unshift(
      { destination: "/", type: "bind", source: config.root.path, options: ["rbind"] },
      { destination: "/new", type: "tmpfs", source: "tmpfs" },
    );
  };
  const bundle = bundleOf(scope, who, "touch /new/file && grep -c ' /new tmpfs' /proc/mounts; ls -d /new", change);
  assert.deepEqual(lines(await run(scope, bundle)), ["1", "/new"]);
});

both("--no-pivot", "nopivot", [], async (scope, who) => {
  const bundle = bundleOf(scope, who, "ls /; stat -c %t:%T /dev/null");
  const outcome = await scope.succeed(["run", "--no-pivot", "--bundle", bundle.path, scope.id()]);
  assert.match(outcome.stdout, /\n1:3\n$/);
});

both("no mount namespace of its own: the root is changed, nothing is mounted", "chroot", [], async (scope, who) => {
  const before = readFileSync("/proc/self/mountinfo", "utf8");
  const bundle = bundleOf(scope, who, "test -e /etc/no-such; echo in; ls /proc | wc -l", (config) => {
    withoutNamespace(config, "mount");
    config.mounts = [];
    config.root.readonly = false;
    delete config.linux.maskedPaths;
    delete config.linux.readonlyPaths;
  });
  assert.deepEqual(lines(await run(scope, bundle)), ["in", "0"]);
  assert.equal(readFileSync("/proc/self/mountinfo", "utf8"), before);
});
