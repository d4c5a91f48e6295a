/**
 * Races for what is mounted already: somebody who may rename in the root file system exchanges /proc, /sys or /dev for
 * another directory or a link while a container is made. The mount moves along with its directory; what is masked,
 * read-only or mounted below must be so on the mount itself, wherever it is found then.
 * In: BUNKER_ATTACK_ROUNDS (test/support/swapping.ts).
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { tree } from "../support/leftovers.ts";
import { type Bundle, type Scope, scoped } from "../support/scope.ts";
import { attackRounds, attackLimits, whileSwapping } from "../support/attack.ts";
import { everything, type Without } from "../support/without.ts";

/** A program that enters the mount, which is at one of two places, and goes on there by relative names only. */
function inMount(name: string, witness: string, checks: string): string {
  return [
    `enter() { for d in /${name} /other; do cd $d 2>&- && [ -e ${witness} ] && return; done; false; }`,
    'n=0; until enter; do n=$((n+1)); [ $n -lt 500 ] || { echo "no mount"; exit 0; }; done',
    checks,
    "echo done",
  ].join("\n");
}

/** Paths of a list that lie below, relative, as far as this machine has them. */
function below(paths: readonly string[], place: string): string {
  return paths
    .filter((path) => path.startsWith(`${place}/`) && existsSync(path))
    .map((path) => path.slice(place.length + 1))
    .join(" ");
}

/** Says what is neither empty nor /dev/null, and what may be written. */
function protections({ linux }: Config, place: string): string {
  const masked = below(linux.maskedPaths!, place);
  const readonly = below(linux.readonlyPaths!, place);
  assert.ok(masked !== "" && readonly !== "");
  return [
    `for f in ${masked}; do if [ -d $f ]; then [ -z "$(ls $f)" ]; else [ -c $f ]; fi || echo "unmasked $f"; done`,
    // The mode that it has: nothing changes where it can be changed.
    `for f in ${readonly}; do chmod $(stat -c %a $f) $f 2>&1 | grep -q Read-only || echo "writable $f"; done`,
  ].join("\n");
}

interface Attack {
  readonly place: string;
  /** Only the mount has it. */
  readonly witness: string;
  readonly change: (config: Config) => void;
  readonly checks: (config: Config) => string;
}

const attacks: readonly Attack[] = [
  { place: "proc", witness: "self/status", change: () => {}, checks: (config) => protections(config, "/proc") },
  {
    place: "sys",
    witness: "class",
    change: ({ linux, mounts }) => {
      linux.maskedPaths = ["/sys/firmware", "/sys/kernel", "/sys/power"];
      linux.readonlyPaths = ["/sys/bus", "/sys/fs"];
      const sysfs = mounts.find(({ destination }) => destination === "/sys")!;
      sysfs.options = ["nosuid", "noexec", "nodev"];
    },
    checks: (config) => protections(config, "/sys"),
  },
  {
    place: "dev",
    witness: "full",
    change: ({ process }) => {
      process.terminal = true;
    },
    checks: () =>
      'for f in pts shm mqueue; do [ "$(stat -c %d $f)" != "$(stat -c %d .)" ] || echo "no mount $f"; done; [ -c console ] || echo no console',
  },
];

/** What stands in the place of the mount point half of the time. */
const decoys: readonly (readonly [name: string, plant: (bundle: Bundle) => void])[] = [
  ["another directory", ({ rootfs }) => mkdirSync(`${rootfs}/other`)],
  [
    "a link",
    ({ rootfs }) => {
      mkdirSync(`${rootfs}/decoy`);
      symlinkSync("/decoy", `${rootfs}/other`);
    },
  ],
];

const kernels: readonly (readonly [name: string, without: Without | undefined])[] = [
  ["", undefined],
  [", without calls of newer kernels", everything],
];

async function race(scope: Scope, attack: Attack, plant: (bundle: Bundle) => void, without: Without | undefined) {
  const { place, change, checks, witness } = attack;
  const bundle = scope.bundle("true", change);
  bundle.config.process.args = ["/bin/sh", "-c", inMount(place, witness, checks(bundle.config))];
  bundle.save();
  plant(bundle);
  scope.settle();
  const inImage = tree(bundle.rootfs).filter((line) => !line.startsWith("other ") && !line.startsWith(`${place} `));
  let ran = 0;
  await whileSwapping(scope, `${bundle.rootfs}/${place}`, `${bundle.rootfs}/other`, async () => {
    for (let round = 0; round < attackRounds(); round++) {
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
        stdin: "",
        ...(without === undefined ? {} : { without }),
      });
      if (outcome.status === 0) {
        assert.equal(outcome.stdout.replaceAll("\r", ""), "done\n", outcome.stderr);
        ran++;
      } else assert.match(outcome.stderr, new RegExp(`mounts\\[\\d\\] "/${place}"`), "the error names the mount");
    }
  });
  // Whatever was made is in the mount, and nothing beside it.
  assert.deepEqual(
    tree(bundle.rootfs).filter((line) => !line.startsWith("other ") && !line.startsWith(`${place} `)),
    inImage,
  );
  assert.ok(ran > 0, "some rounds must get as far as the program");
}

// CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-52881 as races
for (const attack of attacks) {
  for (const [decoy, plant] of decoys) {
    for (const [kernel, without] of kernels) {
      test(
        `run [/${attack.place} exchanged for ${decoy} while mounting${kernel}]`,
        attackLimits,
        scoped("swapplace", ["compiler"], (scope) => race(scope, attack, plant, without)),
      );
    }
  }
}

// CVE-2019-16884 as a race: the destination is looked at once it is open
for (const [kernel, without] of kernels) {
  test(
    `run [destination on a volume exchanged for a link into /proc while mounting${kernel}]`,
    attackLimits,
    scoped("swapintoproc", ["compiler"], async (scope) => {
      const bundle = scope.bundle("grep ' /proc/tty ' /proc/self/mountinfo; echo done");
      const volume = `${bundle.path}/volume`;
      mkdirSync(`${volume}/target`, { recursive: true });
      symlinkSync("/proc/tty", `${volume}/link`);
      bundle.config.mounts.push(
        { destination: "/data", source: "volume", options: ["rbind"] },
        { destination: "/data/target", type: "tmpfs", source: "tmpfs" },
      );
      bundle.save();
      let ran = 0;
      await whileSwapping(scope, `${volume}/target`, `${volume}/link`, async () => {
        for (let round = 0; round < attackRounds(); round++) {
          const outcome = await scope.invoke(
            ["run", "--bundle", bundle.path, scope.id()],
            without === undefined ? {} : { without },
          );
          if (outcome.status === 0) {
            assert.equal(outcome.stdout, "done\n");
            ran++;
          } else assert.match(outcome.stderr, /mounts\[8\] "\/data\/target": verify_outside/);
        }
      });
      assert.ok(ran > 0, "some rounds must get as far as the program");
    }),
  );
}
