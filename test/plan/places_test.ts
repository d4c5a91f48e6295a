/** From which mount a path is looked up, and what is compared in the end. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Content, isGuardedPlace, type Place, wayTo } from "../../src/plan/places.ts";
import { planOf, textsOf } from "./planning.ts";

const root = { register: 99 };

/** Mounts in order: register 0 is the first one's; undefined content: a mask. */
function placed(
  list: readonly (readonly [path: string, content: Content | undefined])[],
  certainFrom = 0,
  isFilled = false,
) {
  const places = list.map(([path, content], register): Place => ({
    path,
    pointer: `/mounts/${register}`,
    mount: content === undefined ? undefined : { register },
    content: content ?? "other",
    type: undefined,
    isGuarded: content !== undefined && isGuardedPlace(content, path),
    isInRoot: true,
    isStrict: false,
  }));
  return (path: string) => {
    const { from, rest, mayLeave } = wayTo({ root, places: { list: places, certainFrom, isFilled } }, path);
    return `${from === root ? "root" : from.register} ${rest}${mayLeave ? " or root" : ""}`;
  };
}

test("wayTo() begins at the last mount that a path is in", () => {
  const way = placed([
    ["proc", "kernel"],
    ["dev", "new"],
    ["dev/shm", "new"],
    ["data", "other"],
    ["data", "other"],
  ]);
  assert.equal(way("proc/kcore"), "0 kcore");
  assert.equal(way("dev/pts"), "1 pts");
  assert.equal(way("dev/shm/a/b"), "2 a/b");
  assert.equal(way("data/x"), "4 x or root");
  assert.equal(way("dev"), "1 ");
  assert.equal(way("process"), "root process");
});

test("wayTo() leaves out what a later mount hides", () => {
  const way = placed([
    ["a/b", "kernel"],
    ["a", "new"],
    ["sys", "kernel"],
    ["", "new"],
    ["x", "new"],
  ]);
  assert.equal(way("a/b/c"), "3 a/b/c");
  assert.equal(way("sys/fs"), "3 sys/fs");
  assert.equal(way("x/y"), "4 y");
  assert.equal(
    placed([
      ["a/b", "kernel"],
      ["a", "new"],
    ])("a/b/c"),
    "1 b/c",
  );
});

test("wayTo() keeps to guarded mounts where a link may have covered them, and to no others", () => {
  const way = placed(
    [
      ["run", "new"],
      ["dev", "new"],
      ["proc", "kernel"],
      ["var/run", "other"],
    ],
    3,
  );
  assert.equal(way("run/x"), "root run/x");
  assert.equal(way("dev/x"), "1 x");
  assert.equal(way("proc/x"), "2 x");
  assert.equal(way("var/run/x"), "3 x or root");
  // Hidden by one that nobody can be sure of: not taken for what is seen.
  assert.equal(
    placed(
      [
        ["a/b", "kernel"],
        ["a", "new"],
        ["link", "other"],
      ],
      2,
    )("a/b/c"),
    "root a/b/c",
  );
});

test("wayTo() counts on a tmpfs to be without links until something is put into it", () => {
  assert.equal(placed([["dev", "new"]], 0, true)("dev/core"), "0 core or root");
  assert.equal(placed([["proc", "kernel"]], 0, true)("proc/kcore"), "0 kcore");
  assert.equal(placed([["", "new"]], 0, true)("a"), "root a");
});

test("wayTo() goes through a mask as if it were not there", () => {
  assert.equal(
    placed([
      ["proc", "kernel"],
      ["proc", undefined],
    ])("proc/kcore"),
    "0 kcore",
  );
});

const proc = { destination: "/proc", type: "proc" };
const tmpfs = (destination: string) => ({ destination, type: "tmpfs" });
const checked = (mounts: object[], linux = {}): string[] =>
  textsOf(planOf({ mounts, linux: { namespaces: [{ type: "mount" }], ...linux } }))
    .filter((text) => text.startsWith("verify_mount("))
    .map((text) => text.split('"')[1]!);

test("verifyMounts() compares what stands in the root filesystem, and shows the kernel's things or is taken for them", () => {
  const sysfs = { destination: "/sys", type: "sysfs" };
  const cgroup = { destination: "/sys/fs/cgroup", type: "cgroup2" };
  const pts = { destination: "/dev/pts", type: "devpts" };
  assert.deepEqual(checked([proc, tmpfs("/dev"), pts, sysfs, cgroup, tmpfs("/tmp")]), ["proc", "dev", "sys"]);
  assert.deepEqual(checked([pts, cgroup]), ["dev/pts", "sys/fs/cgroup"]);
  assert.deepEqual(checked([{ destination: "/sys", source: "/sys", options: ["rbind"] }]), ["sys"]);
  // On a volume others rename, too.
  assert.deepEqual(
    checked([
      { destination: "/v", source: "v", options: ["bind"] },
      { destination: "/v/p", type: "proc" },
    ]),
    ["v/p"],
  );
});

test("verifyMounts() leaves out what is hidden", () => {
  assert.deepEqual(checked([proc, proc]), ["proc"]);
  assert.deepEqual(checked([proc, tmpfs("/")]), []);
  assert.deepEqual(checked([proc], { maskedPaths: ["/proc"] }), []);
  assert.deepEqual(checked([{ destination: "/a/proc", type: "proc" }], { readonlyPaths: ["/a"] }), []);
});

test("verifyMounts() comes once the root is entered, before rights are given up", () => {
  const texts = textsOf(planOf({ mounts: [proc] }));
  const at = texts.findIndex((text) => text.startsWith("verify_mount"));
  assert.match(texts[at]!, /^verify_mount\(r, "proc", \{.*O_DIRECTORY.*RESOLVE_NO_SYMLINKS.*\}, r\)$/);
  assert.ok(at > texts.indexOf('chdir("/")'));
  assert.ok(at < texts.findIndex((text) => text.startsWith("drop_bounding")));
});

test("planMaskedPaths() looks below a mount for what is missing, and goes on from the root where a link leaves a volume", () => {
  const masks = (path: string, mounts: object[]) =>
    textsOf(planOf({ mounts, linux: { namespaces: [{ type: "mount" }], maskedPaths: [path] } }), "/linux/maskedPaths/0")
      .filter((text) => text.startsWith("openat2"))
      .map((text) =>
        text.replace("{flags: ", "").replaceAll(/O_PATH\||O_CLOEXEC, |\|RESOLVE_NO_MAGICLINKS|RESOLVE_|}/g, ""),
      );
  assert.deepEqual(masks("/proc/kcore", [proc]), [
    'openat2(r, "kcore", O_DIRECTORY|resolve: BENEATH)',
    'openat2(r, "kcore", resolve: BENEATH)',
  ]);
  assert.deepEqual(masks("/v/a", [{ destination: "/v", source: "v", options: ["bind"] }]), [
    'openat2(r, "a", O_DIRECTORY|resolve: BENEATH)',
    'openat2(r, "a", resolve: BENEATH)',
    'openat2(r, "v/a", O_DIRECTORY|resolve: IN_ROOT)',
    'openat2(r, "v/a", resolve: IN_ROOT)',
  ]);
  assert.throws(() => masks("/.", []), /maskedPaths/);
});
