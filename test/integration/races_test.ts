/**
 * Races: someone exchanges a path for a link to the outside while a container is made. Bounded loops; what
 * counts is the machine afterwards, never the runtime's message.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { attackLimits as limits, attackRounds, makeOutside, whileSwapping } from "../support/attack.ts";
import { scoped } from "../support/scope.ts";

const rounds = attackRounds();

// CVE-2021-30465, CVE-2024-45310
test(
  "run [mount destination exchanged for a link while mounting]",
  limits,
  scoped("swapmount", ["compiler"], async (scope) => {
    const outside = makeOutside(scope);
    const bundle = scope.bundle("mount | grep -c outside; cat /shared/target/secret 2>/dev/null; true");
    mkdirSync(`${bundle.path}/shared/target`, { recursive: true });
    symlinkSync(outside.path, `${bundle.path}/shared/link`);
    bundle.config.mounts.push(
      { destination: "/shared", source: "shared", options: ["rbind"] },
      { destination: "/shared/target", type: "tmpfs", source: "tmpfs" },
      { destination: "/shared/target/made", type: "tmpfs", source: "tmpfs" },
    );
    bundle.save();
    let ran = 0;
    await whileSwapping(scope, `${bundle.path}/shared/target`, `${bundle.path}/shared/link`, async () => {
      for (let round = 0; round < rounds; round++) {
        const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
        assert.doesNotMatch(outcome.stdout, /marker/);
        if (outcome.status === 0) ran++;
      }
    });
    outside.unchanged();
    assert.doesNotMatch(readFileSync("/proc/self/mountinfo", "utf8"), new RegExp(scope.tag));
    assert.ok(ran > 0, "some rounds must get as far as the program");
  }),
);

// The root itself: opened once, whatever its path leads to later
test(
  "run [root file system exchanged for a link while it is set up]",
  limits,
  scoped("swaproot", ["compiler"], async (scope) => {
    const outside = makeOutside(scope);
    const bundle = scope.bundle("cat /secret 2>/dev/null; ls / | grep -c '^bin$'");
    symlinkSync(outside.path, `${bundle.path}/link`);
    let ran = 0;
    await whileSwapping(scope, bundle.rootfs, `${bundle.path}/link`, async () => {
      for (let round = 0; round < rounds; round++) {
        const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
        // Either the root, or a clear failure; mount points may have been made in the directory that was the root
        // when it was opened, so here only what the program sees counts.
        assert.doesNotMatch(outcome.stdout, /marker/);
        if (outcome.status === 0) {
          assert.equal(outcome.stdout, "1\n");
          ran++;
        } else assert.notEqual(outcome.stderr, "");
      }
    });
    assert.ok(ran > 0, "some rounds must get as far as the program");
    assert.equal(readFileSync(`${outside.path}/secret`, "utf8"), "marker\n");
  }),
);

// CVE-2025-31133, CVE-2025-52881: what masks and what is written to is not the container's to exchange
test(
  "run [/dev/null and masked paths on a shared volume that is exchanged]",
  limits,
  scoped("swapnull", ["compiler"], async (scope) => {
    const outside = makeOutside(scope);
    const bundle = scope.bundle("cat /shared/masked 2>/dev/null; echo x > /dev/null");
    mkdirSync(`${bundle.path}/shared`);
    writeFileSync(`${bundle.path}/shared/masked`, "inside\n");
    symlinkSync(`${outside.path}/secret`, `${bundle.path}/shared/link`);
    bundle.config.mounts.push({ destination: "/shared", source: "shared", options: ["rbind"] });
    bundle.config.linux.maskedPaths = ["/shared/masked", "/proc/keys"];
    bundle.config.linux.readonlyPaths = ["/shared/link"];
    bundle.save();
    let ran = 0;
    await whileSwapping(scope, `${bundle.path}/shared/masked`, `${bundle.path}/shared/link`, async () => {
      for (let round = 0; round < rounds; round++) {
        const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
        assert.doesNotMatch(outcome.stdout, /marker/);
        if (outcome.status === 0) ran++;
      }
    });
    outside.unchanged();
    assert.ok(ran > 0, "some rounds must get as far as the program");
  }),
);
