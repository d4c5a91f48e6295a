/**
 * Destinations of mounts that are links, into /proc above all: what counts is the place that was opened, not the text
 * (CVE-2019-16884's kind).
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { type Bundle, scoped } from "../support/scope.ts";
import { everything } from "../support/without.ts";

/** A file and a directory of the host's to bind. */
function plantSources({ path }: Bundle): void {
  writeFileSync(`${path}/decoy`, "decoy\n");
  mkdirSync(`${path}/volume`);
}

const bindOf = (source: string, destination: string) => ({ destination, source, options: ["rbind"] });
const tmpfsAt = (destination: string) => ({ destination, type: "tmpfs", source: "tmpfs" });

type Plant = (bundle: Bundle) => void;

/** What is planted; the last mount is the one that has to be refused. */
const leading: readonly (readonly [name: string, plant: Plant])[] = [
  ["/proc/self/attr/current, a file", (b) => {
    symlinkSync("/proc/self/attr/current", `${b.rootfs}/link`);
    b.config.mounts.push(bindOf("decoy", "/link"));
  }],
  ["/proc, a name below it", (b) => {
    symlinkSync("proc/sys", `${b.rootfs}/link`);
    b.config.mounts.push(tmpfsAt("/link/kernel"));
  }],
  ["/proc itself", (b) => {
    symlinkSync("/proc", `${b.rootfs}/link`);
    b.config.mounts.push(tmpfsAt("/link"));
  }],
  ["/proc, by a link of a link", (b) => {
    symlinkSync("/second", `${b.rootfs}/link`);
    symlinkSync("proc/sys/kernel", `${b.rootfs}/second`);
    b.config.mounts.push(tmpfsAt("/link"));
  }],
  ["/proc, on a volume", (b) => {
    symlinkSync("/proc/sys", `${b.path}/volume/link`);
    b.config.mounts.push(bindOf("volume", "/data"), tmpfsAt("/data/link"));
  }],
  ["a procfs that is mounted elsewhere", (b) => {
    symlinkSync("/host/proc/sys", `${b.rootfs}/link`);
    b.config.mounts.push({ destination: "/host/proc", type: "proc", source: "proc" }, tmpfsAt("/link"));
  }],
  ["/sys", (b) => {
    symlinkSync("/sys/kernel", `${b.rootfs}/link`);
    b.config.mounts.push(tmpfsAt("/link"));
  }],
  ["/dev, which is the container's own", (b) => {
    symlinkSync("/dev", `${b.rootfs}/link`);
    b.config.mounts.push(tmpfsAt("/link"));
  }],
]; // prettier-ignore

for (const [name, plant] of leading) {
  for (const [kernel, without] of [
    ["", undefined],
    [", without calls of newer kernels", everything],
  ] as const) {
    test(
      `run [destination a link to ${name}${kernel}]`,
      limits,
      scoped("destination", ["compiler"], async (scope) => {
        const bundle = scope.bundle("cat /proc/self/attr/current; ls -d /proc/sys/kernel; ls /link; echo ran");
        plantSources(bundle);
        plant(bundle);
        bundle.save();
        const outcome = await scope.invoke(
          ["run", "--bundle", bundle.path, scope.id()],
          without === undefined ? {} : { without },
        );
        assert.notEqual(outcome.status, 0, `it ran: ${outcome.stdout}`);
        assert.equal(outcome.stdout, "");
        assert.match(outcome.stderr, /mounts\[\d+\] "\/(link|link\/kernel|data\/link|dev)": verify_/);
        assert.match(outcome.stderr, /because .*(a symbolic link leads into proc or sysfs|does not lead to what was)/);
      }),
    );
  }
}

