/**
 * The commands that make no container, and what they promise: `spec`, `features`, help, version, the state root.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { execute } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { native } from "../support/native.ts";
import { inOwnMounts } from "../support/own_mounts.ts";
import { makeRootfs } from "../support/rootfs.ts";
import { bunker } from "../support/runtime.ts";
import { describe, scoped } from "../support/scope.ts";

const commands = [
  "spec",
  "create",
  "start",
  "run",
  "state",
  "kill",
  "pause",
  "resume",
  "update",
  "ps",
  "events",
  "delete",
  "list",
  "features",
  "explain",
];

test(
  "spec, run [what spec writes is a shell in a terminal]",
  limits,
  scoped("spec", [], async (scope) => {
    makeRootfs(`${scope.directory}/rootfs`);
    await scope.succeed(["spec"], { cwd: scope.directory });
    const argv = scope.argv(["run", scope.id()]);
    const outcome = await execute(
      [
        native("pty"),
        "run",
        "24",
        "80",
        "expect:#",
        "send:id; hostname; touch /new\n",
        "expect:uid=0",
        "expect:Read-only",
        "send:exit 6\n",
        "--",
        ...argv,
      ],
      { cwd: scope.directory },
    );
    assert.equal(outcome.status, 6, outcome.stdout + outcome.stderr);

    const again = await scope.invoke(["spec"], { cwd: scope.directory });
    assert.equal(again.status, 1);
    assert.match(again.stderr, /config\.json.*exist/);
  }),
);

test(
  "spec --bundle, --rootless",
  limits,
  scoped("rootless", [], async (scope) => {
    mkdirSync(`${scope.directory}/b`);
    await scope.succeed(["spec", "--rootless", "--bundle", `${scope.directory}/b`]);
    const config = JSON.parse(readFileSync(`${scope.directory}/b/config.json`, "utf8")) as {
      linux: { namespaces: { type: string }[]; uidMappings: unknown[]; resources?: unknown };
    };
    assert.ok(config.linux.namespaces.some(({ type }) => type === "user"));
    assert.ok(!config.linux.namespaces.some(({ type }) => type === "network"));
    assert.equal(config.linux.uidMappings.length, 1);
    assert.equal(config.linux.resources, undefined);
  }),
);

interface Features {
  ociVersionMin: string;
  ociVersionMax: string;
  hooks: string[];
  mountOptions: string[];
  linux: { namespaces: string[]; capabilities: string[] };
}

test(
  "features [every mount option it names works]",
  limits,
  scoped("features", [], async (scope) => {
    const features = JSON.parse((await scope.succeed(["features"])).stdout) as Features;
    assert.match(features.ociVersionMin, /^1\./);
    assert.equal(features.hooks.length, 6);
    assert.ok(features.mountOptions.length > 60);
    // `remount` changes a mount that is there; all others make one.
    // idmap_test.ts has those that need a mapping.
    const options = features.mountOptions.filter((option) => !["remount", "idmap", "ridmap"].includes(option));
    const bundle = scope.bundle(["/bin/cat", "/proc/self/mountinfo"], (config) => {
      for (const option of options) {
        if (
          /^(sync|async|dirsync|lazytime|nolazytime|iversion|noiversion|mand|nomand|silent|loud|tmpcopyup)$/.test(
            option,
          )
        ) {
          config.mounts.push({ destination: `/mnt/${option}`, type: "tmpfs", source: "tmpfs", options: [option] });
        } else {
          config.mounts.push({ destination: `/mnt/${option}`, source: "data", options: ["rbind", option] });
        }
      }
      config.mounts.push({ destination: "/mnt/ro", options: ["remount", "bind", "ro", "nosuid"] });
    });
    mkdirSync(`${bundle.path}/data`);
    const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    const lines = stdout.split("\n");
    const flagsOf = (option: string): string =>
      lines
        .find((line) => line.split(" ")[4] === `/mnt/${option}`)
        ?.split(" ")
        .slice(5)
        .join(" ") ?? "not mounted";
    for (const option of options) assert.notEqual(flagsOf(option), "not mounted", option);
    for (const option of ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "nosymfollow"]) {
      assert.match(flagsOf(option), new RegExp(`(^|,)${option}(,| )`), option);
      assert.match(flagsOf(`r${option}`), new RegExp(`(^|,)${option}(,| )`), `r${option}`);
    }
    assert.match(flagsOf("ro"), /nosuid/, "remount");
    for (const option of ["shared", "rshared"]) assert.match(flagsOf(option), /shared:/, option);
    for (const option of ["unbindable", "runbindable"]) assert.match(flagsOf(option), /unbindable/, option);
  }),
);

test(
  "features [every namespace it names can be new; every capability is known]",
  limits,
  scoped("features", [], async (scope) => {
    const features = JSON.parse((await scope.succeed(["features"])).stdout) as Features;
    const bundle = scope.bundle("for n in /proc/self/ns/*; do readlink $n; done", (config) => {
      config.linux.namespaces = features.linux.namespaces.map((type) => ({ type }));
      config.process.capabilities = { bounding: features.linux.capabilities };
      const everything = [{ containerID: 0, hostID: 0, size: 65_536 }];
      config.linux["uidMappings"] = everything;
      config.linux["gidMappings"] = everything;
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.doesNotMatch(outcome.stderr, /nknown/);
    const kinds: Record<string, string> = { network: "net", mount: "mnt" };
    for (const type of features.linux.namespaces) {
      const name = kinds[type] ?? type;
      const own = (await execute(["readlink", `/proc/self/ns/${name}`])).stdout.trim();
      const inside = outcome.stdout.split("\n").find((line) => line.startsWith(`${name}:`));
      assert.notEqual(inside, undefined, type);
      assert.notEqual(inside, own, type);
    }
  }),
);

test(
  "--help, --version [of each command; nothing is done]",
  limits,
  scoped("help", [], async (scope) => {
    for (const command of commands) {
      const outcome = await scope.succeed([command, "--help"]);
      assert.match(outcome.stdout, new RegExp(`bunker ${command}`), command);
      assert.equal(outcome.stderr, "");
    }
    const main = await scope.succeed(["--help"]);
    for (const command of commands) assert.match(main.stdout, new RegExp(`\\b${command}\\b`));
    const version = await scope.succeed(["--version"]);
    // Callers split the first line at "version", and look for a line "spec: ".
    assert.match(version.stdout, /^\w+ version \d+\.\d+\.\d+\S*\n(.*\n)*spec: 1\.\d+\.\d+/);
    // Podman takes an exit code 0 here as "can checkpoint".
    assert.notEqual((await scope.invoke(["checkpoint", "--help"])).status, 0);
    assert.equal(existsSync(scope.root), false);
  }),
);

test(
  "state root [XDG_RUNTIME_DIR unset, empty and set; no PATH, no HOME needed]",
  limits,
  scoped("root", [], async (scope) => {
    const bundle = scope.bundle("sleep 1000");
    const id = scope.id();
    // A /run of its own: the machine's is not touched.
    const script = `
      mount -t tmpfs tmpfs /run
      B="${bunker().path}"
      env -i "$B" create --bundle ${bundle.path} ${id} </dev/null >/dev/null 2>&1 || exit 1
      env -i XDG_RUNTIME_DIR= "$B" state ${id} > ${scope.directory}/state.json || exit 2
      env -i XDG_RUNTIME_DIR= "$B" kill ${id} 9 || exit 3
      env -i XDG_RUNTIME_DIR= "$B" delete --force ${id} || exit 4
      ls -ld /run/bunker; ls -A /run /run/bunker`;
    const outcome = await execute(inOwnMounts(script));
    assert.equal(outcome.status, 0, describe(["script"], outcome));
    assert.match(outcome.stdout, /^drwx------ .* \/run\/bunker\n\/run:\nbunker\n\n\/run\/bunker:\n$/);
    assert.equal((JSON.parse(readFileSync(`${scope.directory}/state.json`, "utf8")) as { id: string }).id, id);
  }),
);

test(
  "run [few descriptors allowed, closed standard input]",
  limits,
  scoped("odd", [], async (scope) => {
    const bundle = scope.bundle("echo fine", (config) => {
      config.process.rlimits = [];
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
      before: ["/bin/sh", "-c", `ulimit -n 128; exec 0<&-; exec "$@"`, "sh"],
    });
    assert.equal(outcome.status, 0, describe(["run"], outcome));
    assert.equal(outcome.stdout, "fine\n");
  }),
);
