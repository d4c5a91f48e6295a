/**
 * Pods over their life: members that come and go, outlive the first container or end with it, are many, are joined
 * themselves. As root, as root with a user namespace shared, and as an ordinary user.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { type Config, hookKinds, withoutNamespace } from "../support/config.ts";
import { detached, stateOf, stopped } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { namespaceOf, namespacePath, type NamespaceKind } from "../support/holders.ts";
import { processesNamed } from "../support/leftovers.ts";
import { limits, type Need } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { type Bundle, type BundleOptions, type Scope, scoped } from "../support/scope.ts";
import { type OrdinaryUser, usualUser } from "../support/user.ts";

/** One way of making pods. */
class Pod {
  readonly scope: Scope;
  readonly kinds: readonly NamespaceKind[];
  readonly options: BundleOptions;

  constructor(scope: Scope, kinds: readonly NamespaceKind[], options: BundleOptions) {
    this.scope = scope;
    this.kinds = kinds;
    this.options = options;
  }

  infra(): ReturnType<typeof detached> {
    const change = (config: Config): void => {
      config.hostname = "the-pod";
    };
    return detached(this.scope, this.scope.bundle(["/bin/sleep", "1000"], change, this.options));
  }

  /** A bundle that joins a container's namespaces. */
  member(args: readonly string[] | string, pid: number, more: readonly NamespaceKind[] = []): Bundle {
    const kinds = [...this.kinds, ...more];
    return this.scope.bundle(
      args,
      (config) => {
        for (const kind of kinds) {
          withoutNamespace(config, kind);
          config.linux.namespaces.push({ type: kind, path: namespacePath(pid, kind) });
        }
        delete config.hostname;
        if (!kinds.includes("user")) return;
        delete config.linux["uidMappings"];
        delete config.linux["gidMappings"];
      },
      this.options,
    );
  }
}

const ways: readonly [name: string, needs: readonly Need[], shared: NamespaceKind[], OrdinaryUser | "root"][] = [
  ["", ["notMapped"], [], "root"],
  [" (user namespace)", ["notMapped", "userNamespaces"], ["user"], "root"],
  [" (rootless)", [], ["user"], usualUser],
];

