/**
 * Hooks by runtime.md#lifecycle: which runs when, what it is given, what its failure does to the container.
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type HookEntry, hookKinds } from "../support/config.ts";
import { stateOf, stopped } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { processesNamed, snapshot } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { type Bundle, scoped } from "../support/scope.ts";

/** A hook of each kind that appends its kind and keeps its state; those named fail. */
function addHooks(bundle: Bundle, failing: readonly string[] = []): void {
  mkdirSync(`${bundle.rootfs}/log`);
  chmodSync(`${bundle.rootfs}/log`, 0o777); // root of the machine and of the container write here
  bundle.config.hooks = {};
  for (const kind of hookKinds) {
    const inside = kind === "startContainer";
    const log = inside ? "/log" : `${bundle.rootfs}/log`;
    const text =
      `umask 0; cat > ${log}/${kind}.json; readlink /proc/self/ns/mnt > ${log}/${kind}.ns; echo ${kind} >> ${log}/order; ` +
      `exit ${failing.includes(kind) ? 7 : 0}`;
    const entry: HookEntry = { path: "/bin/sh", args: ["sh", "-c", text], env: ["PATH=/usr/bin:/bin"] };
    bundle.config.hooks[kind] = [entry];
  }
  bundle.save();
}

const order = (bundle: Bundle): string[] => {
  const path = `${bundle.rootfs}/log/order`;
  return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
};

const stateGiven = (bundle: Bundle, kind: string): { status: string; pid: number; id: string; bundle: string } =>
  JSON.parse(readFileSync(`${bundle.rootfs}/log/${kind}.json`, "utf8"));

// MUST runtime.md#lifecycle, config.md#posix-platform-hooks
test(
  "hooks [order over create, start, delete; state on standard input]",
  limits,
  scoped("hooks", ["hostMounts"], async (scope) => {
    const bundle = scope.bundle("echo program >> /log/order; exec sleep 1000");
    addHooks(bundle);
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    assert.deepEqual(order(bundle), ["prestart", "createRuntime", "createContainer"]);
    await scope.succeed(["start", id]);
    await until("the program", () => order(bundle).includes("program"));
    assert.deepEqual(
      order(bundle).filter((word) => word !== "program"),
      ["prestart", "createRuntime", "createContainer", "startContainer", "poststart"],
    );
    assert.equal(order(bundle)[3], "startContainer");
    const pid = (await stateOf(scope, id)).pid;
    await scope.succeed(["kill", id, "KILL"]);
    await stopped(scope, id);
    await scope.succeed(["delete", id]);
    assert.equal(order(bundle).at(-1), "poststop");

    const own = readlinkSync("/proc/self/ns/mnt");
    const expected: Record<string, [string, "runtime" | "container"]> = {
      prestart: ["creating", "runtime"],
      createRuntime: ["creating", "runtime"],
      createContainer: ["creating", "container"],
      startContainer: ["created", "container"],
      poststart: ["running", "runtime"],
      poststop: ["stopped", "runtime"],
    };
    for (const kind of hookKinds) {
      const given = stateGiven(bundle, kind);
      assert.equal(given.status, expected[kind]![0], kind);
      assert.equal(given.id, id);
      assert.equal(given.bundle, bundle.path);
      const namespace = readFileSync(`${bundle.rootfs}/log/${kind}.ns`, "utf8").trim();
      assert.equal(namespace === own ? "runtime" : "container", expected[kind]![1], kind);
      if (kind === "poststop") assert.ok(!given.pid);
      else if (expected[kind]![1] === "runtime") assert.equal(given.pid, pid, kind);
      else assert.equal(given.pid, 1, `${kind}: pid as seen in the container`);
    }
  }),
);

