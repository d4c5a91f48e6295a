/** Tests of create_in_root behind links that lead nowhere: whatever they say, it is made below the root. @module */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { PlanBuilder } from "../../src/plan/builder.ts";
import { placed } from "../../src/program/addresses.ts";
import { getRegister, makeImage, runImage } from "../../src/stage/program.ts";
import { close, errnoName, readLink } from "../../src/stage/sys.ts";
import { native } from "../support/native.ts";

/** A directory with `root` and, beside it, `outside`; and what lies in the root before. */
function inRoot(body: (root: string, outside: string) => void | Promise<void>): Promise<void> {
  const path = mkdtempSync(`${tmpdir()}/bunker-create-`);
  mkdirSync(`${path}/root/etc`, { recursive: true });
  mkdirSync(`${path}/outside`);
  return Promise.resolve(body(`${path}/root`, `${path}/outside`)).finally(() => rmSync(path, { recursive: true }));
}

/** Not by readdir's own recursion, which follows links. */
const entries = (root: string): string[] => [...readdirSync(root), ...readdirSync(`${root}/etc`)];

/** Where the descriptor leads, below the root, or the errno. */
function create(root: string, path: string, kind: "S_IFDIR|0755" | "S_IFREG|0644"): string {
  const b = new PlanBuilder();
  const directory = b.open("openat", ["AT_FDCWD", root, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);
  const made = b.open("create_in_root", [directory, path, kind]);
  const plan = b.build();
  const image = makeImage(placed(plan.items), plan.registers);
  const { result } = runImage(image);
  close(getRegister(image, directory.register));
  if (result < 0) return errnoName(-result);
  const fd = getRegister(image, made.register);
  const real = String(readLink(`/proc/self/fd/${fd}`));
  close(fd);
  return real.startsWith(root) ? real.slice(root.length) : `outside: ${real}`;
}

/** Link → its text; then what is made at a path, and where that is in the end. */
const cases: readonly [name: string, links: Readonly<Record<string, string>>, path: string, real: string][] = [
  ["beside the root's entry", { "etc/resolv.conf": "../run/resolve/stub" }, "etc/resolv.conf", "/run/resolve/stub"],
  ["an absolute one", { link: "/var/lib/x" }, "link", "/var/lib/x"],
  ["more ups than there are levels", { "etc/link": "../../../../../../x/y" }, "etc/link", "/x/y"],
  ["a place of the host", { link: "/proc/self/root/tmp/x" }, "link", "/proc/self/root/tmp/x"],
  ["a chain", { a: "b", b: "etc/c", "etc/c": "../d/e", d: "f" }, "a", "/f/e"],
  ["on the way", { link: "new" }, "link/more/below", "/new/more/below"],
  ["a slash at its end", { link: "new//" }, "link/x", "/new/x"],
  ["dots", { link: "./etc/./new" }, "link", "/etc/new"],
  ["up from what is there", { link: "etc/../new" }, "link", "/new"],
  ["to itself", { link: "link" }, "link", "ELOOP"],
  ["a loop of two", { a: "b/x", b: "a" }, "a", "ELOOP"],
  ["up from what is not there", { link: "none/../new" }, "link", "EINVAL"],
  ["through a file", { link: "file/x" }, "link", "ENOTDIR"],
  ["a name too long", { link: "n".repeat(300) }, "link", "ENAMETOOLONG"],
];

for (const [name, links, path, expected] of cases) {
  for (const kind of ["S_IFDIR|0755", "S_IFREG|0644"] as const) {
    test(`create_in_root() of ${kind} behind a link that leads nowhere: ${name}`, () =>
      inRoot((root, outside) => {
        writeFileSync(`${root}/file`, "");
        for (const [link, text] of Object.entries(links)) symlinkSync(text, `${root}/${link}`);
        const before = entries(root);
        assert.equal(create(root, path, kind), expected);
        assert.deepEqual(readdirSync(outside), []);
        if (!expected.startsWith("/")) {
          assert.deepEqual(entries(root), before, "nothing is made");
          return;
        }
        assert.equal(statSync(`${root}${expected}`).isDirectory(), kind.startsWith("S_IFDIR"));
        assert.equal(create(root, path, kind), expected, "and found again");
      }));
  }
}

test("create_in_root() makes no file of what a link calls a directory", () =>
  inRoot((root) => {
    symlinkSync("new/", `${root}/link`);
    assert.equal(create(root, "link", "S_IFREG|0644"), "ENOTDIR");
    assert.equal(create(root, "link", "S_IFDIR|0755"), "/new");
  }));

test("create_in_root() follows 40 links, as the kernel does, and no more", () =>
  inRoot((root) => {
    for (let n = 0; n <= 41; n++) symlinkSync(n === 0 ? "new" : `l${n - 1}`, `${root}/l${n}`);
    assert.equal(create(root, "l41", "S_IFDIR|0755"), "ELOOP");
    assert.equal(existsSync(`${root}/new`), false);
    assert.equal(create(root, "l39", "S_IFDIR|0755"), "/new");
  }));

// CVE-2024-45310: whoever exchanges parts of the path meanwhile gets nothing made elsewhere.
test("create_in_root() makes nothing outside while the way is exchanged", () =>
  inRoot(async (root, outside) => {
    mkdirSync(`${root}/a/run`, { recursive: true });
    mkdirSync(`${root}/b`);
    for (const [text, link] of [
      ["../a/run/sub/target", "etc/conf"],
      [outside, "b/run"],
      [`${outside}/conf`, "etc/other"],
      ["../../../../../../..", "up"],
    ] as const) {
      symlinkSync(text, `${root}/${link}`);
    }
    const pairs = [
      ["a", "b"],
      ["etc/conf", "etc/other"],
      ["a/run", "up"],
    ];
    const attackers: ChildProcess[] = pairs.map(([a, b]) => spawn(native("swap"), [`${root}/${a}`, `${root}/${b}`]));
    let made = 0;
    try {
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (let round = 0; round < 2000; round++) {
        const real = create(root, "etc/conf", "S_IFREG|0644");
        // Of a descriptor whose place is renamed meanwhile the kernel still tells a path in the root.
        assert.doesNotMatch(real, /^outside/);
        if (real.startsWith("/")) made++;
        assert.deepEqual(readdirSync(outside), [], `round ${round}`);
        for (const path of ["a/run/sub", "b/run/sub", "sub"]) {
          try {
            rmSync(`${root}/${path}`, { recursive: true, force: true });
          } catch {
            // exchanged meanwhile
          }
        }
      }
    } finally {
      const ended = attackers.map((attacker) => new Promise((resolve) => attacker.once("close", resolve)));
      for (const attacker of attackers) attacker.kill("SIGKILL");
      // What they still do would come between the removal of the directory.
      await Promise.all(ended);
    }
    assert.ok(made > 0, "some of it was made");
  }));
