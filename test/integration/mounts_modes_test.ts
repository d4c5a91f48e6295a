/**
 * The mode of a tmpfs for which none is asked: that of the directory it covers, so that what is closed to others stays so;
 * owner and attributes are a new one's. As runc and crun do, of which those that are here are asked, too.
 * In: what is covered, options. Out: what the container sees.
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmdirSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { mode } from "../support/mode.ts";
import { isCurrent, peer, type Runtime } from "../support/runtime.ts";
import { type Bundle, type Scope, scoped } from "../support/scope.ts";
import { skip } from "../support/skip.ts";
import { everything, nothing } from "../support/without.ts";

interface Covering {
  readonly name: string;
  readonly options: readonly string[];
  readonly mode: number;
  readonly change?: (path: string) => void;
  readonly expected: string;
}

const coverings: readonly Covering[] = [
  { name: "closed to others", options: [], mode: 0o700, expected: "700 0:0" },
  { name: "set-group-id", options: ["size=1m"], mode: 0o2770, expected: "2770 0:0" },
  { name: "closed, ro", options: ["ro"], mode: 0o700, expected: "700 0:0" },
  { name: "open to all", options: [], mode: 0o1777, expected: "1777 0:0" },
  { name: "a mode is asked", options: ["mode=755"], mode: 0o700, expected: "755 0:0" },
  { name: "a mode among others in one text", options: ["size=1m,mode=751"], mode: 0o700, expected: "751 0:0" },
  { name: "an owner is asked", options: ["uid=0,gid=5"], mode: 0o750, expected: "750 0:5" },
  { name: "copied up", options: ["tmpcopyup"], mode: 0o700, expected: "700 0:0 kept" },
  { name: "copied up, ro", options: ["tmpcopyup", "ro"], mode: 0o750, expected: "750 0:0 kept" },
  { name: "copied up, a mode is asked", options: ["tmpcopyup", "mode=1777"], mode: 0o700, expected: "1777 0:0 kept" },
  {
    name: "behind a link",
    options: [],
    mode: 0o700,
    change: (path) => {
      rmdirSync(path);
      mkdirSync(`${path}2`);
      chmodSync(`${path}2`, 0o710);
      symlinkSync("covered2", path);
    },
    expected: "710 0:0",
  },
  { name: "missing", options: [], mode: 0o700, change: rmdirSync, expected: "1777 0:0" },
  { name: "missing, copied up", options: ["tmpcopyup"], mode: 0o700, change: rmdirSync, expected: "1777 0:0" },
];

function cover(bundle: Bundle, { options, mode: bits, change, expected }: Covering): void {
  const path = `${bundle.rootfs}/covered`;
  mkdirSync(path);
  if (expected.endsWith("kept")) writeFileSync(`${path}/kept`, "");
  chmodSync(path, bits);
  change?.(path);
  bundle.config.mounts.push({ destination: "/covered", type: "tmpfs", source: "tmpfs", options: [...options] });
  bundle.save();
}

const look = "echo $(stat -L -c '%a %u:%g' /covered) $(ls -A /covered)";

for (const covering of coverings) {
  for (const without of [nothing, everything]) {
    test(
      `run [a tmpfs over a directory: ${covering.name}]${without === nothing ? "" : " (older calls)"}`,
      limits,
      scoped("modes", [], async (scope) => {
        const bundle = scope.bundle(look);
        cover(bundle, covering);
        const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { without });
        assert.equal(outcome.stdout, `${covering.expected}\n`);
      }),
    );
  }
}

for (const name of ["runc", "crun"] as const) {
  test(`run [a tmpfs over a directory: as ${name}]`, limits, async (t) => {
    const runtime = peer(name);
    // crun 1.8 gives what is copied up the kernel's own mode.
    if (mode !== "root" || runtime === undefined || !isCurrent(runtime)) skip(t, `needs a current ${name}, and root`);
    else await scoped("peermodes", ["cgroup2"], (scope) => compare(scope, runtime))(t);
  });
}

async function compare(scope: Scope, runtime: Runtime): Promise<void> {
  for (const covering of coverings) {
    const bundle = scope.bundle(look);
    cover(bundle, covering);
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { runtime, view: "v2" });
    assert.equal(outcome.stdout, `${covering.expected}\n`, covering.name);
  }
}
