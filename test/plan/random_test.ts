import assert from "node:assert/strict";
import { test } from "node:test";
import { SpecError } from "../../src/errors.ts";
import { checkPlan } from "../../src/plan/check.ts";
import type { Host } from "../../src/plan/host.ts";
import { printPlan } from "../../src/program/print.ts";
import { encode } from "../../src/program/encode.ts";
import { splitPlan } from "../../src/program/split.ts";
import * as x86_64 from "../../syscalls/generated/numbers_x86_64.ts";
import { callsOf, hostWith, kernel, noCgroups, planOf, v1Host, v2Host } from "./planning.ts";

/** Numbers that repeat: a failing round can be run again. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

const destinations = [
  "/",
  "/a",
  "/a/b",
  "/dev",
  "/dev/pts",
  "/proc",
  "/proc/uptime",
  "/sys",
  "/sys/fs/cgroup",
  "x//../y/",
];
const types = ["bind", "none", "tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "overlay", "ext4"];
const options = [
  "bind",
  "rbind",
  "ro",
  "rro",
  "rw",
  "nosuid",
  "noatime",
  "rstrictatime",
  "remount",
  "rslave",
  "shared",
  "sync",
];
const more = [
  "size=1m",
  "mode=755,uid=3",
  "tmpcopyup",
  "copy-symlink",
  "dest-nofollow",
  "idmap=uids=0-1-1;gids=0-1-1",
  "lowerdir=/a:/b",
  "",
  "iversion",
];
const namespaceTypes = ["mount", "pid", "network", "ipc", "uts", "cgroup"];
const hosts: readonly Host[] = [
  v2Host,
  v1Host,
  hostWith({ cgroup: noCgroups }),
  hostWith(kernel(5, 15)),
  hostWith(kernel(7, 0)),
];

test("every plan of 400 random configurations passes checkPlan(), prints and encodes", () => {
  const source = numbers(7);
  const next = (below: number): number => source.next().value % below;
  const pick = <T>(list: readonly T[]): T => list[next(list.length)]!;
  const some = <T>(list: readonly T[], most: number): T[] => Array.from({ length: next(most + 1) }, () => pick(list));
  let planned = 0;
  for (let round = 0; round < 400; round++) {
    const mounts = Array.from({ length: next(6) }, () => ({
      destination: pick(destinations),
      type: pick(types),
      source: pick(["/srv", "relative", "/"]),
      options: [...some(options, 4), ...some(more, 1)],
    }));
    const hasMounts = next(8) > 0;
    const namespaces = namespaceTypes
      .filter((type) => (type === "mount" ? hasMounts : next(2) === 1))
      .map((type) => ({ type }));
    const uid = pick([0, 1000]);
    const hooks = Object.fromEntries(
      some(["prestart", "createRuntime", "createContainer", "startContainer"], 3).map((kind) => [
        kind,
        [{ path: "/bin/hook" }],
      ]),
    );
    const paths = ["/proc/keys", "/sys/firmware", "/a", "/"];
    const change = {
      process: {
        terminal: next(3) === 0,
        user: { uid, gid: uid },
        cwd: pick(["/", "/home/user"]),
        ...(next(2) === 0 ? {} : { oomScoreAdj: 3 }),
      },
      ...(hasMounts ? { mounts, root: { readonly: next(2) === 0 } } : {}),
      linux: {
        namespaces,
        ...(next(2) === 0 ? {} : { cgroupsPath: pick(["/a/b", "c", "s.slice:p:n", "/"]) }),
        ...(hasMounts
          ? {
              maskedPaths: some(paths, 3),
              readonlyPaths: some(paths, 3),
              rootfsPropagation: pick(["rslave", "private", "shared", "runbindable"]),
            }
          : {}),
        devices: some(
          [
            { path: "/dev/fuse", type: "c", major: 10, minor: 229 },
            { path: "/opt/x/y", type: "p" },
            { path: "/dev/null", type: "c", major: 1, minor: 3, uid: 5 },
          ],
          3,
        ),
        resources: {
          devices: some([{ allow: false }, { allow: true, type: "b", major: 8, access: "r" }, { allow: true }], 3),
        },
      },
      hooks,
    };
    const settings = {
      verb: pick(["create", "run"] as const),
      noPivot: next(4) === 0,
      preserveFds: next(3),
      cgroupManager: pick(["cgroupfs", "systemd", "disabled"] as const),
      console: "socket" as const,
    };
    try {
      const plan = planOf(change, pick(hosts), settings);
      checkPlan(plan);
      planned++;
      const lines = printPlan(plan)
        .split("\n")
        .filter((line) => /^ *\d+ (runtime|thread|stage) /.test(line));
      assert.equal(lines.length, callsOf(plan).length);
      const { prepare, stage, after } = splitPlan(plan);
      for (const items of [prepare, stage, after]) encode(items, x86_64, plan.registers + 1, plan.registers, () => 0);
    } catch (error) {
      if (error instanceof SpecError) continue;
      throw new Error(`round ${round}: ${JSON.stringify({ change, settings })}`, { cause: error });
    }
  }
  assert.ok(planned > 150, `only ${planned} configurations were right`);
});
