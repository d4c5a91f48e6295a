/**
 * Ending the processes of cgroups and removing them, on real hierarchies of this machine, v2 and v1.
 * @module
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { ownCgroups } from "../../src/cgroup/directories.ts";
import { thaw } from "../../src/cgroup/freezer.ts";
import { killAll, processesIn, signalAll } from "../../src/cgroup/processes.ts";
import { removeCgroups } from "../../src/cgroup/remove.ts";
import { deleteContainer } from "../../src/lifecycle/delete.ts";
import { kill } from "../../src/lifecycle/kill.ts";
import { makeContainer, startTimeOf, withRoot } from "../state/fixture.ts";
import { skip } from "../support/skip.ts";

/** Mount points by the kinds of hierarchy that differ: v2, v1, and v1's freezer, which can stop SIGKILL. */
const hierarchies = {
  v2: mountPoint("cgroup2"),
  v1: mountPoint("cgroup", "pids"),
  freezer: mountPoint("cgroup", "freezer"),
};

/** Where a hierarchy is mounted and may be written to. */
function mountPoint(type: string, option = ""): string | undefined {
  for (const line of readFileSync("/proc/self/mounts", "utf8").split("\n")) {
    const [, path, kind, options] = line.split(" ");
    if (kind !== type || (option !== "" && !options!.split(",").includes(option))) continue;
    try {
      mkdirSync(`${path}/bunker-probe-${process.pid}`);
      rmdirSync(`${path}/bunker-probe-${process.pid}`);
      return path;
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** Runs the body with a new cgroup, and removes it with what the body left in it. */
async function withCgroup(mount: string, body: (path: string) => void | Promise<void>): Promise<void> {
  const path = `${mount}/bunker-test-${process.pid}-${Math.random().toString(36).slice(2)}`;
  mkdirSync(path);
  try {
    await body(path);
  } finally {
    thaw([path]);
    killAll([path], 5000);
    removeCgroups([path]);
  }
}

/** A shell in the cgroup with a child: two processes that survive each other. */
async function spawnPair(path: string): Promise<number> {
  const child = spawn("sh", ["-c", `echo $$ > ${path}/cgroup.procs; sleep 60 & wait`], { stdio: "ignore" });
  while (processesIn([path]).length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  return child.pid!;
}

for (const [kind, mount] of Object.entries(hierarchies)) {
  const name = (text: string) => `${text} [${kind}]`;

  test(name("killAll() and removeCgroups() leave nothing, sub-cgroups included"), async (t) => {
    if (mount === undefined) return skip(t, `no ${kind} cgroup hierarchy to write to`);
    await withCgroup(mount, async (path) => {
      mkdirSync(`${path}/a/b`, { recursive: true });
      await spawnPair(path);
      await spawnPair(`${path}/a/b`);
      assert.equal(killAll([path], 5000), true);
      removeCgroups([path]);
      assert.equal(existsSync(path), false);
      removeCgroups([path]);
    });
  });

  // Whoever may write there makes them: a path of theirs is longer than any call takes.
  test(name("killAll() and removeCgroups() reach what has no path (PATH_MAX)"), async (t) => {
    if (mount === undefined) return skip(t, `no ${kind} cgroup hierarchy to write to`);
    await withCgroup(mount, async (path) => {
      const deep =
        'n=$(printf %0250d 0); cd "$0"; while mkdir $n && cd $n; do :; done; mkdir -p $n; echo $$ >$n/cgroup.procs; exec sleep 60';
      spawn("sh", ["-c", deep, path], { stdio: "ignore" });
      await spawnPair(path);
      while (processesIn([path]).length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(killAll([path], 5000), true);
      assert.equal(removeCgroups([path]), undefined);
      assert.equal(existsSync(path), false);
    });
  });

  test(name("signalAll() reaches every member and nobody else"), async (t) => {
    if (mount === undefined) return skip(t, `no ${kind} cgroup hierarchy to write to`);
    await withCgroup(mount, async (path) => {
      for (const name of ["a", "b"]) {
        mkdirSync(`${path}/${name}`);
        await spawnPair(`${path}/${name}`);
      }
      signalAll([`${path}/none`], 9);
      signalAll([`${path}/a`, `${path}/a`], 9);
      while (processesIn([`${path}/a`]).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(processesIn([`${path}/b`]).length, 2);
    });
  });

  test(name("ownCgroups() leaves out the top of a hierarchy and what is gone"), (t) => {
    if (mount === undefined) return skip(t, `no ${kind} cgroup hierarchy to write to`);
    assert.deepEqual(ownCgroups([mount, `${mount}/`, `${mount}/bunker-none`]), []);
    assert.deepEqual(processesIn([mount]), []);
    removeCgroups([mount]);
    assert.ok(readdirSync(mount).length > 0);
  });

  test(name("removeCgroups() says which process is in the way, in time"), async (t) => {
    if (mount === undefined) return skip(t, `no ${kind} cgroup hierarchy to write to`);
    await withCgroup(mount, async (path) => {
      const pid = await spawnPair(path);
      const start = performance.now();
      const error = removeCgroups([path]);
      assert.equal(error?.message, `Cannot remove cgroup "${path}": EBUSY for 2 s`);
      assert.ok(error.detail[0]!.includes(String(pid)));
      assert.ok(performance.now() - start < 6000);
    });
  });

  for (const operation of ["kill", "kill --all", "delete --force"] as const) {
    test(name(`${operation} ends every process of a container without a pid namespace`), async (t) => {
      if (mount === undefined) return skip(t, `no ${kind} cgroup hierarchy to write to`);
      await withCgroup(mount, (path) =>
        withRoot(async (rt) => {
          const pid = await spawnPair(path);
          makeContainer(rt, { pid, startTime: startTimeOf(pid), cgroups: [path] }, "{}");
          if (kind === "freezer" && operation === "delete --force") writeFileSync(`${path}/freezer.state`, "FROZEN");
          if (operation === "delete --force") deleteContainer(rt, "web", true);
          else kill(rt, "web", 9, operation === "kill --all");
          if (operation === "delete --force") assert.deepEqual([existsSync(path), readdirSync(rt.root)], [false, []]);
          else assert.deepEqual(processesIn([path]), []);
        }),
      );
    });
  }
}

test("killAll() spares this process in its own cgroup", async (t) => {
  const mount = hierarchies.v1;
  if (mount === undefined) return skip(t, "no v1 cgroup hierarchy to write to");
  const own = readFileSync("/proc/self/cgroup", "utf8")
    .split("\n")
    .find((line) => line.split(":")[1] === "pids")!
    .split(":")[2]!;
  await withCgroup(mount, (path) => {
    writeFileSync(`${path}/cgroup.procs`, String(process.pid));
    try {
      assert.equal(killAll([path], 50), false);
    } finally {
      writeFileSync(`${mount}${own}/cgroup.procs`, String(process.pid));
    }
    assert.ok(statSync(path).isDirectory());
  });
});
