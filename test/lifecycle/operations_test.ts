/**
 * state, kill, delete and list on containers whose process is a sleeping child of the test.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { deleteContainer } from "../../src/lifecycle/delete.ts";
import { kill } from "../../src/lifecycle/kill.ts";
import { list } from "../../src/lifecycle/list.ts";
import { state } from "../../src/lifecycle/state.ts";
import {
  closeStateDirectory,
  createStateDirectory,
  bindCreatedSocket,
  openStateDirectory,
  writeRecord,
} from "../../src/state/directory.ts";
import { close } from "../../src/stage/sys.ts";
import { printRecord } from "../../src/state/record.ts";
import { makeContainer, record, startTimeOf, withProcess, withRoot } from "../state/fixture.ts";

const TERM = 15;
const KILL = 9;

/** A container whose process sleeps. */
async function withContainer(
  body: (rt: Parameters<Parameters<typeof withRoot>[0]>[0], pid: number) => void | Promise<void>,
) {
  await withRoot((rt) =>
    withProcess((pid) => {
      makeContainer(rt, { pid, startTime: startTimeOf(pid) });
      return body(rt, pid);
    }),
  );
}

test("state() shows a running container with runc's members", async () => {
  await withContainer((rt, pid) => {
    const view = state(rt, "web");
    assert.deepEqual(Object.keys(view), ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "owner"]);
    assert.equal(view.pid, pid);
    assert.equal(view.status, "running");
    assert.equal(view.owner, "root");
    assert.match(view.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });
});

test("state() names the unit that the cgroup belongs to, as crun does", async () => {
  await withRoot((rt) => {
    makeContainer(rt, { unit: { name: "bt-web.scope", socket: "/run/bus" } });
    assert.equal(state(rt, "web")["systemd-scope"], "bt-web.scope");
  });
});

test("state() is created as long as the process holds its socket", async () => {
  await withContainer((rt) => {
    const directory = openStateDirectory(rt.root, "web");
    const fd = bindCreatedSocket(directory);
    assert.equal(state(rt, "web").status, "created");
    close(fd);
    assert.equal(state(rt, "web").status, "running");
    closeStateDirectory(directory);
  });
});

test("state() is stopped, with pid 0, when the pid is another process's by now", async () => {
  await withRoot((rt) =>
    withProcess((pid) => {
      makeContainer(rt, { pid, startTime: startTimeOf(pid) - 1 });
      assert.deepEqual([state(rt, "web").status, state(rt, "web").pid], ["stopped", 0]);
      assert.throws(() => kill(rt, "web", KILL, false), /container not running/);
      deleteContainer(rt, "web", true);
      process.kill(pid, 0); // it lives
    }),
  );
});

test("state() is creating while create holds the lock; before there is a record nothing exists", async () => {
  await withRoot((rt) => {
    const directory = createStateDirectory(rt.root, "web");
    assert.throws(() => state(rt, "web"), /Container "web": container does not exist/);
    writeRecord(directory, printRecord(record({ pid: 0 }), "{}"));
    assert.equal(state(rt, "web").status, "creating");
    closeStateDirectory(directory);
    assert.equal(state(rt, "web").status, "stopped");
  });
});

test("kill() sends exactly the signal, and refuses when there is nobody", async () => {
  await withRoot((rt) =>
    withProcess(async (pid, child) => {
      makeContainer(rt, { pid, startTime: startTimeOf(pid) });
      const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
      kill(rt, "web", TERM, false);
      assert.equal(await ended, "SIGTERM");
      assert.equal(state(rt, "web").status, "stopped");
      assert.throws(() => kill(rt, "web", TERM, false), /Container "web": container not running/);
      kill(rt, "web", TERM, true); // --all of a stopped container is no error
    }),
  );
});

test("deleteContainer() refuses a running container and leaves it alone", async () => {
  await withContainer((rt) => {
    assert.throws(
      () => deleteContainer(rt, "web", false),
      /Cannot delete container "web" that is not stopped: running/,
    );
    assert.equal(state(rt, "web").status, "running");
  });
});

test("deleteContainer() with force kills, removes, and is content the second time", async () => {
  await withRoot((rt) =>
    withProcess(async (pid, child) => {
      makeContainer(rt, { pid, startTime: startTimeOf(pid) });
      const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
      deleteContainer(rt, "web", true);
      assert.equal(await ended, "SIGKILL");
      assert.deepEqual(readdirSync(rt.root), []);
      deleteContainer(rt, "web", true);
      assert.throws(() => deleteContainer(rt, "web", false), /container does not exist/);
    }),
  );
});

test("deleteContainer() kills a created container, as runc does", async () => {
  await withContainer((rt) => {
    const directory = openStateDirectory(rt.root, "web");
    const fd = bindCreatedSocket(directory);
    closeStateDirectory(directory);
    deleteContainer(rt, "web", false);
    close(fd);
    assert.deepEqual(readdirSync(rt.root), []);
  });
});

test("deleteContainer() with force cleans up after an interrupted create", async () => {
  await withRoot((rt) => {
    mkdirSync(`${rt.root}/empty`, { mode: 0o700 });
    makeContainer(rt, { id: "early", pid: 0 });
    makeContainer(rt, { id: "torn" });
    writeFileSync(`${rt.root}/torn/state.json`, "{");
    assert.throws(() => deleteContainer(rt, "empty", false), /container does not exist/);
    for (const id of ["empty", "early", "torn"]) deleteContainer(rt, id, true);
    assert.deepEqual(readdirSync(rt.root), []);
    assert.equal(rt.warnings.length, 1);
  });
});

test("deleteContainer() runs every poststop hook with the state on stdin; failures are warnings", async () => {
  // MUST runtime.md#lifecycle step 13: log a warning and go on
  await withRoot((rt) => {
    const out = `${rt.root}/../${rt.root.split("/").pop()}.hook`;
    const write = { path: "/bin/sh", args: ["sh", "-c", `cat > ${out}`], env: ["PATH=/usr/bin:/bin"] };
    makeContainer(rt, {
      hooks: { poststop: [{ path: "/nonexistent" }, { path: "/bin/false" }, write] },
      annotations: { k: "v" },
    });
    deleteContainer(rt, "web", false);
    const seen = JSON.parse(readFileSync(out, "utf8"));
    rmSync(out);
    assert.deepEqual(seen, {
      ociVersion: "1.2.1",
      id: "web",
      status: "stopped",
      pid: 0,
      bundle: "/b",
      annotations: { k: "v" },
    });
    assert.equal(rt.warnings.length, 2);
    assert.deepEqual(readdirSync(rt.root), []);
  });
});

test("list() shows the others when one is damaged", async () => {
  await withRoot((rt) => {
    for (const id of ["a", "b", "c"]) makeContainer(rt, { id });
    writeFileSync(`${rt.root}/b/state.json`, "{");
    assert.deepEqual(
      list(rt).map(({ id, status }) => `${id} ${status}`),
      ["a stopped", "b damaged", "c stopped"],
    );
    assert.match(rt.warnings[0]!, /Only the name of container "b" is known: State file ".*" is damaged/);
  });
});
