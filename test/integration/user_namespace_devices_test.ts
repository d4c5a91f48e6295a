/**
 * Device nodes in a user namespace: clones of the host's.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { type Config, withoutMounts } from "../support/config.ts";
import { both, bundleOf, failBundle, flagsOf, lines, runBundle } from "../support/guests.ts";
import { type Bundle } from "../support/scope.ts";

// C12, C13, C14
both("every default device is the host's node, nosuid and noexec", "dev", [], async (scope, who) => {
  const names = ["null", "zero", "full", "random", "urandom", "tty"];
  const script =
    `for d in ${names.join(" ")}; do stat -c '%n %F %t:%T' /dev/$d; ${flagsOf("/dev/$d")}; done; ` +
    "echo x > /dev/null && head -c 3 /dev/zero | wc -c && head -c 1 /dev/urandom | wc -c";
  const found = lines(await runBundle(scope, bundleOf(scope, who, script)));
  const numbers = ["1:3", "1:5", "1:7", "1:8", "1:9", "5:0"];
  names.forEach((name, i) => {
    assert.equal(found[2 * i], `/dev/${name} character special file ${numbers[i]!}`);
    const flags = found[2 * i + 1]?.split(",") ?? [];
    assert.ok(flags.includes("nosuid") && flags.includes("noexec") && !flags.includes("nodev"), flags.join(","));
  });
  assert.deepEqual(found.slice(12), ["3", "1"]);
});

both("devices of config.json, a FIFO among them", "devices", [], async (scope, who) => {
  const script = "stat -c '%F %t:%T' /dev/kmsg; stat -c '%F %a' /dev/pipe; stat -c '%F %t:%T' /dev/null";
  const bundle = bundleOf(scope, who, script, (config) => {
    config.linux["devices"] = [
      { path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 0o600, uid: 0, gid: 0 },
      { path: "/dev/pipe", type: "p", fileMode: 0o640 },
      { path: "/dev/null", type: "c", major: 1, minor: 3 },
    ];
  });
  assert.deepEqual(lines(await runBundle(scope, bundle)), [
    "character special file 1:b",
    "fifo 640",
    "character special file 1:3",
  ]);
});

both("a device that the host has not, or has as another", "nodevice", [], async (scope, who) => {
  const device = (path: string, minor: number): Bundle =>
    bundleOf(scope, who, "true", (config) => {
      config.linux["devices"] = [{ path, type: "c", major: 1, minor }];
    });
  const missing = await failBundle(scope, device("/dev/no-such-thing", 3));
  assert.match(missing, /\/linux\/devices\/0/);
  assert.match(missing, /the host has no \/dev\/no-such-thing/);
  assert.match(await failBundle(scope, device("/dev/null", 5)), /another type or number/);
});

both("a /dev of the image's own: files become devices, links are refused", "imagedev", [], async (scope, who) => {
  const prepare = (bundle: Bundle): void => {
    mkdirSync(`${bundle.rootfs}/dev`, { recursive: true });
    writeFileSync(`${bundle.rootfs}/dev/zero`, "image");
  };
  const change = (config: Config): void => withoutMounts(config, "/dev");
  const plain = bundleOf(scope, who, "stat -c '%F %t:%T' /dev/zero /dev/null", change);
  prepare(plain);
  assert.deepEqual(lines(await runBundle(scope, plain)), ["character special file 1:5", "character special file 1:3"]);
  assert.equal(readFileSync(`${plain.rootfs}/dev/zero`, "utf8"), "image");
  const linked = bundleOf(scope, who, "true", change);
  prepare(linked);
  symlinkSync("/etc/passwd", `${linked.rootfs}/dev/full`);
  assert.match(await failBundle(scope, linked), /ELOOP/);
});
