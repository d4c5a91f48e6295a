/**
 * Paths of config.json below a directory that somebody exchanges for a link to the outside, by openat2 and where the
 * stage resolves by itself (syscalls/resolve.h). CVE-2021-30465, CVE-2024-45310, CVE-2026-55686, CVE-2026-41579 as races.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { attackLimits, attackRounds, makeOutside, resolvers, whileSwapping } from "../support/attack.ts";
import type { Config } from "../support/config.ts";
import type { Need } from "../support/machine.ts";
import { type Scope, scoped } from "../support/scope.ts";

const rounds = attackRounds();

/** What config.json asks for below /shared/way, which is exchanged. */
const requests: readonly [name: string, ask: (config: Config, scope: Scope) => void, needs?: readonly Need[]][] = [
  [
    "mount points, there and missing",
    (config, scope) => {
      config.mounts.push(
        { destination: "/shared/way/there", type: "tmpfs", source: "tmpfs" },
        { destination: "/shared/way/missing/deep", source: scope.directory, options: ["bind", "ro"] },
        { destination: "/shared/way/file", source: "/etc/hostname", options: ["bind", "ro"] },
      );
    },
  ],
  ["the working directory, which is missing", (config) => (config.process.cwd = "/shared/way/work/deep")],
  [
    "a device and a FIFO",
    (config) => {
      config.linux["devices"] = [
        { type: "c", path: "/shared/way/device", major: 1, minor: 3, fileMode: 0o666 },
        { type: "p", path: "/shared/way/nodes/fifo", fileMode: 0o666 },
      ];
    },
    ["deviceNodes"],
  ],
  [
    "masked and read-only paths",
    (config) => {
      config.linux.maskedPaths = ["/shared/way/secret", "/shared/way/there"];
      config.linux.readonlyPaths = ["/shared/way/there", "/shared/way"];
    },
  ],
];

for (const [name, ask, needs = []] of requests) {
  for (const [resolver, without] of resolvers) {
    test(
      `run [on the way to ${name} a directory exchanged for a link] (${resolver})`,
      attackLimits,
      scoped("swapway", ["compiler", ...needs], async (scope) => {
        const outside = makeOutside(scope);
        const bundle = scope.bundle("cat /shared/way/secret 2>/dev/null; true");
        const shared = `${bundle.path}/shared`;
        mkdirSync(`${shared}/way/there`, { recursive: true });
        writeFileSync(`${shared}/way/secret`, "inside\n");
        symlinkSync(outside.path, `${shared}/link`);
        bundle.config.mounts.push({ destination: "/shared", source: "shared", options: ["rbind"] });
        ask(bundle.config, scope);
        bundle.save();
        let ran = 0;
        await whileSwapping(scope, `${shared}/way`, `${shared}/link`, async () => {
          for (let round = 0; round < rounds; round++) {
            const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { without });
            assert.doesNotMatch(outcome.stdout, /marker/);
            if (outcome.status === 0) ran++;
            outside.unchanged();
            // Missing again, under whichever name it has now.
            for (const way of ["way", "link"]) {
              for (const made of ["missing", "work", "nodes", "file", "device"]) {
                rmSync(`${shared}/${way}/${made}`, { recursive: true, force: true });
              }
            }
          }
        });
        assert.ok(ran > 0, "some rounds must get as far as the program");
      }),
    );
  }
}
