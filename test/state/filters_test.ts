/**
 * Kept seccomp filters: when they are used, and all that makes them not count.
 * @module
 */
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { execFileSync } from "node:child_process";
import { compileSeccomp, type Filter } from "../../src/seccomp/mod.ts";
import type { Seccomp } from "../../src/spec/types.ts";
import { hashOf } from "../../src/stage/hash.ts";
import { FilterStore } from "../../src/state/filters.ts";
import { withRoot } from "./fixture.ts";

const machine = "x86_64";
const compiler = "this one";

const profile = (name: string): Seccomp => ({
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: [name, "no_such_call"], action: "SCMP_ACT_ERRNO" }],
});
const strict = profile("mkdir");

/** Compiles and keeps; the file's path. */
function keep(root: string, seccomp = strict): string {
  const store = new FilterStore(root, compiler);
  store.compile(seccomp, machine);
  store.keep();
  const [name] = readdirSync(`${root}/.seccomp`);
  return `${root}/.seccomp/${name}`;
}

/** Puts something else into a file, whole as far as its hash tells: its head, its profile, its words. */
function forge(path: string, change: Partial<{ head: object; profile: Seccomp; words: number[] }>): void {
  const [, head = "", text = ""] = readFileSync(path, "latin1").split("\n");
  const words = change.words ?? found(path.slice(0, path.indexOf("/.seccomp"))).words;
  const body = Buffer.concat([
    Buffer.from(`${JSON.stringify({ ...(JSON.parse(head) as object), ...change.head })}\n`),
    Buffer.from(`${change.profile === undefined ? text : JSON.stringify(change.profile)}\n`),
    Buffer.from(Uint32Array.from(words).buffer),
  ]);
  writeFileSync(path, Buffer.concat([Buffer.from(`${hashOf(new Uint8Array(body))}\n`), body]));
}

const found = (root: string, seccomp = strict, by = compiler): Filter =>
  new FilterStore(root, by).compile(seccomp, machine);

/** A filter that no profile gives: whoever gets it has read the file. */
const mark = [6, 42];
const marked = (path: string): void => forge(path, { words: mark });

test("FilterStore keeps a filter, and gives it back with its warnings", async () => {
  await withRoot(({ root }) => {
    const path = keep(root);
    assert.equal(statSync(`${root}/.seccomp`).mode & 0o7777, 0o700);
    assert.equal(statSync(path).mode & 0o7777, 0o600);
    const { words, unknown, left, usesNotify } = found(root);
    assert.deepEqual({ words, unknown, left, usesNotify }, compileSeccomp(strict, machine));
    assert.deepEqual(unknown, ["no_such_call"]);
    marked(path);
    assert.deepEqual(found(root).words, mark, "it is read, not compiled again");
  });
});

test("FilterStore.compile() writes nothing", async () => {
  await withRoot(({ root }) => {
    mkdirSync(root, { recursive: true });
    found(root);
    assert.deepEqual(readdirSync(root), []);
  });
});

test("FilterStore keeps nothing from source, where the compiler may change", async () => {
  await withRoot(({ root }) => {
    mkdirSync(root, { recursive: true });
    const store = new FilterStore(root);
    assert.deepEqual(store.compile(strict, machine), compileSeccomp(strict, machine));
    store.keep();
    assert.deepEqual(readdirSync(root), []);
  });
});

const damages: Record<string, (path: string, root: string) => void> = {
  "of another profile under its name": (path) => forge(path, { profile: profile("x") }),
  "for another architecture": (path) => forge(path, { head: { machine: "aarch64" } }),
  "by another compiler": (path) => forge(path, { head: { compiler: "that one" } }),
  "cut off": (path) => writeFileSync(path, readFileSync(path).subarray(0, -4)),
  "changed by a bit": (path) => {
    const content = readFileSync(path);
    content[content.length - 1]! ^= 1;
    writeFileSync(path, content);
  },
  empty: (path) => writeFileSync(path, ""),
  "no JSON": (path) => writeFileSync(path, `${hashOf("{\n\n")}\n{\n\n`),
  "behind a symbolic link": (path, root) => {
    renameSync(path, `${root}/elsewhere`);
    symlinkSync(`${root}/elsewhere`, path);
  },
  "a FIFO": (path) => {
    execFileSync("rm", [path]);
    execFileSync("mkfifo", [path]);
  },
  "a directory": (path) => {
    execFileSync("rm", [path]);
    mkdirSync(path);
  },
  "in a directory that others may enter": (_, root) => chmodSync(`${root}/.seccomp`, 0o711),
  "in a directory behind a symbolic link": (_, root) => {
    renameSync(`${root}/.seccomp`, `${root}/elsewhere`);
    symlinkSync(`${root}/elsewhere`, `${root}/.seccomp`);
  },
  ...(process.getuid?.() === 0
    ? { "in a directory of another user": (_: string, root: string) => chownSync(`${root}/.seccomp`, 65_534, 65_534) }
    : {}),
};

for (const [name, damage] of Object.entries(damages)) {
  test(`FilterStore compiles again: a file ${name}`, async () => {
    await withRoot(({ root }) => {
      const path = keep(root);
      marked(path);
      damage(path, root);
      const store = new FilterStore(root, compiler);
      assert.deepEqual(store.compile(strict, machine), compileSeccomp(strict, machine));
      store.keep(); // where it can
    });
  });
}

test("FilterStore mends a damaged file", async () => {
  await withRoot(({ root }) => {
    const path = keep(root);
    writeFileSync(path, "");
    keep(root);
    marked(path);
    assert.deepEqual(found(root).words, mark);
  });
});

test("FilterStore tells profiles and compilers apart", async () => {
  await withRoot(({ root }) => {
    marked(keep(root));
    assert.deepEqual(found(root, profile("rmdir")), compileSeccomp(profile("rmdir"), machine));
    assert.deepEqual(found(root, strict, "that one"), compileSeccomp(strict, machine));
  });
});

test("FilterStore keeps no filter of a profile that is not to be told by its text", async () => {
  await withRoot(({ root }) => {
    mkdirSync(root, { recursive: true });
    const store = new FilterStore(root, compiler);
    const args = [{ index: 0, value: 2n ** 60n, op: "SCMP_CMP_EQ" as const }];
    const large: Seccomp = { ...strict, syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", args }] };
    assert.deepEqual(store.compile(large, machine), compileSeccomp(large, machine));
    store.keep();
    assert.deepEqual(readdirSync(root), []);
  });
});

test("FilterStore holds a bounded number of files, whatever the profiles", async () => {
  await withRoot(({ root }) => {
    for (let i = 0; i < 150; i++) {
      keep(root, profile(`call_${i}`));
      assert.ok(readdirSync(`${root}/.seccomp`).length <= 64);
    }
  });
});
