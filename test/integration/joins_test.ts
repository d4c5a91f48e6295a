/**
 * Namespaces joined by path: of a process that nobody else cares for, of another container, of a pod.
 * Spec: config-linux.md#namespaces
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type Config, withoutNamespace } from "../support/config.ts";
import { detached, stateOf, stopped } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import {
  hold,
  joinNamespaces,
  namespaceKinds,
  namespaceOf,
  namespacePath,
  type NamespaceKind,
} from "../support/holders.ts";
import { limits } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { afterMounting } from "../support/own_mounts.ts";
import { scoped } from "../support/scope.ts";

/** The configuration's user namespace is the joined one: what was mapped for an own one goes. */
function joinUser(config: Config, pid: number, kinds: readonly NamespaceKind[]): void {
  joinNamespaces(config, pid, ["user", ...kinds]);
  delete config.linux["uidMappings"];
  delete config.linux["gidMappings"];
}

for (const kind of namespaceKinds) {
  test(
    `create [joined ${kind} namespace]`,
    limits,
    scoped("join", kind === "user" ? ["hostMounts", "userNamespaces"] : ["notMapped"], async (scope) => {
      const holder = await hold(scope, [kind], kind === "user" ? { ids: mappedIds } : {});
      const bundle = scope.bundle("exec sleep 1000", () => {}, kind === "user" ? { ids: mappedIds } : {});
      (kind === "user" ? joinUser : joinNamespaces)(bundle.config, holder, kind === "user" ? [] : [kind]);
      bundle.save();
      const { id, pid } = await detached(scope, bundle);
      for (const each of namespaceKinds) {
        const isInherited = each === "user" || each === "time";
        const message = `${each} namespace`;
        if (each === kind) assert.equal(namespaceOf(pid, each), namespaceOf(holder, each), message);
        else if (isInherited) assert.equal(namespaceOf(pid, each), namespaceOf("self", each), message);
        else assert.notEqual(namespaceOf(pid, each), namespaceOf("self", each), message);
      }
      await scope.succeed(["delete", "--force", id]);
      assert.ok(existsSync(`/proc/${holder}/ns`), "what was joined stays");
    }),
  );
}

test(
  "create [every namespace joined at once]",
  limits,
  scoped("joinall", ["hostMounts", "userNamespaces"], async (scope) => {
    const holder = await hold(scope, namespaceKinds, { ids: mappedIds });
    const bundle = scope.bundle("exec sleep 1000", () => {}, { ids: mappedIds });
    joinUser(
      bundle.config,
      holder,
      namespaceKinds.filter((kind) => kind !== "user"),
    );
    bundle.save();
    const { id, pid } = await detached(scope, bundle);
    for (const kind of namespaceKinds) assert.equal(namespaceOf(pid, kind), namespaceOf(holder, kind), kind);
    assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^Uid:\t200000\t200000\t200000\t200000$/m);
    await scope.succeed(["delete", "--force", id]);
    assert.ok(existsSync(`/proc/${holder}/ns`));
  }),
);

// MUST config-linux.md#namespaces: an error where the path is not of the type
for (const [kind, other] of [
  ["network", "ipc"],
  ["ipc", "uts"],
  ["uts", "network"],
  ["pid", "mount"],
  ["mount", "pid"],
  ["user", "network"],
  ["cgroup", "time"],
  ["time", "cgroup"],
] as const) {
  test(
    `create [${kind} namespace by the path of one of type ${other}]`,
    limits,
    scoped("wrongtype", ["userNamespaces"], async (scope) => {
      const holder = await hold(scope, [other]);
      const bundle = scope.bundle("true");
      if (kind === "user") joinUser(bundle.config, process.pid, []);
      else joinNamespaces(bundle.config, process.pid, [kind]);
      const entry = bundle.config.linux.namespaces.at(-1)!;
      entry.path = namespacePath(holder, other);
      bundle.save();
      const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1, outcome.stdout);
      const index = bundle.config.linux.namespaces.length - 1;
      assert.match(outcome.stderr, new RegExp(`/linux/namespaces/${index}/path`));
      assert.ok(outcome.stderr.includes(entry.path), outcome.stderr);
      assert.match(outcome.stderr, new RegExp(`\\b${kind}\\b`));
      assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
    }),
  );
}

