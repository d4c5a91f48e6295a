/**
 * Mounts and the root, by requirement: what must hold whatever user the container belongs to.
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type Config, withoutNamespace } from "../support/config.ts";
import { stateOf } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { inOwnMounts } from "../support/own_mounts.ts";
import { type Bundle, type Scope, scoped } from "../support/scope.ts";

/** Runs shell lines in a container whose configuration is changed; gives what they print. */
async function output(
  scope: Scope,
  lines: string,
  change: (config: Config, bundle: Bundle) => void,
  options: readonly string[] = [],
): Promise<string> {
  const bundle = scope.bundle(lines);
  change(bundle.config, bundle);
  bundle.save();
  return (await scope.succeed(["run", ...options, "--bundle", bundle.path, scope.id()])).stdout;
}

/** A directory beside the root file system, with a file in it. */
function source(bundle: Bundle, name = "data"): string {
  const path = `${bundle.path}/${name}`;
  mkdirSync(path, { recursive: true });
  writeFileSync(`${path}/file`, "content\n");
  return path;
}

const noPaths = (config: Config): void => {
  delete config.linux.maskedPaths;
  delete config.linux.readonlyPaths;
};

// C1
test(
  "run [no mounts at all: nothing of the runtime needs the container's /proc]",
  limits,
  scoped("noproc", [], async (scope) => {
    const text = await output(scope, "echo ran as $(id -u); ls -A /proc /sys | wc -l", (config) => {
      config.mounts = [];
      config.linux["sysctl"] = { "net.ipv4.ip_unprivileged_port_start": "81" };
      config.process["oomScoreAdj"] = 7;
      noPaths(config);
    });
    assert.match(text, /^ran as 0\n/);
  }),
);

// C2, C3
test(
  "run [bind of / shows the machine's root]",
  limits,
  scoped("bindroot", [], async (scope) => {
    const text = await output(scope, `ls -d /host/proc /host/etc /host${scope.directory}`, (config) => {
      config.mounts.push({ destination: "/host", type: "bind", source: "/", options: ["rbind", "ro"] });
    });
    assert.equal(text, `/host/etc\n/host/proc\n/host${scope.directory}\n`);
  }),
);

// C5
test(
  "run [nothing but bind mounts]",
  limits,
  scoped("onlybinds", [], async (scope) => {
    const text = await output(
      scope,
      "cat /mnt/a/file /mnt/b; echo x > /mnt/a/new && cat /mnt/a/new",
      (config, bundle) => {
        const data = source(bundle);
        noPaths(config);
        config.mounts = [
          { destination: "/mnt/a", source: data, options: ["bind"] },
          { destination: "/mnt/b", source: `${data}/file`, options: ["bind", "ro"] },
        ];
      },
    );
    assert.equal(text, "content\ncontent\nx\n");
  }),
);

// C6
for (const [option, expected] of [
  [undefined, "followed\n"],
  ["src-nofollow", "link to target\n"],
  ["copy-symlink", "link to target\n"],
] as const) {
  test(
    `run [source a symbolic link, ${option ?? "followed"}]`,
    limits,
    scoped("srclink", [], async (scope) => {
      const lines = "[ -L /mnt/x ] && echo link to $(readlink /mnt/x) || cat /mnt/x";
      const text = await output(scope, lines, (config, bundle) => {
        writeFileSync(`${bundle.path}/target`, "followed\n");
        symlinkSync("target", `${bundle.path}/link`);
        config.mounts.push({
          destination: "/mnt/x",
          source: `${bundle.path}/link`,
          options: ["bind", ...(option === undefined ? [] : [option])],
        });
      });
      assert.equal(text, expected);
    }),
  );
}

// C10
test(
  "create [a file system's own words reach the user]",
  limits,
  scoped("fslog", [], async (scope) => {
    const bundle = scope.bundle("true", (config) => {
      config.mounts.push({ destination: "/mnt/t", type: "tmpfs", source: "tmpfs", options: ["size=nonsense"] });
    });
    const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /mounts\[7\] "\/mnt\/t": fsconfig.*EINVAL/);
    assert.match(outcome.stderr, /Bad value for 'size'/);
  }),
);

// C14
test(
  "run [a device without its hardware gets mode and owner without being opened]",
  limits,
  scoped("noopen", ["deviceNodes"], async (scope) => {
    const text = await output(scope, "stat -c '%n %a %u:%g %t,%T' /dev/nothing /dev/tty", (config) => {
      config.linux["devices"] = [
        { type: "c", path: "/dev/nothing", major: 4095, minor: 7, fileMode: 0o640, uid: 7, gid: 8 },
      ];
    });
    assert.equal(text, "/dev/nothing 640 7:8 fff,7\n/dev/tty 666 0:0 5,0\n");
  }),
);

