/**
 * State directories: races between processes, locks, left-overs, damage.
 * @module
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as state from "../../src/state/directory.ts";
import { printRecord } from "../../src/state/record.ts";
import { makeContainer, ownPidNamespace, record, withRoot } from "./fixture.ts";

/** Starts test/state/creator.ts in the engine of this test; resolves to what it printed. */
function creator(...words: string[]): Promise<string> {
  const script = fileURLToPath(new URL("creator.ts", import.meta.url));
  const engine = "Deno" in globalThis ? ["run", "-A", "--quiet", script] : [script];
  const child = spawn(process.execPath, [...engine, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (data) => (text += data));
    child.once("error", reject);
    child.once("close", () => resolve(text.trim()));
  });
}

test("createStateDirectory() lets one of many creators of an id win", async () => {
  await withRoot(async (rt) => {
    const root = `${rt.root}/not/there/yet`;
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => creator(root, "web", "300")));
    assert.deepEqual(outcomes.sort(), [
      ...Array(4).fill('lost: Container "web": container with given ID already exists'),
      "won",
    ]);
  });
});

test("createStateDirectory() makes directories that only their owner may enter", async () => {
  await withRoot((rt) => {
    const root = `${rt.root}/a/b`;
    makeContainer({ ...rt, root }, {});
    for (const path of [root, `${root}/web`]) assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.equal(statSync(`${root}/web/state.json`).mode & 0o777, 0o600);
  });
});

test("createStateDirectory() refuses a bad id before it makes anything", async () => {
  await withRoot((rt) => {
    assert.throws(() => state.createStateDirectory(`${rt.root}/new`, "../web"), /Invalid container ID/);
    assert.deepEqual(readdirSync(rt.root), []);
  });
});

test("createStateDirectory() names the root that is not a directory", async () => {
  await withRoot((rt) => {
    writeFileSync(`${rt.root}/file`, "");
    assert.throws(() => state.createStateDirectory(`${rt.root}/file`, "web"), {
      name: "HostError",
      message: /^Cannot open state directory ".*\/file": .*ENOTDIR/,
    });
  });
});

test("findStateDirectory() trusts no directory of others", async () => {
  await withRoot((rt) => {
    mkdirSync(`${rt.root}/web`);
    chmodSync(`${rt.root}/web`, 0o777);
    assert.throws(() => state.findStateDirectory(rt.root, "web"), /is not trustworthy: owned by user \d+, mode 0777/);
  });
});

test("findStateDirectory() follows no symbolic link", async () => {
  await withRoot((rt) => {
    makeContainer(rt, { id: "real" });
    symlinkSync("real", `${rt.root}/web`);
    assert.throws(() => state.findStateDirectory(rt.root, "web"), /Cannot open state directory/);
  });
});

test("lockStateDirectory() gives up in time while another process holds the lock", async () => {
  await withRoot(async (rt) => {
    const other = creator(rt.root, "web", "1500");
    while (!existsSync(`${rt.root}/web/state.json`)) await new Promise((resolve) => setTimeout(resolve, 5));
    const directory = state.openStateDirectory(rt.root, "web");
    const start = performance.now();
    assert.throws(
      () => state.lockStateDirectory(directory, 100),
      (error: Error & { detail: string[] }) =>
        /Container "web" is busy: another operation/.test(error.message) && /: process \d+$/.test(error.detail[0]!),
    );
    assert.ok(performance.now() - start < 1000);
    assert.equal(state.isLocked(directory), true);
    await other;
    state.lockStateDirectory(directory, 1000);
    assert.equal(state.readRecord(directory)?.record.id, "web");
    state.closeStateDirectory(directory);
  });
});

test("lockStateDirectory() notices that the container was removed while it waited", async () => {
  await withRoot((rt) => {
    makeContainer(rt, {});
    const first = state.openStateDirectory(rt.root, "web");
    const second = state.openStateDirectory(rt.root, "web");
    state.lockStateDirectory(first, 0);
    state.removeStateDirectory(first);
    state.closeStateDirectory(first);
    makeContainer(rt, { pid: 1 });
    assert.throws(() => state.lockStateDirectory(second, 0), /container does not exist/);
    state.closeStateDirectory(second);
    assert.deepEqual(readdirSync(rt.root), ["web"]);
  });
});

test("readRecord() returns what printRecord() wrote, config.json included", async () => {
  await withRoot((rt) => {
    const written = record({ pid: 7, annotations: { a: "é" } });
    const directory = state.createStateDirectory(rt.root, "web");
    assert.equal(state.readRecord(directory), undefined);
    state.writeRecord(directory, printRecord(written, ` ${ownPidNamespace}\n`));
    assert.deepEqual(state.readRecord(directory)?.record, { ...written, config: JSON.parse(ownPidNamespace) });
    state.closeStateDirectory(directory);
  });
});

test("readRecord() sees what addProcess() added, once it is whole", async () => {
  await withRoot((rt) => {
    const written = record({ annotations: { a: "\n" } });
    const directory = state.createStateDirectory(rt.root, "web");
    state.writeRecord(directory, printRecord(written, ownPidNamespace));
    const config = JSON.parse(ownPidNamespace);
    state.addProcess(directory, 17, 99);
    assert.deepEqual(state.readRecord(directory)?.record, { ...written, pid: 17, startTime: 99, config });
    const path = `${rt.root}/web/state.json`;
    writeFileSync(path, readFileSync(path, "utf8").slice(0, -1));
    assert.deepEqual(state.readRecord(directory)?.record, { ...written, config });
    state.closeStateDirectory(directory);
  });
});

for (const text of ["", "{", "[]", "null", "{}", '{"pid":1}']) {
  test(`readRecord() says that state.json is damaged: ${text || "empty"}`, async () => {
    await withRoot((rt) => {
      makeContainer(rt, {});
      writeFileSync(`${rt.root}/web/state.json`, text);
      const directory = state.openStateDirectory(rt.root, "web");
      assert.throws(() => state.readRecord(directory), /State file ".*\/web\/state.json" is damaged/);
      state.closeStateDirectory(directory);
    });
  });
}

test("removeStateDirectory() removes whatever is in it", async () => {
  await withRoot((rt) => {
    makeContainer(rt, {});
    mkdirSync(`${rt.root}/web/sub/deeper`, { recursive: true });
    symlinkSync("/", `${rt.root}/web/link`);
    const directory = state.openStateDirectory(rt.root, "web");
    state.removeStateDirectory(directory);
    state.closeStateDirectory(directory);
    assert.deepEqual(readdirSync(rt.root), []);
  });
});

test("listIds() sorts, and shows no names of our own", async () => {
  await withRoot((rt) => {
    for (const id of ["b", "a", "c"]) makeContainer(rt, { id });
    mkdirSync(`${rt.root}/.hidden`);
    assert.deepEqual(state.listIds(rt.root), ["a", "b", "c"]);
    assert.deepEqual(state.listIds(`${rt.root}/none`), []);
  });
});