// What lxcfs does, and a link that leads to an ordinary place
test(
  "run [destinations that may be: names lxcfs has in /proc, links elsewhere, also into mounts]",
  limits,
  scoped("destination", ["compiler"], async (scope) => {
    const program = "cat /proc/uptime /proc/stat /run/file /etc/target; ls /data/inner; cat /run/later";
    for (const without of [undefined, everything]) {
      const bundle = scope.bundle(program);
      plantSources(bundle);
      mkdirSync(`${bundle.path}/volume/inner`);
      writeFileSync(`${bundle.path}/volume/inner/within`, "");
      symlinkSync("/run", `${bundle.rootfs}/var/run`);
      symlinkSync("/etc/target", `${bundle.path}/volume/out`);
      symlinkSync("inner", `${bundle.path}/volume/in`);
      bundle.config.mounts.push(
        bindOf("decoy", "/proc/uptime"),
        bindOf("decoy", "/proc/stat"),
        tmpfsAt("/run"),
        bindOf("decoy", "/var/run/file"),
        bindOf("volume", "/data"),
        bindOf("decoy", "/data/out"),
        bindOf("volume/inner", "/data/in"),
        bindOf("decoy", "/run/later"),
      );
      bundle.save();
      const outcome = await scope.succeed(
        ["run", "--bundle", bundle.path, scope.id()],
        without === undefined ? {} : { without },
      );
      assert.equal(outcome.stdout, "decoy\ndecoy\ndecoy\ndecoy\nwithin\ndecoy\n");
      assert.ok(!existsSync(`${bundle.path}/volume/inner/inner`));
    }
  }),
);

// A mount whose destination is a link to another mount covers it; what comes after is in what is seen there
test(
  "run [destination a link to a mount: later mounts are in what covers it]",
  limits,
  scoped("alias", [], async (scope) => {
    const bundle = scope.bundle("cat /run/later; ls /run");
    plantSources(bundle);
    writeFileSync(`${bundle.path}/volume/mark`, "");
    symlinkSync("/run", `${bundle.rootfs}/var/run`);
    bundle.config.mounts.push(tmpfsAt("/run"), bindOf("volume", "/var/run"), bindOf("decoy", "/run/later"));
    bundle.save();
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "decoy\nlater\nmark\n");
  }),
);

test(
  "create [a place in a procfs mounted elsewhere than at /proc]",
  limits,
  scoped("elsewhere", [], async (scope) => {
    const bundle = scope.bundle("true", ({ mounts }) => {
      mounts.push({ destination: "/host/proc", type: "proc", source: "proc" }, tmpfsAt("/host/proc/sys"));
    });
    const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
    assert.notEqual(outcome.status, 0);
    assert.match(outcome.stderr, /\/mounts\/8\/destination.*outside \/proc/s);
  }),
);

test(
  "run [masked and read-only paths that are mounts themselves, and the root]",
  limits,
  scoped("covered", ["compiler"], async (scope) => {
    for (const without of [undefined, everything]) {
      const program = "ls /proc; ls /dev/shm; cat /data; cat /proc2/version | cut -c1-5; touch /sys/x /x /vol/x";
      const bundle = scope.bundle(`${program} 2>&1 | grep -o 'Read-only'`, ({ linux, mounts }) => {
        mounts.push(
          { destination: "/proc2", type: "proc", source: "proc" },
          bindOf("decoy", "/data"),
          bindOf("volume", "/vol"),
        );
        mounts.find(({ destination }) => destination === "/sys")!.options = ["nosuid"];
        linux.maskedPaths = ["/proc", "/data", "/dev/shm", "/proc/kcore"];
        linux.readonlyPaths = ["/sys", "/", "/vol"];
      });
      plantSources(bundle);
      const outcome = await scope.succeed(
        ["run", "--bundle", bundle.path, scope.id()],
        without === undefined ? {} : { without },
      );
      assert.equal(outcome.stdout, "Linux\nRead-only\nRead-only\nRead-only\n");
    }
  }),
);

test(
  'create [maskedPaths "/"]',
  limits,
  scoped("maskall", [], async (scope) => {
    const bundle = scope.bundle("true", ({ linux }) => {
      linux.maskedPaths = ["/proc/kcore", "/"];
    });
    const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
    assert.notEqual(outcome.status, 0);
    assert.match(outcome.stderr, /\/linux\/maskedPaths\/1/);
  }),
);
