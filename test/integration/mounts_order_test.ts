/**
 * Mounts are made in the listed order (config.md#mounts): a source in the container's own root is what earlier mounts have
 * put there. As runc and crun. In: mounts of one list. Out: what the container sees.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import type { MountEntry } from "../support/config.ts";
import { limits } from "../support/machine.ts";
import { mode } from "../support/mode.ts";
import { bunker, isCurrent, peer, type RuntimeName } from "../support/runtime.ts";
import { type Scope, scoped } from "../support/scope.ts";
import { skip } from "../support/skip.ts";
import { everything, nothing, type Without } from "../support/without.ts";

interface Order {
  readonly name: string;
  /** ROOT and DATA stand for the root filesystem and a directory beside it. */
  readonly mounts: readonly MountEntry[];
  readonly lines: string;
  readonly expected: string;
}

const bind = (source: string, destination: string, ...options: string[]): MountEntry => ({
  destination,
  type: "bind",
  source,
  options: ["bind", ...options],
});

const orders: readonly Order[] = [
  {
    name: "an rbind of an earlier mount point",
    mounts: [bind("DATA", "/mnt"), bind("ROOT/mnt", "/final", "rbind")],
    lines: "cat /final/file",
    expected: "given\n",
  },
  {
    name: "a bind of something below an earlier mount, read-only",
    mounts: [bind("DATA", "/mnt"), bind("ROOT/mnt/sub", "/final", "ro")],
    lines: "cat /final/inner; touch /final/new 2>&1 | sed 's/.*: //'",
    expected: "inner\nRead-only file system\n",
  },
  {
    name: "a file below an earlier mount, twice removed",
    mounts: [bind("DATA", "/mnt"), bind("ROOT/mnt/sub", "/one"), bind("ROOT/one/inner", "/two")],
    lines: "cat /two",
    expected: "inner\n",
  },
  {
    name: "an rbind of a directory that an earlier mount is in",
    mounts: [bind("DATA", "/var/lib"), bind("ROOT/var", "/final", "rbind")],
    lines: "cat /final/lib/file",
    expected: "given\n",
  },
  {
    name: "a bind of a directory that an earlier mount is in, without it",
    mounts: [bind("DATA", "/var/lib"), bind("ROOT/var", "/final")],
    lines: "ls /final/lib | wc -l",
    expected: "0\n",
  },
  {
    name: "a later mount does not count",
    mounts: [bind("ROOT/mnt", "/final"), bind("DATA", "/mnt")],
    lines: "ls /final | wc -l; cat /mnt/file",
    expected: "0\ngiven\n",
  },
];

async function look(scope: Scope, name: RuntimeName, order: Order, without: Without): Promise<string> {
  const runtime = name === "bunker" ? bunker() : peer(name)!;
  const bundle = scope.bundle(order.lines);
  const data = `${bundle.path}/data`;
  mkdirSync(`${data}/sub`, { recursive: true });
  mkdirSync(`${bundle.rootfs}/mnt`, { recursive: true });
  mkdirSync(`${bundle.rootfs}/var/lib`, { recursive: true });
  writeFileSync(`${data}/file`, "given\n");
  writeFileSync(`${data}/sub/inner`, "inner\n");
  for (const mount of order.mounts) {
    const source = mount.source!.replace("ROOT", bundle.rootfs).replace("DATA", data);
    bundle.config.mounts.push({ ...mount, source });
  }
  bundle.save();
  return (await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { runtime, without, view: "v2" })).stdout;
}

for (const order of orders) {
  for (const without of [nothing, everything]) {
    test(
      `run [listed order: ${order.name}]${without === nothing ? "" : " (older calls)"}`,
      limits,
      scoped("order", ["cgroup2"], async (scope) => {
        assert.equal(await look(scope, "bunker", order, without), order.expected);
      }),
    );
  }
}

for (const name of ["runc", "crun"] as const) {
  test(`run [listed order: as ${name}]`, limits, async (t) => {
    const runtime = peer(name);
    if (mode !== "root" || runtime === undefined || !isCurrent(runtime)) {
      skip(t, `needs a current ${name}, and root`);
      return;
    }
    await scoped("peerorder", ["cgroup2"], async (scope) => {
      for (const order of orders) assert.equal(await look(scope, name, order, nothing), order.expected, order.name);
    })(t);
  });
}

test(
  "run [listed order: a link in an earlier mount leads nowhere but into the container]",
  limits,
  scoped("orderlink", [], async (scope) => {
    const bundle = scope.bundle("cat /final; ls /final | wc -l");
    const data = `${bundle.path}/data`;
    mkdirSync(data);
    writeFileSync(`${bundle.path}/secret`, "the host's\n");
    writeFileSync(`${bundle.rootfs}/secret`, "the container's\n");
    symlinkSync("/../../../secret", `${data}/link`);
    bundle.config.mounts.push(bind(data, "/mnt"), bind(`${bundle.rootfs}/mnt/link`, "/final"));
    bundle.save();
    const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(stdout, "the container's\n1\n");
  }),
);