for (const [what, path] of [
  ["a missing file", "/not/there"],
  ["an ordinary file", "FILE"],
  ["a directory", "/proc/self"],
  ["a process that is gone", "/proc/4194999/ns/net"],
] as const) {
  test(
    `create [network namespace by the path of ${what}]`,
    limits,
    scoped("nopath", [], async (scope) => {
      writeFileSync(`${scope.directory}/file`, "");
      const bundle = scope.bundle("true", (config) => {
        withoutNamespace(config, "network");
        config.linux.namespaces.push({ type: "network", path: path.replace("FILE", `${scope.directory}/file`) });
      });
      const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, /\/linux\/namespaces\/\d\/path/);
      assert.ok(outcome.stderr.includes(bundle.config.linux.namespaces.at(-1)!.path!), outcome.stderr);
      assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
    }),
  );
}

test(
  "run [joined pid namespace: another process is 1, which the container's end leaves alone]",
  limits,
  scoped("joinpid", ["notMapped"], async (scope) => {
    const holder = await hold(scope, ["pid"]);
    const bundle = scope.bundle("echo me $$; tr '\\0' ' ' < /proc/1/cmdline; sleep 1000 & exit 3", (config) =>
      joinNamespaces(config, holder, ["pid"]),
    );
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(outcome.stdout, /^me [^1]\d*\nsleep 1000 $/, outcome.stderr);
    assert.equal(outcome.status, 3);
    assert.ok(existsSync(`/proc/${holder}/ns`));
  }),
);