// MUST runtime.md#lifecycle: the container is destroyed, poststop hooks still run
for (const kind of ["prestart", "createRuntime", "createContainer"] as const) {
  test(
    `create [failing ${kind} hook]`,
    limits,
    scoped("hookfail", [], async (scope) => {
      const before = snapshot(scope.tag, scope.directory, scope.root);
      const bundle = scope.bundle("echo program >> /log/order");
      addHooks(bundle, [kind]);
      const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, new RegExp(`hook|${kind}`));
      const expected = hookKinds.slice(0, hookKinds.indexOf(kind) + 1);
      assert.deepEqual(order(bundle), [...expected, "poststop"]);
      const after = snapshot(scope.tag, scope.directory, scope.root);
      assert.deepEqual({ ...after, state: [] }, { ...before, state: [] });
      assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
    }),
  );
}

for (const kind of ["startContainer", "poststart"] as const) {
  test(
    `start [failing ${kind} hook]`,
    limits,
    scoped("hookfail", [], async (scope) => {
      const bundle = scope.bundle("echo program >> /log/order; exec sleep 1000");
      addHooks(bundle, [kind]);
      const id = scope.id();
      await scope.succeed(["create", "--bundle", bundle.path, id]);
      const outcome = await scope.invoke(["start", id]);
      assert.equal(outcome.status, 1, outcome.stderr);
      assert.match(outcome.stderr, /hook/);
      await until("the container's end", () => processesNamed(scope.tag).length === 0);
      if (kind === "startContainer") assert.ok(!order(bundle).includes("program"));
      // Stopped and destroyed: poststop has run by now, or runs with the delete of what is left.
      await scope.succeed(["delete", "--force", id]);
      assert.equal(order(bundle).at(-1), "poststop");
      assert.equal(order(bundle).filter((word) => word === "poststop").length, 1);
      assert.deepEqual(snapshot(scope.tag, scope.directory, scope.root).cgroups, []);
    }),
  );
}

// MUST runtime.md#lifecycle: a failing poststop hook is a warning
test(
  "delete [failing poststop hook]",
  limits,
  scoped("poststop", [], async (scope) => {
    const bundle = scope.bundle(["/bin/true"]);
    addHooks(bundle, ["poststop"]);
    const second: HookEntry = {
      path: "/bin/sh",
      args: ["sh", "-c", `cat > /dev/null; echo second >> ${bundle.rootfs}/log/order`],
      env: ["PATH=/usr/bin:/bin"],
    };
    bundle.config.hooks!.poststop!.push(second);
    bundle.save();
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    await scope.succeed(["start", id]);
    await stopped(scope, id);
    await scope.succeed(["delete", id]);
    assert.deepEqual(order(bundle).slice(-2), ["poststop", "second"]);
    assert.equal(existsSync(`${scope.root}/${id}`), false);
  }),
);

test(
  "create [hook beyond its timeout is killed, with its children]",
  limits,
  scoped("timeout", [], async (scope) => {
    const pids = `${scope.directory}/pids`;
    const path = scope.script("slow", `sleep 1000 & echo $$ $! > ${pids}; wait`);
    const left = (): string[] =>
      readFileSync(pids, "utf8")
        .trim()
        .split(" ")
        .filter((pid) => existsSync(`/proc/${pid}`));
    scope.defer(() => left().forEach((pid) => process.kill(Number(pid), "SIGKILL")));
    const bundle = scope.bundle(["/bin/true"], (config) => {
      config.hooks = { createRuntime: [{ path, timeout: 1, env: ["PATH=/usr/bin:/bin"] }] };
    });
    const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.ok(outcome.ms > 900 && outcome.ms < 5000, `took ${outcome.ms} ms`);
    assert.match(outcome.stderr, /hook|tim/i);
    await until("the hook and its child to be gone", () => left().length === 0);
    assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
  }),
);

