/**
 * proc, sysfs, mqueue, cgroup and kernel parameters in a user namespace, and what takes their place where it is refused.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import test from "node:test";
import { type Config, withoutNamespace } from "../support/config.ts";
import { after, both, bundleOf, failBundle, flagsOf, lines, runBundle } from "../support/guests.ts";
import { limits } from "../support/machine.ts";
import { forOneId, mappedIds, singleId } from "../support/mode.ts";
import { type Bundle, type InvokeOptions, type Scope, scoped } from "../support/scope.ts";
import { usualUser } from "../support/user.ts";

both("no network namespace of its own: /sys is the host's, read-only", "sysfs", [], async (scope, who) => {
  const script = `${flagsOf("/sys")}; grep -c ' /sys sysfs' /proc/mounts; touch /sys/x 2>&1; ls /sys/class/net | grep -c lo`;
  for (const option of ["ro", "rw"]) {
    const bundle = bundleOf(scope, who, script, (config) => {
      withoutNamespace(config, "network");
      config.mounts.find(({ destination }) => destination === "/sys")!.options = ["nosuid", "noexec", "nodev", option];
    });
    const found = lines(await runBundle(scope, bundle));
    assert.equal(found[0]!.split(",")[0], "ro");
    assert.equal(found[1], "1");
    assert.match(found[2]!, /Read-only file system/);
    assert.equal(found[3], "1");
  }
});

both("a network namespace of its own: /sys shows that one", "ownsys", [], async (scope, who) => {
  const found = lines(await runBundle(scope, bundleOf(scope, who, `ls /sys/class/net; ${flagsOf("/sys")}`)));
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
  assert.deepEqual(lines(await runBundle(scope, bundle)), ["sh", "host"]);
});

/** A /dev with message queues in it, whatever the machine has. */
const withQueues = (scope: Scope): InvokeOptions => {
  const dev = `${scope.directory}/dev`;
  mkdirSync(dev);
  const nodes = ["null", "zero", "full", "random", "urandom", "tty", "kmsg"];
  const bind = `for n in ${nodes.join(" ")}; do touch ${dev}/$n; mount --bind /dev/$n ${dev}/$n || exit 1; done`;
  return after(
    `mount -t tmpfs -o mode=755 tmpfs ${dev} && mkdir ${dev}/mqueue && mount -t mqueue mqueue ${dev}/mqueue && ${bind} && mount --move ${dev} /dev`,
  );
};

both("no ipc namespace of its own: the host's message queues, or why not", "mqueue", [], async (scope, who) => {
  const bundle = bundleOf(scope, who, "stat -f -c %t /dev/mqueue", (config) => withoutNamespace(config, "ipc"));
  assert.equal((await runBundle(scope, bundle, withQueues(scope))).stdout, "19800202\n");
  const none = bundleOf(scope, who, "true", (config) => withoutNamespace(config, "ipc"));
  const text = await failBundle(scope, none, after("umount /dev/mqueue 2>/dev/null; true"));
  assert.match(text, /the host has no message queues at \/dev\/mqueue|ENOENT/);
});

both("no cgroup namespace of its own: the view is a clone of the host's", "cgroup", [], async (scope, who) => {
  const bundle = bundleOf(scope, who, "grep -c ' /sys/fs/cgroup' /proc/mounts; ls /sys/fs/cgroup | head -1", (config) =>
    withoutNamespace(config, "cgroup"),
  );
  assert.ok(Number(lines(await runBundle(scope, bundle))[0]) >= 1);
});

for (const view of ["host", "v2"] as const) {
  both(
    `the cgroup view, ${view === "v2" ? "version 2" : "as the machine has it"}`,
    `cgroup${view}`,
    ["cgroup2"],
    async (scope, who) => {
      for (const isOwn of [true, false]) {
        const bundle = bundleOf(
          scope,
          who,
          "ls /sys/fs/cgroup | wc -l; touch /sys/fs/cgroup/x 2>&1; true",
          (config) => {
            if (!isOwn) withoutNamespace(config, "cgroup");
          },
        );
        const found = lines(await runBundle(scope, bundle, { view }));
        assert.ok(Number(found[0]) >= 1, found.join(" "));
        assert.match(found[1]!, /Read-only file system/);
      }
    },
  );
}

// C16
both("something over part of the machine's /sys: the host's /sys, read-only", "coveredsys", [], async (scope, who) => {
  const bundle = bundleOf(scope, who, `${flagsOf("/sys")}; ls /sys/kernel | wc -l; touch /sys/x 2>&1; true`);
  const found = lines(await runBundle(scope, bundle, after("mount -t tmpfs tmpfs /sys/kernel")));
  assert.equal(found[0]!.split(",")[0], "ro");
  assert.equal(found[1], "0");
  assert.match(found[2]!, /Read-only file system/);
});

both("something over part of the machine's /proc: the error names it", "coveredproc", [], async (scope, who) => {
  const text = await failBundle(scope, bundleOf(scope, who, "true"), after("mount -t tmpfs tmpfs /proc/fs"));
  assert.match(text, /mounts\[0\] "\/proc": .*EPERM/);
  assert.match(text, /something is mounted over (\S+, )*\/proc\/fs(, \S+)* where the runtime runs/);
  assert.match(text, /unmask=ALL/);
});

// The runtime's own procfs does for parameters where a new one is refused.
both("kernel parameters with part of the machine's /proc covered", "coveredsysctl", [], async (scope, who) => {
  const bundle = bundleOf(scope, who, "echo done", (config) => {
    config.mounts = [];
    config.linux["sysctl"] = { "net.ipv4.ip_forward": "1" };
    config.process["oomScoreAdj"] = 700;
    delete config.linux.maskedPaths;
    delete config.linux.readonlyPaths;
  });
  assert.deepEqual(lines(await runBundle(scope, bundle, after("mount -t tmpfs tmpfs /proc/fs"))), ["done"]);
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
  assert.match(await failBundle(scope, owned("uid=70000")), /mounts\[7\] "\/t"[^]*uid 70000 has no mapping/);
  assert.match(await failBundle(scope, owned("gid=70000")), /leave "gid=70000" out of the mount's options/);
});

test(
  "run [one mapped id, devpts with gid=5] (rootless)",
  limits,
  scoped(
    "umgid",
    ["userNamespaces"],
    async (scope) => {
      const text = await failBundle(
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
  assert.deepEqual(lines(await runBundle(scope, bundleOf(scope, who, script, change))), [
    "1",
    "77",
    "example.org",
    "700",
  ]);
  const bare = bundleOf(scope, who, "mount -t proc proc /proc 2>/dev/null; echo done", (config) => {
    change(config);
    config.mounts = [];
    delete config.linux.maskedPaths;
    delete config.linux.readonlyPaths;
  });
  assert.deepEqual(lines(await runBundle(scope, bare)), ["done"]);
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
      assert.deepEqual(lines(await runBundle(scope, bundle)), ["1"]);
    },
    usualUser,
  ),
);
