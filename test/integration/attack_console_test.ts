/**
 * Terminals while somebody exchanges what stands in the root file system's /dev: the slave that becomes the standard
 * descriptors and /dev/console is the container's own, whatever lies at /dev/pts. CVE-2025-52565, CVE-2026-88264.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { attackLimits, attackRounds, makeOutside, type Outside, resolvers, whileSwapping } from "../support/attack.ts";
import { withoutMounts } from "../support/config.ts";
import { execute, until } from "../support/execute.ts";
import { native } from "../support/native.ts";
import { type Bundle, type InvokeOptions, type Scope, scoped } from "../support/scope.ts";

const rounds = attackRounds();

/** Says which devices the terminal and the console are, and what is mounted below /dev. */
const tell =
  "stat -L -c 'input %t' /proc/self/fd/0; stat -c 'console %t' /dev/console; awk '{print $5, $9}' /proc/self/mountinfo; echo end";

/** A root whose /dev is the image's own, with a terminal, devpts in it, and a file that an attacker would have shown. */
function terminalBundle(scope: Scope): Bundle {
  const bundle = scope.bundle(tell, (config) => {
    config.process.terminal = true;
    withoutMounts(config, "/dev");
    const options = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
    config.mounts.push({ destination: "/dev/pts", type: "devpts", source: "devpts", options });
  });
  mkdirSync(`${bundle.rootfs}/dev/pts`);
  return bundle;
}

/** What the attacker exchanges, and what would be mounted, opened or made should it be believed. */
const exchanges: readonly [name: string, plant: (bundle: Bundle, outside: Outside) => readonly [string, string]][] = [
  [
    "/dev/pts exchanged for a directory with files and links of these names",
    ({ rootfs }, outside) => {
      const fake = `${rootfs}/dev/fake`;
      mkdirSync(fake);
      for (const name of ["0", "1", "2"]) symlinkSync("/etc/hosts", `${fake}/${name}`);
      symlinkSync(`${outside.path}/secret`, `${fake}/ptmx`);
      return [`${rootfs}/dev/pts`, fake];
    },
  ],
  [
    "/dev/pts exchanged for a link to the outside",
    ({ rootfs }, outside) => {
      for (const name of ["0", "ptmx"]) writeFileSync(`${outside.path}/${name}`, "marker\n");
      symlinkSync(outside.path, `${rootfs}/dev/link`);
      return [`${rootfs}/dev/pts`, `${rootfs}/dev/link`];
    },
  ],
  [
    "/dev/console exchanged for a link within",
    ({ rootfs }) => {
      writeFileSync(`${rootfs}/dev/console`, "");
      writeFileSync(`${rootfs}/dev/target`, "");
      symlinkSync("target", `${rootfs}/dev/link`);
      return [`${rootfs}/dev/console`, `${rootfs}/dev/link`];
    },
  ],
  [
    "/dev/console exchanged for a link to the outside",
    ({ rootfs }, outside) => {
      writeFileSync(`${rootfs}/dev/console`, "");
      symlinkSync(`${outside.path}/made`, `${rootfs}/dev/link`);
      return [`${rootfs}/dev/console`, `${rootfs}/dev/link`];
    },
  ],
];

/** Whether it got as far as the program; then everything the program saw is its own terminal. */
function isSound(text: string, name: string): boolean {
  if (!text.includes("end")) return false;
  const lines = text.replaceAll("\r", "").split("\n");
  assert.ok(lines.includes("input 88"), `the input is a terminal of devpts: ${text}`);
  const console = lines.find((line) => line.startsWith("console "));
  // Where /dev/console itself is exchanged his own file may be there by now: nothing of ours, and no longer hidden by it.
  const mayBeFile = name.startsWith("/dev/console") && (console === undefined || console === "console 0");
  assert.ok(mayBeFile || console === "console 88", `the console is a terminal of devpts: ${text}`);
  assert.doesNotMatch(text, /^\/dev\/(target|fake\/)|^\/etc/m, "nothing is mounted where a link leads");
  return true;
}

/** One container in the foreground: its output. */
async function runOnce(scope: Scope, bundle: Bundle, options: InvokeOptions): Promise<string> {
  const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { ...options, stdin: "" });
  assert.doesNotMatch(outcome.stdout, /marker/);
  return outcome.status === 0 ? outcome.stdout : "";
}

/** The same by `create --console-socket` and `start`: what came to whoever holds the master. */
async function createOnce(scope: Scope, bundle: Bundle, options: InvokeOptions): Promise<string> {
  const socket = `${scope.directory}/console.sock`;
  rmSync(socket, { force: true });
  const listener = scope.start([native("pty"), "listen", socket]);
  await until("the listener", () => existsSync(socket));
  const id = scope.id();
  const created = await scope.invoke(["create", "--bundle", bundle.path, "--console-socket", socket, id], options);
  if (created.status === 0) {
    await scope.invoke(["start", id], options);
    const { stdout, stderr } = await listener.done;
    assert.match(stderr, /descriptors=1 terminal=1/, "the master is a terminal");
    await scope.invoke(["delete", "--force", id], options);
    return stdout;
  }
  // Perhaps it has ended, for the runtime connected before it failed.
  await execute(["kill", "-KILL", String(listener.pid)]);
  await listener.done;
  return "";
}

for (const [name, plant] of exchanges) {
  for (const [resolver, without] of resolvers) {
    test(
      `run [terminal, ${name}] (${resolver})`,
      attackLimits,
      scoped("swapterminal", ["compiler", "deviceNodes"], async (scope) => {
        const bundle = terminalBundle(scope);
        const outside = makeOutside(scope);
        const [one, other] = plant(bundle, outside);
        outside.settle();
        let ran = 0;
        await whileSwapping(scope, one, other, async () => {
          for (let round = 0; round < rounds; round++)
            if (isSound(await runOnce(scope, bundle, { without }), name)) ran++;
        });
        outside.unchanged();
        assert.ok(ran > 0, "some rounds must get as far as the program");
      }),
    );
  }

  test(
    `create --console-socket, start [${name}]`,
    attackLimits,
    scoped("swapcreate", ["compiler", "deviceNodes"], async (scope) => {
      const bundle = terminalBundle(scope);
      const outside = makeOutside(scope);
      const [one, other] = plant(bundle, outside);
      outside.settle();
      let ran = 0;
      await whileSwapping(scope, one, other, async () => {
        for (let round = 0; round < rounds; round++) if (isSound(await createOnce(scope, bundle, {}), name)) ran++;
      });
      outside.unchanged();
      assert.ok(ran > 0, "some rounds must get as far as the program");
    }),
  );
}