test(
  "kill, delete [joined pid namespace: the container's processes only]",
  limits,
  scoped("joinpidkill", ["notMapped"], async (scope) => {
    const holder = await hold(scope, ["pid"]);
    const bundle = scope.bundle("sleep 1000 & echo $! > /tmp/child; exec sleep 1001", (config) =>
      joinNamespaces(config, holder, ["pid"]),
    );
    const { id, pid } = await detached(scope, bundle);
    await until("its child", () => existsSync(`${bundle.rootfs}/tmp/child`));
    await scope.succeed(["kill", id, "KILL"]);
    await stopped(scope, id);
    await scope.succeed(["delete", id]);
    // Its parent by then is the namespace's process 1, which may leave it as a zombie.
    assert.ok(!existsSync(`/proc/${pid}`) || /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8")));
    assert.ok(existsSync(`/proc/${holder}/ns`));
  }),
);

for (const withUser of [false, true]) {
  const shared: readonly NamespaceKind[] = ["network", "ipc", "uts"];
  test(
    `run [pod: net, ipc, uts${withUser ? " and user" : ""} of another container]`,
    limits,
    scoped("pod", withUser ? ["userNamespaces"] : ["notMapped"], async (scope) => {
      const ids = { ids: mappedIds };
      const infra = scope.bundle(
        "exec sleep 1000",
        (config) => {
          config.hostname = "the-pod";
          config.linux["sysctl"] = { "kernel.msgmax": "12345", "net.ipv4.ip_unprivileged_port_start": "77" };
        },
        withUser ? ids : {},
      );
      const { id, pid } = await detached(scope, infra);
      const member = scope.bundle(
        "hostname; cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_unprivileged_port_start; awk '{print $1,$2}' /proc/self/uid_map; " +
          "id -u; stat -c %u /bin /proc; ls /sys/class/net; echo $$; touch /tmp/mine && stat -c %u /tmp/mine",
        () => {},
        withUser ? ids : {},
      );
      (withUser ? joinUser : joinNamespaces)(member.config, pid, shared);
      member.save();
      const outcome = await scope.succeed(["run", "--bundle", member.path, scope.id()]);
      const lines = outcome.stdout.split("\n");
      assert.deepEqual(lines.slice(0, 3), ["the-pod", "12345", "77"]);
      assert.equal(lines[3], withUser ? "0 200000" : "0 0");
      // procfs belongs to the machine's root, whoever mounts it.
      assert.deepEqual(lines.slice(4), ["0", "0", withUser ? "65534" : "0", "lo", "1", "0", ""]);
      assert.equal((await stateOf(scope, id)).status, "running");
    }),
  );
}

test(
  "run [pid namespace of another container: its processes are seen, its end is the member's]",
  limits,
  scoped("podpid", ["notMapped"], async (scope) => {
    const infra = scope.bundle("exec sleep 12345");
    const { id, pid } = await detached(scope, infra);
    const member = scope.bundle("grep -c 12345 /proc/1/cmdline; echo $$; exec sleep 1000", (config) =>
      joinNamespaces(config, pid, ["pid"]),
    );
    const running = scope.launch(["run", "--bundle", member.path, scope.id()]);
    await until("the member", () => running.output().split("\n").length > 2);
    assert.match(running.output(), /^1\n(?!1\n)\d+\n$/);
    await scope.succeed(["kill", id, "KILL"]);
    assert.equal((await running.done).status, 137);
  }),
);

// MUST NOT touch what others see: a joined mount namespace is entered by chroot
test(
  "run [joined mount namespace: its table stays as it was, the root is the container's]",
  limits,
  scoped("joinmount", ["notMapped"], async (scope) => {
    const holder = await hold(scope, ["mount"], { lines: "mount -t tmpfs mark /mnt && echo held > /mnt/mark" });
    const bundle = scope.bundle("ls /; cat /etc/hosts | head -1; ls /mnt | wc -l; echo $$", (config) =>
      joinNamespaces(config, holder, ["mount"]),
    );
    const table = (): string => readFileSync(`/proc/${holder}/mountinfo`, "utf8");
    const [before, own] = [table(), readFileSync("/proc/self/mountinfo", "utf8")];
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(outcome.stdout, /^bin\ndev\n[^]*127\.0\.0\.1 localhost\n0\n1\n$/);
    assert.equal(table(), before);
    assert.equal(readFileSync("/proc/self/mountinfo", "utf8"), own);
  }),
);

test(
  "create [joined mount namespace: mounts of its own are refused]",
  limits,
  scoped("joinmountrefused", ["notMapped"], async (scope) => {
    const holder = await hold(scope, ["mount"]);
    const bundle = scope.bundle("true", (config) => {
      const { mounts } = config;
      joinNamespaces(config, holder, ["mount"]);
      config.mounts = mounts;
    });
    const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /mounts/);
  }),
);

test(
  "run [no mount namespace: the machine's mounts and root stay as they were]",
  limits,
  scoped("nomount", ["notMapped"], async (scope) => {
    const bundle = scope.bundle("ls /bin | wc -l; exec sleep 0.3", (config) => {
      withoutNamespace(config, "mount");
      config.mounts = [];
      delete config.linux.maskedPaths;
      delete config.linux.readonlyPaths;
      config.root.readonly = false;
    });
    const facts = (): unknown[] => [readFileSync("/proc/self/mountinfo", "utf8"), readdirSync("/").toSorted()];
    const before = facts();
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.ok(Number(outcome.stdout) > 20);
    assert.deepEqual(facts(), before);
  }),
);

test(
  "run [network namespace by a path that is a bind of it, as CNI makes it]",
  limits,
  scoped("bound", ["notMapped"], async (scope) => {
    const file = `${scope.directory}/netns`;
    writeFileSync(file, "");
    const holder = await hold(scope, ["network"]);
    const bundle = scope.bundle("readlink /proc/self/ns/net", (config) => {
      withoutNamespace(config, "network");
      config.linux.namespaces.push({ type: "network", path: file });
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], {
      before: afterMounting(`mount --bind ${namespacePath(holder, "network")} ${file}`),
    });
    assert.equal(outcome.stdout, `${namespaceOf(holder, "network")}\n`);
  }),
);