for (const [way, needs, more, user] of ways) {
  const podTest = (name: string, body: (pod: Pod, scope: Scope) => Promise<void>): void => {
    const kinds: readonly NamespaceKind[] = ["network", "ipc", "uts", ...more];
    const options: BundleOptions = user === "root" ? { ids: more.length > 0 ? mappedIds : "none" } : {};
    test(
      `${name}${way}`,
      limits,
      scoped("pod", needs, (scope) => body(new Pod(scope, kinds, options), scope), user),
    );
  };

  podTest("run [a member outlives the first container]", async (pod, scope) => {
    const infra = await pod.infra();
    const first = await detached(scope, pod.member(["/bin/sleep", "1000"], infra.pid));
    await scope.succeed(["delete", "--force", infra.id]);
    assert.equal((await stateOf(scope, first.id)).status, "running");
    // What it joined is still there to be joined, by the member's own links.
    const second = pod.member("hostname; id -u", first.pid);
    assert.equal((await scope.succeed(["run", "--bundle", second.path, scope.id()])).stdout, "the-pod\n0\n");
    await scope.succeed(["delete", "--force", first.id]);
    assert.deepEqual(processesNamed(scope.directory), []);
  });

  podTest("create, start [what it joined ends in between]", async (pod, scope) => {
    const infra = await pod.infra();
    const member = pod.member("hostname; echo $$; ls /sys/class/net", infra.pid);
    const id = scope.id();
    const running = scope.launch(["create", "--bundle", member.path, id]);
    assert.equal((await running.done).status, 0, running.errors());
    await scope.succeed(["delete", "--force", infra.id]);
    await scope.succeed(["start", id]);
    await until("its output", () => running.output() === "the-pod\n1\nlo\n");
    await stopped(scope, id);
    await scope.succeed(["delete", id]);
  });

  podTest("run [pid namespace shared: members end with the first container]", async (pod, scope) => {
    const infra = await pod.infra();
    const members = [];
    for (let count = 0; count < 2; count++) {
      members.push(await detached(scope, pod.member(["/bin/sleep", "1000"], infra.pid, ["pid"])));
    }
    await scope.succeed(["delete", "--force", infra.id]);
    for (const { id } of members) {
      await stopped(scope, id);
      await scope.succeed(["delete", id]);
    }
    assert.deepEqual(processesNamed(scope.directory), []);
  });

  podTest("delete [pid namespace shared: the other members stay]", async (pod, scope) => {
    const infra = await pod.infra();
    const first = await detached(scope, pod.member(["/bin/sleep", "1000"], infra.pid, ["pid"]));
    const second = await detached(scope, pod.member(["/bin/sleep", "1000"], infra.pid, ["pid"]));
    await scope.succeed(["delete", "--force", first.id]);
    assert.equal((await stateOf(scope, infra.id)).status, "running");
    assert.equal((await stateOf(scope, second.id)).status, "running");
  });

  podTest("exec [into a member]", async (pod, scope) => {
    const infra = await pod.infra();
    const member = await detached(scope, pod.member(["/bin/sleep", "1000"], infra.pid, ["pid"]));
    const script = "hostname; id -u; for n in net ipc uts pid user mnt cgroup; do readlink /proc/self/ns/$n; done";
    const { stdout } = await scope.succeed(["exec", member.id, "sh", "-c", script]);
    const kinds = ["network", "ipc", "uts", "pid", "user", "mount", "cgroup"] as const;
    assert.deepEqual(stdout.trim().split("\n"), [
      "the-pod",
      "0",
      ...kinds.map((kind) => namespaceOf(member.pid, kind)),
    ]);
    assert.notEqual(namespaceOf(member.pid, "mount"), namespaceOf(infra.pid, "mount"));
    assert.equal(namespaceOf(member.pid, "pid"), namespaceOf(infra.pid, "pid"));
  });

  podTest("run [many members at once]", async (pod, scope) => {
    const infra = await pod.infra();
    const script = "hostname; readlink /proc/self/ns/net";
    const bundles = Array.from({ length: 6 }, () => pod.member(script, infra.pid));
    const outcomes = await Promise.all(bundles.map(({ path }) => scope.invoke(["run", "--bundle", path, scope.id()])));
    for (const outcome of outcomes) {
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.equal(outcome.stdout, `the-pod\n${namespaceOf(infra.pid, "network")}\n`);
    }
  });

  podTest("hooks [of a member: the runtime's namespaces, and the joined ones]", async (pod, scope) => {
    const infra = await pod.infra();
    const bundle = pod.member("true", infra.pid);
    mkdirSync(`${bundle.rootfs}/log`, { mode: 0o777 });
    bundle.config.hooks = {};
    for (const kind of hookKinds) {
      const log = kind === "startContainer" ? "/log" : `${bundle.rootfs}/log`;
      const text = `umask 0; readlink /proc/self/ns/net > ${log}/${kind}`;
      bundle.config.hooks[kind] = [{ path: "/bin/sh", args: ["sh", "-c", text], env: ["PATH=/usr/bin:/bin"] }];
    }
    bundle.save();
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    for (const kind of hookKinds) {
      const isInside = kind === "createContainer" || kind === "startContainer";
      const seen = readFileSync(`${bundle.rootfs}/log/${kind}`, "utf8").trim();
      assert.equal(seen, namespaceOf(isInside ? infra.pid : "self", "network"), kind);
    }
  });

  podTest("create [a member that fails leaves the pod as it was]", async (pod, scope) => {
    const infra = await pod.infra();
    const before = processesNamed(scope.directory);
    const bundle = pod.member(["/bin/not-there"], infra.pid, ["pid"]);
    const id = scope.id();
    const outcome = await scope.invoke(["create", "--bundle", bundle.path, id]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /not-there/);
    assert.ok(!existsSync(`${scope.root}/${id}`));
    assert.equal((await stateOf(scope, infra.id)).status, "running");
    assert.deepEqual(processesNamed(scope.directory), before);
  });
}
