/**
 * Device nodes in a user namespace: clones of the host's.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { release } from "node:os";
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
  const script = "stat -c '%F %t:%T %a %u:%g' /dev/kmsg; stat -c '%F %a' /dev/pipe; stat -c '%F %t:%T' /dev/null";
  const bundle = bundleOf(scope, who, script, (config) => {
    config.linux["devices"] = [
      { path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 0o622, uid: 3, gid: 4 },
      { path: "/dev/pipe", type: "p", fileMode: 0o640 },
      { path: "/dev/null", type: "c", major: 1, minor: 3 },
    ];
  });
  const [kmsg, ...others] = lines(await runBundle(scope, bundle));
  assert.deepEqual(others, ["fifo 640", "character special file 1:3"]);
  // An ordinary user's container has the machine's node: nobody's.
  const [major, minor] = release().split(".").map(Number) as [number, number];
  const isMade = who === "root" && (major > 6 || (major === 6 && minor >= 15)) && !process.env["BUNKER_TEST_WITHOUT"];
  assert.match(kmsg!, isMade ? /^character special file 1:b 622 3:4$/ : /^character special file 1:b \d+ 65534:65534$/);
});

// `podman run --privileged --uidmap …`, `--device /dev/ptmx`: a list of whatever the machine has.
both(
  "/dev/ptmx among the devices stays the link, and a device may be there twice",
  "devtwice",
  [],
  async (scope, who) => {
    const script =
      "readlink /dev/ptmx; stat -c '%F %t:%T' /dev/null /dev/kmsg; ls -A /dev | grep -c -E '^(null|kmsg)$'";
    const kmsg = { path: "/dev/kmsg", type: "c", major: 1, minor: 11 };
    const bundle = bundleOf(scope, who, script, (config) => {
      config.linux["devices"] = [
        { path: "/dev/ptmx", type: "c", major: 5, minor: 2 },
        kmsg,
        { path: "/dev/null", type: "c", major: 1, minor: 3 },
        { ...kmsg, path: "/dev/../dev/kmsg", fileMode: 0o600 },
      ];
    });
    assert.deepEqual(lines(await runBundle(scope, bundle)), [
      "pts/ptmx",
      "character special file 1:3",
      "character special file 1:b",
      "2",
    ]);
    bundle.config.linux["devices"] = [kmsg, { ...kmsg, minor: 5 }];
    bundle.save();
    assert.match(
      await failBundle(scope, bundle),
      /^bunker: config\.json \/linux\/devices\/1: "\/dev\/kmsg" is another device by an entry before/,
    );
  },
);

both("a device that the machine has not, or has as another", "nodevice", [], async (scope, who) => {
  const device = (path: string, minor: number): Bundle =>
    bundleOf(scope, who, `stat -c %t:%T ${path}`, (config) => {
      config.linux["devices"] = [{ path, type: "c", major: 1, minor }];
    });
  for (const [path, minor, why] of [
    ["/dev/no-such-thing", 3, /the host has no \/dev\/no-such-thing/],
    ["/dev/null", 5, /another type or number/],
  ] as const) {
    const outcome = await scope.invoke(["run", "--bundle", device(path, minor).path, scope.id()]);
    // Root makes what config.json says.
    if (outcome.status === 0) assert.deepEqual([who, outcome.stdout], ["root", `1:${minor}\n`]);
    else {
      assert.match(outcome.stderr, /\/linux\/devices\/0/);
      assert.match(outcome.stderr, why);
    }
  }
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
