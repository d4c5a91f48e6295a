/**
 * Links in the root file system that lead outside: what they lead to stays as it was, and does not show inside.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type Config, withoutMounts } from "../support/config.ts";
import { tree } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { native } from "../support/native.ts";
import { type Bundle, type Scope, scoped } from "../support/scope.ts";

/** A directory outside the root with a marker; afterwards it must be as it was. */
async function outsideStays(
  scope: Scope,
  prepare: (outside: string) => void,
  body: () => Promise<void>,
): Promise<void> {
  const outside = `${scope.directory}/outside`;
  mkdirSync(outside);
  writeFileSync(`${outside}/marker`, "marker\n");
  prepare(outside);
  scope.settle();
  const before = tree(outside);
  await body();
  assert.deepEqual(tree(outside), before);
  assert.equal(readFileSync(`${outside}/marker`, "utf8"), "marker\n");
}

type Plant = (bundle: Bundle, outside: string, config: Config) => void;

/** CVE or kind, what is planted, whether the runtime must refuse. */
const links: [string, Plant, "refuse" | "either"][] = [
  ["CVE-2019-19921: /proc a link inside", (b) => replace(b, "proc", "elsewhere"), "refuse"],
  ["CVE-2023-27561: /proc a link outside", (b, out) => replace(b, "proc", out), "refuse"],
  ["CVE-2023-28642: /sys a link", (b, out) => replace(b, "sys", out), "refuse"],
  ["CVE-2019-18837: mount destination below a link outside", (b, out, c) => {
    symlinkSync(out, `${b.rootfs}/link`);
    c.mounts.push({ destination: "/link/made/here", type: "tmpfs", source: "tmpfs" });
  }, "either"],
  ["mount destination a link outside", (b, out, c) => {
    symlinkSync(`${out}/new`, `${b.rootfs}/link`);
    c.mounts.push({ destination: "/link", type: "tmpfs", source: "tmpfs" });
  }, "either"],
  ["bind of a file on a link outside", (b, out, c) => {
    symlinkSync(`${out}/new`, `${b.rootfs}/link`);
    c.mounts.push({ destination: "/link", source: "/etc/hostname", options: ["bind"] });
  }, "either"],
  ["destination with climbing dots", (_b, _out, c) => {
    c.mounts.push({ destination: "/../../../../outside/made", type: "tmpfs", source: "tmpfs" });
  }, "either"],
  ["CVE-2026-41579: /dev outside, no mount there", (b, out, c) => {
    withoutMounts(c, "/dev");
    writeFileSync(`${out}/ptmx`, "");
    replace(b, "dev", out);
    c.linux["devices"] = [{ type: "c", path: "/dev/extra", major: 1, minor: 5, fileMode: 0o666 }];
  }, "either"],
  ["CVE-2025-31133: /dev/null a link to a file outside", (b, out, c) => {
    withoutMounts(c, "/dev");
    symlinkSync(`${out}/marker`, `${b.rootfs}/dev/null`);
  }, "either"],
  ["devices all links outside", (b, out, c) => {
    withoutMounts(c, "/dev");
    for (const name of ["zero", "full", "random", "urandom", "tty", "ptmx", "fd", "stdin", "core", "shm", "pts", "console"]) {
      symlinkSync(`${out}/${name}`, `${b.rootfs}/dev/${name}`);
    }
  }, "either"],
  ["CVE-2026-55686: working directory below a link outside", (b, out, c) => {
    symlinkSync(out, `${b.rootfs}/link`);
    c.process.cwd = "/link/made";
  }, "either"],
  ["tmpcopyup of a directory with links outside", (b, out, c) => {
    mkdirSync(`${b.rootfs}/copied`);
    symlinkSync(out, `${b.rootfs}/copied/directory`);
    symlinkSync(`${out}/marker`, `${b.rootfs}/copied/file`);
    c.mounts.push({ destination: "/copied", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] });
  }, "either"],
  ["masked and read-only paths through links outside", (b, out, c) => {
    symlinkSync(`${out}/marker`, `${b.rootfs}/masked`);
    symlinkSync(out, `${b.rootfs}/readonly`);
    c.linux.maskedPaths = ["/masked"];
    c.linux.readonlyPaths = ["/readonly"];
  }, "either"],
  ["device below a link outside", (b, out, c) => {
    symlinkSync(out, `${b.rootfs}/link`);
    c.linux["devices"] = [{ type: "c", path: "/link/null", major: 1, minor: 3, fileMode: 0o666 }];
  }, "either"],
]; // prettier-ignore

function replace(bundle: Bundle, name: string, target: string): void {
  rmSync(`${bundle.rootfs}/${name}`, { recursive: true });
  symlinkSync(target, `${bundle.rootfs}/${name}`);
}

for (const [name, plantLinks, verdict] of links) {
  test(
    `run [${name}]`,
    limits,
    scoped("links", [], async (scope) => {
      const bundle = scope.bundle("cat /masked 2>/dev/null; echo x > /dev/null; true");
      const plant = (outside: string): void => {
        plantLinks(bundle, outside, bundle.config);
        bundle.save();
      };
      await outsideStays(scope, plant, async () => {
        const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
        assert.doesNotMatch(outcome.stdout, /marker/, "nothing of the outside shows inside");
        if (verdict === "refuse") assert.notEqual(outcome.status, 0, "must be refused");
        if (outcome.status !== 0) assert.notEqual(outcome.stderr, "");
        assert.equal(outcome.timedOut, false);
      });
    }),
  );
}

test(
  "run [CVE-2026-88264: /dev/console a link outside, with a terminal]",
  limits,
  scoped("console", ["compiler"], async (scope) => {
    for (const readonly of [false, true]) {
      const bundle = scope.bundle("tty", (config) => {
        config.process.terminal = true;
        config.root.readonly = readonly;
        withoutMounts(config, "/dev");
        const options = ["newinstance", "mode=0620"];
        config.mounts.push({ destination: "/dev/pts", type: "devpts", source: "devpts", options });
      });
      mkdirSync(`${bundle.rootfs}/dev/pts`);
      const plant = (outside: string): void => symlinkSync(`${outside}/made`, `${bundle.rootfs}/dev/console`);
      await outsideStays(scope, plant, async () => {
        await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
          before: [native("pty"), "run", "24", "80", "--"],
        });
      });
      rmSync(`${scope.directory}/outside`, { recursive: true });
    }
  }),
);