test(
  "create [hook that reads no standard input, and one that writes a lot]",
  limits,
  scoped("quiet", [], async (scope) => {
    const bundle = scope.bundle(["/bin/true"], (config) => {
      config.annotations = { big: "x".repeat(200_000) }; // more than a pipe holds
      config.hooks = {
        createRuntime: [
          { path: "/bin/true" },
          { path: "/bin/sh", args: ["sh", "-c", "exec 0<&-; sleep 0.2"] },
          { path: "/bin/sh", args: ["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x"], env: ["PATH=/usr/bin:/bin"] },
        ],
      };
    });
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
  }),
);

test(
  "hooks [environment is exactly their own]",
  limits,
  scoped("hookenv", [], async (scope) => {
    const bundle = scope.bundle("cp /proc/self/environ /tmp/program");
    bundle.config.process.env = ["PATH=/bin", "LD_PRELOAD=/evil.so", "SECRET=1"];
    bundle.config.hooks = {};
    for (const kind of ["createRuntime", "createContainer", "poststart"] as const) {
      // cp is a program of its own: what it finds in /proc/self/environ is what it was given.
      bundle.config.hooks[kind] = [
        { path: "/usr/bin/env", args: ["env"], env: [`ONLY=${kind}`] },
        { path: "/bin/sh", args: ["sh", "-c", `/usr/bin/env > ${bundle.rootfs}/tmp/${kind}`], env: [`ONLY=${kind}`] },
      ];
    }
    bundle.save();
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { env: { OUTER: "1", LD_LIBRARY_PATH: "" } });
    for (const kind of ["createRuntime", "createContainer", "poststart"]) {
      const lines = readFileSync(`${bundle.rootfs}/tmp/${kind}`, "utf8").split("\n").filter(Boolean);
      assert.deepEqual(
        lines.filter((line) => !line.startsWith("PWD=")),
        [`ONLY=${kind}`],
      );
    }
  }),
);

// config.md#createcontainer-hooks: what a device hook does with the path that the state gives it
for (const kind of ["prestart", "createRuntime", "createContainer"] as const) {
  test(
    `hooks [${kind}: what it mounts below the root filesystem's path is in the container]`,
    limits,
    scoped("hooks", kind === "createContainer" ? [] : ["hostMounts"], async (scope) => {
      const bundle = scope.bundle("cat /gift/word; grep -c /gift /proc/self/mountinfo");
      mkdirSync(`${bundle.rootfs}/gift`);
      mkdirSync(`${scope.directory}/gift`);
      writeFileSync(`${scope.directory}/gift/word`, "given\n");
      const enter =
        kind === "createContainer" ? "" : 'nsenter --mount=/proc/$(sed "s/.*pid.:\\([0-9]*\\).*/\\1/")/ns/mnt ';
      const text = `grep -q " ${bundle.rootfs}/proc " /proc/self/mountinfo || ${enter === "" ? "exit 9" : ":"}
${enter}mount --bind ${scope.directory}/gift ${bundle.rootfs}/gift`;
      bundle.config.hooks = { [kind]: [{ path: scope.script("give", text), env: ["PATH=/usr/bin:/bin:/usr/sbin"] }] };
      bundle.save();
      const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(stdout, "given\n1\n");
    }),
  );
}

test(
  "hooks [with a bind mount: everything is made in the container, nothing on the machine]",
  limits,
  scoped("hooks", [], async (scope) => {
    const bundle = scope.bundle("cat /mnt/*-a/word /mnt/*-b/word", (config) => {
      for (const name of ["a", "b"]) {
        config.mounts.push({ destination: `/mnt/${scope.tag}-${name}`, source: "given", options: ["bind"] });
      }
    });
    mkdirSync(`${bundle.path}/given`);
    writeFileSync(`${bundle.path}/given/word`, "given\n");
    bundle.config.hooks = { createRuntime: [{ path: "/bin/true" }] };
    bundle.save();
    const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(stdout, "given\ngiven\n");
    for (const name of ["a", "b"]) assert.equal(existsSync(`/mnt/${scope.tag}-${name}`), false);
  }),
);
