/**
 * Where the container is placed: cgroup version 1 as on this machine, version 2, none; and what never is in there.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import test from "node:test";
import { withoutNamespace } from "../support/config.ts";
import { stateOf } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { cgroupsNamed, processesIn } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { type Scope, scoped } from "../support/scope.ts";

const unified = existsSync("/sys/fs/cgroup/unified/cgroup.procs") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";

const pidOf = async (scope: Scope, id: string, view: "host" | "v2" = "host"): Promise<number> =>
  (await stateOf(scope, id, { view })).pid;

test(
  "create [cgroup version 2: the path asked for, the container's process alone in it]",
  limits,
  scoped("v2", ["cgroup2"], async (scope) => {
    const bundle = scope.bundle("echo ready; exec sleep 1000", (config) => {
      config.linux.cgroupsPath = `/${scope.tag}-own`;
      config.mounts.at(-1)!.options = ["nosuid", "noexec", "nodev", "relatime", "ro"];
    });
    const id = scope.id();
    const running = scope.launch(["create", "--bundle", bundle.path, id], { view: "v2" });
    assert.equal((await running.done).status, 0, running.errors());
    const cgroup = `${unified}/${scope.tag}-own`;
    const pid = await pidOf(scope, id, "v2");
    assert.deepEqual(processesIn(cgroup), [pid]);
    assert.match(readFileSync(`/proc/${pid}/cgroup`, "utf8"), new RegExp(`^0::/${scope.tag}-own$`, "m"));
    await scope.succeed(["start", id], { view: "v2" });
    await until("the program", () => running.output() === "ready\n");
    assert.deepEqual(processesIn(cgroup), [pid]);
    await scope.succeed(["delete", "--force", id], { view: "v2" });
    assert.deepEqual(cgroupsNamed(scope.tag), []);
  }),
);

test(
  "run [foreground: neither the runtime nor its monitor is in the container's cgroup]",
  limits,
  scoped("js", ["cgroup2"], async (scope) => {
    const bundle = scope.bundle("echo ready; exec sleep 1000", (config) => {
      config.linux.cgroupsPath = `/${scope.tag}-own`;
    });
    const id = scope.id();
    const running = scope.launch(["run", "--bundle", bundle.path, id], { view: "v2" });
    await until("the program", () => running.output() === "ready\n");
    const inside = processesIn(`${unified}/${scope.tag}-own`);
    assert.deepEqual(inside, [await pidOf(scope, id, "v2")]);
    assert.ok(!inside.includes(running.pid));
    await scope.succeed(["kill", id, "KILL"], { view: "v2" });
    assert.equal((await running.done).status, 137);
    assert.deepEqual(cgroupsNamed(scope.tag), []);
  }),
);

// MUST config-linux.md#cgroup-ownership
test(
  "run [cgroup version 2: it belongs to the process's user where its view is writable]",
  limits,
  scoped("owner", ["cgroup2", "notMapped"], async (scope) => {
    for (const [options, owner] of [
      [["rw"], 33],
      [["ro"], 0],
    ] as const) {
      const bundle = scope.bundle(["/bin/sleep", "1000"], (config) => {
        config.process.user = { uid: 33, gid: 33 };
        config.mounts.at(-1)!.options = [...options];
      });
      const id = scope.id();
      await scope.succeed(["run", "--detach", "--bundle", bundle.path, id], { view: "v2" });
      const cgroup = cgroupsNamed(scope.tag)[0]!;
      assert.equal(statSync(cgroup).uid, owner);
      for (const file of ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"]) {
        assert.equal(statSync(`${cgroup}/${file}`).uid, owner, file);
      }
      assert.equal(statSync(`${cgroup}/cgroup.max.depth`).uid, 0);
      // MUST: those the kernel lists, and no other.
      const delegate = readFileSync("/sys/kernel/cgroup/delegate", "utf8").trim().split("\n");
      for (const file of readdirSync(cgroup)) {
        assert.equal(statSync(`${cgroup}/${file}`).uid, delegate.includes(file) ? owner : 0, file);
      }
      await scope.succeed(["delete", "--force", id], { view: "v2" });
    }
  }),
);

test(
  "create [cgroup version 1: every hierarchy of the machine]",
  limits,
  scoped("v1", ["cgroup1"], async (scope) => {
    const bundle = scope.bundle(["sleep", "1000"], (config) => {
      config.linux.cgroupsPath = `/${scope.tag}-own`;
    });
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    const pid = await pidOf(scope, id);
    const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
    for (const line of lines) {
      const [number, controllers] = line.split(":");
      if (number === "0" || controllers!.startsWith("name=")) continue; // no limits are in these
      assert.ok(line.endsWith(`/${scope.tag}-own`), line);
    }
    await scope.succeed(["delete", "--force", id]);
    assert.deepEqual(cgroupsNamed(scope.tag), []);
  }),
);

test(
  "--cgroup-manager disabled [no cgroup is made]",
  limits,
  scoped("disabled", [], async (scope) => {
    const bundle = scope.bundle(["sleep", "1000"]);
    const id = scope.id();
    const global = ["--cgroup-manager", "disabled"];
    await scope.succeed(["create", "--bundle", bundle.path, id], { global });
    const pid = await pidOf(scope, id);
    assert.deepEqual(cgroupsNamed(scope.tag), []);
    assert.equal(readFileSync(`/proc/${pid}/cgroup`, "utf8"), readFileSync("/proc/self/cgroup", "utf8"));
    await scope.succeed(["delete", "--force", id], { global });
  }),
);

test(
  "run [no cgroup file system at all, manager disabled]",
  limits,
  scoped("none", [], async (scope) => {
    const bundle = scope.bundle("echo runs", (config) => {
      config.mounts = config.mounts.filter(({ type }) => type !== "cgroup");
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], {
      view: "none",
      global: ["--cgroup-manager", "disabled"],
    });
    assert.equal(outcome.stdout, "runs\n");
  }),
);

test(
  "run [device rules that nothing would keep: refused, not dropped]",
  limits,
  scoped("rules", [], async (scope) => {
    const bundle = scope.bundle("mknod /dev/kept b 7 0 && echo made", (config) => {
      config.mounts = config.mounts.filter(({ type }) => type !== "cgroup");
      delete config.linux.cgroupsPath;
      config.linux.resources = { devices: [{ allow: false, access: "rwm" }] };
      for (const set of ["bounding", "effective", "permitted"] as const) {
        config.process.capabilities = { ...config.process.capabilities, [set]: ["CAP_MKNOD"] };
      }
    });
    for (const [view, global, because] of [
      ["none", [], /no cgroups are mounted on this machine/],
      ["own", ["--cgroup-manager", "disabled"], /the cgroup manager is disabled/],
    ] as const) {
      const options = { global: [...global], ...(view === "none" ? { view } : {}) };
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], options);
      assert.equal(outcome.status, 1);
      assert.equal(outcome.stdout, "");
      assert.match(outcome.stderr, /\/linux\/resources\/devices/);
      assert.match(outcome.stderr, because);
    }
  }),
);

test(
  "--cgroup-manager systemd [a clear error where systemd is needed]",
  limits,
  scoped("systemd", [], async (scope) => {
    const bundle = scope.bundle();
    for (const global of [["--systemd-cgroup"], ["--cgroup-manager", "systemd"]]) {
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { global });
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, /systemd/);
    }
    assert.deepEqual(cgroupsNamed(scope.tag), []);
  }),
);

test(
  "create [cgroup that exists and is used: it stays, and what is in it]",
  limits,
  scoped("exists", ["cgroup2"], async (scope) => {
    const cgroup = `${unified}/${scope.tag}-shared`;
    mkdirSync(cgroup);
    const bundle = scope.bundle("true", (config) => {
      config.linux.cgroupsPath = `/${scope.tag}-shared/own`;
      withoutNamespace(config, "cgroup");
    });
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { view: "v2" });
    assert.ok(existsSync(cgroup), "a cgroup that was there before is not removed");
    assert.equal(existsSync(`${cgroup}/own`), false);
    rmdirSync(cgroup);
  }),
);

test(
  "run [a cgroup that was there before, again and again: the rules of earlier containers are gone] (cgroup version 2)",
  limits,
  scoped("again", ["cgroup2", "notMapped", "ownCgroups"], async (scope) => {
    const cgroup = `${unified}/${scope.tag}-again`;
    mkdirSync(cgroup);
    const bundle = scope.bundle("true", (config) => {
      config.linux.cgroupsPath = `/${scope.tag}-again`;
      config.linux["resources"] = { devices: [{ allow: false, access: "rwm" }] };
    });
    // One more than the kernel attaches to a cgroup.
    for (let round = 0; round < 65; round++) {
      await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { view: "v2" });
    }
    assert.ok(existsSync(cgroup));
    rmdirSync(cgroup);
  }),
);

test(
  "create [cgroup path that climbs out]",
  limits,
  scoped("climb", ["cgroup2"], async (scope) => {
    const bundle = scope.bundle("true", (config) => {
      config.linux.cgroupsPath = `/${scope.tag}-x/../../${scope.tag}-out`;
      withoutNamespace(config, "cgroup");
    });
    // runc takes it as "from the mount point".
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { view: "v2" });
    assert.equal(outcome.status, 1, outcome.stderr);
    assert.match(outcome.stderr, /\/linux\/cgroupsPath: Expected a path without "\.\."/);
    assert.equal(existsSync(`${unified}/../${scope.tag}-out`), false);
  }),
);

test(
  "run [cgroup version 2: placed by clone3, never by a process of the runtime moving itself]",
  limits,
  scoped("clone", ["cgroup2", "strace"], async (scope) => {
    const bundle = scope.bundle("true");
    const file = `${scope.directory}/trace`;
    const before = ["strace", "-f", "-o", file, "-e", "trace=clone3,openat,write"];
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { view: "v2", before });
    const trace = readFileSync(file, "utf8");
    assert.match(trace, /clone3\(\{flags=[^}]*CLONE_INTO_CGROUP[^}]*cgroup=\d+/);
    assert.doesNotMatch(trace, /cgroup\.procs", O_(WRONLY|RDWR)/);
  }),
);

// L5: a container whose creation fails must not take along who was in the cgroup before it.
for (const [view, need] of [
  ["v2", "cgroup2"],
  ["host", "cgroup1"],
] as const) {
  test(
    `create [cgroup in use: refused, whoever is in it lives on] (${view})`,
    limits,
    scoped("occupied", [need], async (scope) => {
      const path = `/${scope.tag}-shared`;
      const first = scope.bundle("exec sleep 1000", (config) => {
        config.linux.cgroupsPath = path;
      });
      const second = scope.bundle(["/no/such/program"], (config) => {
        config.linux.cgroupsPath = path;
      });
      const [one, two] = [scope.id(), scope.id()];
      await scope.succeed(["run", "--detach", "--bundle", first.path, one], { view });
      const outcome = await scope.invoke(["create", "--bundle", second.path, two], { view });
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, /its cgroup is not empty[^]*\/linux\/cgroupsPath[^]*1 process\(es\)/);
      const { status } = await stateOf(scope, one, { view });
      assert.equal(status, "running");
      await scope.succeed(["delete", "--force", two], { view });
      assert.ok((await pidOf(scope, one, view)) > 0);
      await scope.succeed(["delete", "--force", one], { view });
      assert.deepEqual(cgroupsNamed(scope.tag), []);
    }),
  );
}
