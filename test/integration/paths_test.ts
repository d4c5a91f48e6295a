/**
 * The root file system as the container finds it: masked, read-only, its mount points and devices.
 * What peers agree on is in the differential test; here is what must hold whatever they do.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { withoutMounts, withoutNamespace } from "../support/config.ts";
import { limits } from "../support/machine.ts";
import { mode } from "../support/mode.ts";
import { bunker, peer } from "../support/runtime.ts";
import { scoped } from "../support/scope.ts";
import { nothing } from "../support/without.ts";

// MUST config-linux.md#masked-paths
test(
  "run [masked paths are empty, also for writing]",
  limits,
  scoped("masked", [], async (scope) => {
    const bundle = scope.bundle(
      "cat /etc/secret /proc/keys; ls -A /secrets; echo x 2>/dev/null > /secrets/new && echo written; stat -c %F /etc/secret; true",
      (config) => {
        config.linux.maskedPaths = ["/etc/secret", "/secrets", "/not/there", "/proc/keys"];
      },
    );
    writeFileSync(`${bundle.rootfs}/etc/secret`, "secret\n");
    mkdirSync(`${bundle.rootfs}/secrets`);
    writeFileSync(`${bundle.rootfs}/secrets/one`, "secret\n");
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "character special file\n", outcome.stderr);
  }),
);

// MUST config-linux.md#readonly-paths
test(
  "run [read-only paths]",
  limits,
  scoped("readonly", [], async (scope) => {
    const bundle = scope.bundle(
      "for p in /etc/file /var/lib/x /proc/sys/kernel/shmmax; do { echo 1 >> $p; } 2>&1 | sed 's/.*: //'; done; cat /etc/file",
      (config) => {
        config.linux.readonlyPaths = ["/etc/file", "/var/lib", "/not/there", "/proc/sys"];
      },
    );
    writeFileSync(`${bundle.rootfs}/etc/file`, "content\n");
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, `${"Read-only file system\n".repeat(3)}content\n`);
  }),
);

// MUST config.md#root
test(
  "run [read-only root, mounts keep their own flags]",
  limits,
  scoped("roroot", [], async (scope) => {
    const bundle = scope.bundle(
      "for p in / /etc /mnt/ro /mnt/rw /dev/shm; do touch $p/x 2>/dev/null && echo $p; done; true",
      (config) => {
        config.root.readonly = true;
        for (const name of ["ro", "rw"]) {
          config.mounts.push({ destination: `/mnt/${name}`, source: name, options: ["bind", name] });
        }
      },
    );
    for (const name of ["ro", "rw"]) mkdirSync(`${bundle.path}/${name}`);
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "/mnt/rw\n/dev/shm\n");
    assert.ok(existsSync(`${bundle.path}/rw/x`));
    assert.equal(existsSync(`${bundle.rootfs}/x`), false);
  }),
);

// Roots of systemd-resolved, whose /run is empty; engines bind their own file over it. crun 1.8 makes files alone.
for (const without of [nothing, { error: "ENOSYS", calls: ["openat2"] }] as const) {
  test(
    `run [mount points that are links which lead nowhere: made where they lead, in the root] (without ${without.calls.join() || "nothing"})`,
    limits,
    scoped("dangling", [], async (scope) => {
      const bundle = scope.bundle(
        "cat /etc/resolv.conf; ls -d /data/sub; readlink /etc/resolv.conf; readlink /data",
        (config) => {
          config.mounts.push(
            { destination: "/etc/resolv.conf", source: `${scope.directory}/resolv`, options: ["bind", "ro"] },
            { destination: "/data", type: "tmpfs", source: "tmpfs" },
            { destination: "/data/sub", source: `${scope.directory}/sub`, options: ["bind", "ro"] },
          );
        },
      );
      mkdirSync(`${scope.directory}/sub`);
      writeFileSync(`${scope.directory}/resolv`, "nameserver 192.0.2.1\n", { mode: 0o644 });
      const stub = "/run/systemd/resolve/stub-resolv.conf";
      rmSync(`${bundle.rootfs}/etc/resolv.conf`, { force: true });
      symlinkSync(`..${stub}`, `${bundle.rootfs}/etc/resolv.conf`);
      symlinkSync("../../../../../../nowhere/data", `${bundle.rootfs}/data`);
      const beside = without === nothing && mode === "root" ? peer("runc") : undefined;
      for (const runtime of beside === undefined ? [bunker()] : [bunker(), beside]) {
        const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { runtime, without });
        const links = `..${stub}\n../../../../../../nowhere/data\n`;
        assert.equal(outcome.stdout, `nameserver 192.0.2.1\n/data/sub\n${links}`, runtime.name);
        assert.equal(existsSync("/nowhere"), false);
        assert.equal(readFileSync(`${bundle.rootfs}${stub}`, "utf8"), "");
        for (const made of ["nowhere", "run/systemd"]) rmSync(`${bundle.rootfs}/${made}`, { recursive: true });
      }
    }),
  );
}

test(
  "run [masked path behind a symbolic link stays inside]",
  limits,
  scoped("masklink", [], async (scope) => {
    const bundle = scope.bundle("cat /target/file 2>/dev/null | wc -c", (config) => {
      config.linux.maskedPaths = ["/link/file"];
    });
    mkdirSync(`${bundle.rootfs}/target`);
    writeFileSync(`${bundle.rootfs}/target/file`, "secret\n");
    symlinkSync("/target", `${bundle.rootfs}/link`);
    assert.equal((await scope.succeed(["run", "--bundle", bundle.path, scope.id()])).stdout, "0\n");
  }),
);

// MUST config-linux.md#devices
test(
  "create [device over something else in the image]",
  limits,
  scoped("devclash", ["deviceNodes"], async (scope) => {
    const bundle = scope.bundle("true", (config) => {
      withoutMounts(config, "/dev");
      config.linux["devices"] = [{ type: "c", path: "/dev/clash", major: 1, minor: 5, fileMode: 0o600 }];
    });
    writeFileSync(`${bundle.rootfs}/dev/clash`, "a file\n");
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1, outcome.stdout);
    assert.match(outcome.stderr, /devices\/0|\/dev\/clash/);
    assert.ok(statSync(`${bundle.rootfs}/dev/clash`).isFile());
  }),
);

test(
  "run [mount source that does not exist names the mount]",
  limits,
  scoped("nosource", [], async (scope) => {
    const bundle = scope.bundle("true", (config) => {
      config.mounts.push({ destination: "/mnt/x", source: "/not/there", options: ["bind"] });
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /\/not\/there/);
    assert.match(outcome.stderr, /mounts\/7/);
  }),
);

test(
  "run [without a mount namespace: chroot, nothing mounted on the machine]",
  limits,
  scoped("chroot", [], async (scope) => {
    const bundle = scope.bundle("ls /; cat /etc/hosts", (config) => {
      withoutNamespace(config, "mount");
      config.mounts = [];
      delete config.linux.maskedPaths;
      delete config.linux.readonlyPaths;
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(outcome.stdout, /127\.0\.0\.1 localhost/);
  }),
);

test(
  "run --no-pivot",
  limits,
  scoped("nopivot", [], async (scope) => {
    const bundle = scope.bundle(
      "awk '$5 == \"/\"' /proc/self/mountinfo | wc -l; ls -d /proc/1/root/bin; ls / | grep -c bundle1; true",
    );
    const outcome = await scope.succeed(["run", "--no-pivot", "--bundle", bundle.path, scope.id()]);
    assert.match(outcome.stdout, /\/proc\/1\/root\/bin\n0\n$/);
  }),
);
