/**
 * What the runtime writes below /proc (kernel parameters, the OOM score, labels) and what it masks with, while somebody
 * exchanges /proc and /dev/null of the root file system for links. CVE-2019-19921, CVE-2023-27561, CVE-2023-28642,
 * CVE-2025-52881, CVE-2025-31133 as races.
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { attackLimits, attackRounds, resolvers, whileSwapping } from "../support/attack.ts";
import { type MountEntry, withoutMounts } from "../support/config.ts";
import { limits } from "../support/machine.ts";
import { type Bundle, scoped } from "../support/scope.ts";
import { skip } from "../support/skip.ts";

const rounds = attackRounds();

/** What a careless runtime would write to, should it take the root's /proc for the kernel's. */
const decoys = [
  "self/oom_score_adj",
  "self/attr/exec",
  "self/attr/apparmor/exec",
  "sys/kernel/shm_rmid_forced",
  "sys/kernel/msgmax",
];

/** A directory of decoys in the root, and a link to it that an attacker exchanges for /proc. */
function plantDecoys(bundle: Bundle, name: string): { link: string; unwritten: () => void } {
  for (const decoy of decoys) {
    const path = `${bundle.rootfs}/${name}/${decoy}`;
    mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    writeFileSync(path, "decoy\n");
  }
  const link = `${bundle.rootfs}/link-to-${name}`;
  symlinkSync(name, link);
  return {
    link,
    unwritten: () => {
      for (const decoy of decoys) {
        assert.equal(readFileSync(`${bundle.rootfs}/${name}/${decoy}`, "utf8"), "decoy\n", decoy);
      }
    },
  };
}

for (const [resolver, without] of resolvers) {
  test(
    `run [/proc exchanged for a link while parameters and the OOM score are written] (${resolver})`,
    attackLimits,
    scoped("swapproc", ["compiler"], async (scope) => {
      // A second procfs, out of the attacker's reach, tells what was done.
      const told =
        "cd /own/self; echo score $(cat oom_score_adj) $(cat ../sys/kernel/shm_rmid_forced); awk '{print $5}' mountinfo";
      const bundle = scope.bundle(told, (config) => {
        config.process["oomScoreAdj"] = 600;
        config.linux["sysctl"] = { "kernel.shm_rmid_forced": "1", "kernel.msgmax": "8000" };
        config.mounts.push({ destination: "/own", type: "proc", source: "proc" });
        // Masks below /proc are another matter, with tests of their own.
        delete config.linux.maskedPaths;
        delete config.linux.readonlyPaths;
      });
      const { link, unwritten } = plantDecoys(bundle, "decoy");
      let ran = 0;
      await whileSwapping(scope, `${bundle.rootfs}/proc`, link, async () => {
        for (let round = 0; round < rounds; round++) {
          const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { without });
          if (outcome.status !== 0) continue;
          ran++;
          assert.match(outcome.stdout, /^score 600 1$/m, "what was asked for was done");
          assert.doesNotMatch(outcome.stdout, /^\/decoy/m, "nothing is mounted where the link leads");
        }
      });
      unwritten();
      assert.ok(ran > 0, "some rounds must get as far as the program");
    }),
  );
}

test(
  "run [/sys exchanged for a link while it is mounted]",
  attackLimits,
  scoped("swapsys", ["compiler"], async (scope) => {
    const bundle = scope.bundle("awk '{print $5}' /proc/self/mountinfo");
    const { link } = plantDecoys(bundle, "decoy");
    let ran = 0;
    await whileSwapping(scope, `${bundle.rootfs}/sys`, link, async () => {
      for (let round = 0; round < rounds; round++) {
        const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
        if (outcome.status !== 0) continue;
        ran++;
        // The cgroup view, mounted below /sys, may follow links within the root.
        assert.doesNotMatch(outcome.stdout, /^\/decoy$/m, "nothing is mounted where the link leads");
      }
    });
    assert.ok(ran > 0, "some rounds must get as far as the program");
  }),
);

test(
  "run [/dev/null exchanged for a link while it masks]",
  attackLimits,
  scoped("swapnull", ["compiler", "deviceNodes"], async (scope) => {
    const bundle = scope.bundle("stat -c '%F %t:%T' /etc/secret; cat /etc/secret", (config) => {
      withoutMounts(config, "/dev");
      config.linux.maskedPaths = ["/etc/secret", "/proc/keys"];
    });
    writeFileSync(`${bundle.rootfs}/etc/secret`, "secret\n");
    writeFileSync(`${bundle.rootfs}/dev/shown`, "shown\n");
    execFileSync("mknod", ["-m", "666", `${bundle.rootfs}/dev/null`, "c", "1", "3"]);
    symlinkSync("shown", `${bundle.rootfs}/dev/link`);
    let ran = 0;
    await whileSwapping(scope, `${bundle.rootfs}/dev/null`, `${bundle.rootfs}/dev/link`, async () => {
      for (let round = 0; round < rounds; round++) {
        const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
        if (outcome.status !== 0) continue;
        ran++;
        assert.equal(outcome.stdout, "character special file 1:3\n");
      }
    });
    assert.equal(readFileSync(`${bundle.rootfs}/dev/shown`, "utf8"), "shown\n");
    assert.ok(ran > 0, "some rounds must get as far as the program");
  }),
);

// CVE-2019-16884: an image's volume at /proc, full of files of these names.
const covers: readonly [name: string, mount: MountEntry][] = [
  ["a tmpfs", { destination: "/proc", type: "tmpfs", source: "tmpfs" }],
  ["a directory of the host's", { destination: "/proc", source: "DECOY", options: ["rbind"] }],
  [
    "a directory of the host's over what it says of itself",
    { destination: "/proc/self", source: "DECOY/self", options: ["bind"] },
  ],
  ["a tmpfs over the kernel's parameters", { destination: "/proc/sys", type: "tmpfs", source: "tmpfs" }],
];
for (const [name, mount] of covers) {
  test(
    `run [${name} in the place of procfs: refused, and nothing is written there]`,
    limits,
    scoped("coverproc", [], async (scope) => {
      const bundle = scope.bundle("cat /proc/self/oom_score_adj", (config) => {
        config.process["oomScoreAdj"] = 600;
      });
      const { unwritten } = plantDecoys(bundle, "decoy");
      bundle.config.mounts.push({ ...mount, source: mount.source!.replace("DECOY", `${bundle.rootfs}/decoy`) });
      bundle.save();
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1, outcome.stdout);
      assert.match(outcome.stderr, /mounts.7/);
      unwritten();
    }),
  );
}

// Where AppArmor runs a label is written at each start; a profile that is not loaded makes a write to the kernel fail,
// and one to a decoy succeed.
test("run [/proc exchanged for a link while an AppArmor profile is set]", attackLimits, async (t) => {
  const file = "/sys/module/apparmor/parameters/enabled";
  if (!existsSync(file) || !readFileSync(file, "utf8").startsWith("Y")) return skip(t, "AppArmor is not enabled here");
  await scoped("swaplabel", ["compiler"], async (scope) => {
    const bundle = scope.bundle("true", (config) => {
      config.process["apparmorProfile"] = "bunker-no-such";
    });
    const { link, unwritten } = plantDecoys(bundle, "decoy");
    await whileSwapping(scope, `${bundle.rootfs}/proc`, link, async () => {
      for (let round = 0; round < rounds; round++) {
        const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
        assert.notEqual(outcome.status, 0, "it ran without its profile");
      }
    });
    unwritten();
  })(t);
});