// C15: the host's root is shared on many machines; a relative root path has no slash to count
test(
  "run [nothing propagates to the machine, relative root path, shared mount above it]",
  limits,
  scoped("propagate", ["hostMounts"], async (scope) => {
    const bundle = scope.bundle("mount | grep -c '/mnt/t '", (config) => {
      config.linux["rootfsPropagation"] = "rslave";
      config.mounts.push({ destination: "/mnt/t", type: "tmpfs", source: "tmpfs" });
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], {
      before: inOwnMounts(
        `mount --make-rshared / && mount --bind ${bundle.path} ${bundle.path} && { "$@"; grep -c mnt/t /proc/self/mountinfo; true; }`,
      ),
    });
    assert.equal(outcome.stdout, "1\n0\n");
  }),
);

// C20
test(
  "hooks [createContainer sees every mount of the container, and the machine]",
  limits,
  scoped("hookmounts", ["hostMounts"], async (scope) => {
    const bundle = scope.bundle("true");
    const seen = `${bundle.path}/seen`;
    const text = `cut -d ' ' -f 5 /proc/self/mountinfo > ${seen}; ls -d ${scope.directory} >> ${seen}`;
    bundle.config.hooks = { createContainer: [{ path: scope.script("hook", text) }] };
    bundle.save();
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    const lines = readFileSync(seen, "utf8").split("\n");
    for (const { destination } of bundle.config.mounts) {
      assert.ok(lines.includes(`${bundle.rootfs}${destination}`), destination);
    }
    assert.ok(lines.includes(scope.directory));
  }),
);

// C24
test(
  "run [masked directories are empty]",
  limits,
  scoped("masked", [], async (scope) => {
    const masked = await output(scope, "ls -A /run /var/lib | grep -v :", (config, bundle) => {
      mkdirSync(`${bundle.rootfs}/var/lib/inner`);
      config.linux.maskedPaths = ["/run", "/var/lib", "/not/there"];
    });
    assert.equal(masked.trim(), "");
  }),
);

test(
  "run [tmpcopyup over / keeps the root's content, and the image as it was]",
  limits,
  scoped("copyroot", [], async (scope) => {
    let image: string[] = [];
    const bundle = scope.bundle("cat /etc/hosts | head -1; touch /new && ls /new", (config) => {
      config.mounts.unshift({ destination: "/", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "mode=755"] });
    });
    image = readdirSync(bundle.rootfs).toSorted();
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "127.0.0.1 localhost\n/new\n");
    assert.deepEqual(readdirSync(bundle.rootfs).toSorted(), image);
  }),
);

// R2, R3
for (const entry of [[], ["--no-pivot"]] as const) {
  test(
    `run ${["[mounts below one over / are in it]", ...entry].join(" ")}`,
    limits,
    scoped("overroot", entry.length > 0 ? ["hostMounts"] : [], async (scope) => {
      const lines =
        "cat /a/file; grep -c ' /a ' /proc/self/mountinfo; cat /etc/hosts | head -1; ls /lower 2>&1 | wc -l";
      const change = (config: Config, bundle: Bundle): void => {
        const upper = `${bundle.path}/upper`;
        mkdirSync(upper);
        for (const name of readdirSync(bundle.rootfs)) if (name !== "lower") copy(`${bundle.rootfs}/${name}`, upper);
        mkdirSync(`${bundle.rootfs}/lower`);
        config.mounts.unshift({ destination: "/", source: upper, options: ["rbind"] });
        config.mounts.push({ destination: "/a", source: source(bundle), options: ["bind"] });
      };
      assert.equal(await output(scope, lines, change, entry), "content\n1\n127.0.0.1 localhost\n1\n");
    }),
  );
}

function copy(from: string, to: string): void {
  execFileSync("cp", ["-a", from, to]);
}

// R5: whatever way the root was entered
for (const [name, options, change] of [
  ["pivot", [], () => {}],
  ["move", ["--no-pivot"], () => {}],
  [
    "chroot",
    [],
    (config: Config) => {
      withoutNamespace(config, "mount");
      config.mounts = [];
      noPaths(config);
    },
  ],
] as const) {
  test(
    `run [no descriptor of the root or the machine is left, ${name}]`,
    limits,
    scoped("leak", name === "pivot" ? [] : ["hostMounts"], async (scope) => {
      const bundle = scope.bundle("echo ready; exec sleep 100", change);
      const id = scope.id();
      await scope.succeed(["run", "--detach", ...options, "--bundle", bundle.path, id]);
      const { pid } = await stateOf(scope, id);
      await until("the program", () => readlinkSync(`/proc/${pid}/exe`).endsWith("busybox"));
      assert.deepEqual(readdirSync(`/proc/${pid}/fd`).toSorted(), ["0", "1", "2"]);
    }),
  );
}
