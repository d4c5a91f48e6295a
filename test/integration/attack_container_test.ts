/**
 * What an ordinary container can do with what it was given: no socket of the runtime's within reach, no cgroup hierarchy to
 * mount, and standard descriptors that stay whose they were. CVE-2020-15257, CVE-2022-0492, CVE-2026-88265.
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { withoutMounts, withoutNamespace } from "../support/config.ts";
import { until } from "../support/execute.ts";
import { hold } from "../support/holders.ts";
import { limits } from "../support/machine.ts";
import { native } from "../support/native.ts";
import { inOwnMounts } from "../support/own_mounts.ts";
import { scoped } from "../support/scope.ts";

// CVE-2020-15257: who shares the network namespace reaches every socket with an abstract name (unix(7)).
test(
  "create, start, exec, run [no abstract socket in the network namespace that a container shares]",
  limits,
  scoped("abstract", ["compiler", "hostMounts"], async (scope) => {
    // The "host's" network namespace is one of the test's own, so that nobody else's sockets are in it.
    const before = ["nsenter", `--net=/proc/${await hold(scope, ["network"])}/ns/net`];
    const inHosts = { before };
    const bundle = scope.bundle(
      'while :; do grep " @" /proc/net/unix; grep -c . /proc/net/unix > /looked; done',
      (config) => withoutNamespace(config, "network"),
    );
    const watcher = scope.launch(["run", "--bundle", bundle.path, scope.id()], { ...inHosts, timeoutMs: 60_000 });
    await until("the watcher", () => existsSync(`${bundle.rootfs}/looked`));
    const socket = `${scope.directory}/console.sock`;
    for (let round = 0; round < 5; round++) {
      const plain = scope.bundle("sleep 0.05", (config) => withoutNamespace(config, "network"));
      await scope.succeed(["run", "--bundle", plain.path, scope.id()], inHosts);
      const terminal = scope.bundle("sleep 0.1", (config) => {
        withoutNamespace(config, "network");
        config.process.terminal = true;
      });
      execFileSync("rm", ["-f", socket]);
      const listener = scope.start([...before, native("pty"), "listen", socket]);
      await until("the listener", () => existsSync(socket));
      const id = scope.id();
      await scope.succeed(["create", "--bundle", terminal.path, "--console-socket", socket, id], inHosts);
      await scope.succeed(["exec", id, "/bin/sleep", "0.05"], inHosts);
      // While it waits its start socket is there to be found.
      await new Promise((resolve) => setTimeout(resolve, 50));
      await scope.succeed(["start", id], inHosts);
      await listener.done;
    }
    assert.notEqual(readFileSync(`${bundle.rootfs}/looked`, "utf8"), "0\n", "it sees the namespace's sockets");
    assert.equal(watcher.output(), "");
  }),
);

// CVE-2022-0492, CVE-2022-0185: what `spec` writes, without a seccomp filter, is no way to a hierarchy or its release_agent.
test(
  "run [a cgroup hierarchy cannot be mounted, nor its release_agent written, with what spec gives]",
  limits,
  scoped("hierarchy", ["cgroup1"], async (scope) => {
    const controllers = readFileSync("/proc/cgroups", "utf8")
      .split("\n")
      .slice(1)
      .filter((line) => line.split("\t")[1] !== "0")
      .map((line) => line.split("\t")[0]!)
      .filter((name) => name !== "");
    const mounts = controllers.map((name) => `mount -t cgroup -o ${name} cgroup /dev/shm/c`);
    // Nothing is ever written to: that it could be is enough, and this is the machine's own hierarchy.
    const look =
      'for f in $(find /dev/shm/c /sys/fs/cgroup -name release_agent); do { : >> "$f"; } 2>/dev/null && echo writable "$f"; done';
    const tries = ["mount -t cgroup2 cgroup2 /dev/shm/c", "mount -t sysfs sysfs /dev/shm/c", ...mounts]
      .map((line) => `${line} 2>/dev/null && echo mounted: "${line}"`)
      .join("; ");
    const inOwn = mounts.map((line) => `${line} 2>/dev/null && echo mounted in its own`).join("; ");
    const script = `mkdir /dev/shm/c; ${tries}; ${look}; unshare -Urm sh -c '${inOwn}; ${look}' 2>/dev/null; echo done`;
    const bundle = scope.bundle();
    const { cgroupsPath } = bundle.config.linux;
    execFileSync("rm", [`${bundle.path}/config.json`]);
    await scope.succeed(["spec", "--bundle", bundle.path]);
    const spec = JSON.parse(readFileSync(`${bundle.path}/config.json`, "utf8")) as typeof bundle.config;
    spec.process.terminal = false;
    spec.process.args = ["/bin/sh", "-c", script];
    spec.linux.cgroupsPath = cgroupsPath!;
    writeFileSync(`${bundle.path}/config.json`, JSON.stringify(spec));
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "done\n", outcome.stderr);
  }),
);

/**
 * A machine's /dev of the test's own, for what would be chowned there with the defence gone is everybody's null device.
 * In: a line that runs the runtime as "$@". Out: words to put before its command line.
 */
const withOwnDev = (line: string): string[] =>
  inOwnMounts(
    "mount -t tmpfs tmpfs /dev && for d in null:3 zero:5 full:7 random:8 urandom:9; do " +
      `mknod -m 666 /dev/\${d%:*} c 1 \${d#*:}; done; mknod -m 666 /dev/tty c 5 0; mkdir /dev/pts /dev/shm; ${line}`,
  );

// CVE-2026-88265: the standard descriptors of a user other than root; only pipes become that user's.
test(
  "run, exec [standard descriptors on the null device and on files keep owner, mode and content]",
  limits,
  scoped("stdio", ["deviceNodes", "hostMounts"], async (scope) => {
    const marker = `${scope.directory}/marker`;
    writeFileSync(marker, "marker\n", { mode: 0o640 });
    const user = { uid: 1000, gid: 1000 };
    const plain = scope.bundle("cat; echo out; echo err >&2", (config) => (config.process.user = user));
    const linked = scope.bundle("cat; echo out; echo err >&2", (config) => {
      withoutMounts(config, "/dev");
      config.process.user = user;
    });
    // The root's own null device is a link to a file of the host's: refused, or not followed.
    symlinkSync(marker, `${linked.rootfs}/dev/null`);
    const owners = "stat -c '%n %u:%g %a %F' /dev/null $MARKER";
    const check = async (words: readonly string[], stdio: string): Promise<number> => {
      const line = `"$@" ${stdio}; echo $? > ${scope.directory}/status; MARKER=${marker}; ${owners} > ${scope.directory}/owners`;
      await scope.invoke(words, { before: withOwnDev(line) });
      const seen = readFileSync(`${scope.directory}/owners`, "utf8");
      assert.equal(seen, `/dev/null 0:0 666 character special file\n${marker} 0:0 640 regular file\n`, stdio);
      return Number(readFileSync(`${scope.directory}/status`, "utf8"));
    };
    for (const stdio of ["</dev/null >/dev/null 2>/dev/null", `<${marker} >/dev/null 2>/dev/null`]) {
      assert.equal(await check(["run", "--bundle", plain.path, scope.id()], stdio), 0, stdio);
      await check(["run", "--bundle", linked.path, scope.id()], stdio);
    }
    await check(["run", "--bundle", linked.path, scope.id()], "<&- >&- 2>/dev/null");
    const running = scope.bundle("exec sleep 1000");
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", running.path, id]);
    for (const stdio of ["</dev/null >/dev/null 2>/dev/null", `<${marker} >/dev/null`]) {
      assert.equal(await check(["exec", "--user", "1000:1000", id, "/bin/cat"], stdio), 0, stdio);
    }
    assert.equal(readFileSync(marker, "utf8"), "marker\n");
    assert.equal(statSync(marker).uid, 0);
  }),
);

// CVE-2023-25809: without a cgroup namespace the view shows the host's own hierarchies.
for (const [version, view, need] of [
  ["2", "v2", "cgroup2"],
  ["1", "host", "cgroup1"],
] as const) {
  test(
    `run [the host's cgroups are read-only without a cgroup namespace] (cgroup version ${version})`,
    limits,
    scoped("roview", [need], async (scope) => {
      // What is tried needs no luck and changes nothing: a directory that is removed at once.
      const bundle = scope.bundle(
        "for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $d/made 2>/dev/null && rmdir $d/made && echo made in $d; done; echo done",
        (config) => withoutNamespace(config, "cgroup"),
      );
      const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { view });
      assert.equal(outcome.stdout, "done\n");
    }),
  );
}
