/**
 * Namespaces of the host's that config.json joins by path: nothing set in it may change them.
 * Every test has namespaces of its own for the host's part: what goes wrong here changes nothing of the machine's.
 * Spec: config-linux.md#sysctl, config.md#hostname, config-linux.md#network-devices
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type Config, withoutNamespace } from "../support/config.ts";
import { hold, namespaceOf, namespacePath, type NamespaceKind } from "../support/holders.ts";
import { limits } from "../support/machine.ts";
import { native } from "../support/native.ts";
import { scoped, type Scope } from "../support/scope.ts";

/** What shows whether the host's part has changed: run after the runtime, in its namespaces. */
const look =
  "cd /proc/sys; cat net/ipv4/ip_default_ttl kernel/msgmax fs/mqueue/msg_max kernel/hostname kernel/domainname; " +
  "ip -o link show | cut -d: -f2";

/** Words that give the runtime namespaces of its own, with a file bound to each, and look at them before and after. */
const inOwn = (scope: Scope): string[] => {
  const script = `
    set -e
    hostname runtimes; echo runtimes > /proc/sys/kernel/domainname; ip link add dev0 type veth peer name peer0
    for kind in net ipc uts; do mount --bind /proc/self/ns/$kind ${scope.directory}/$kind; done
    (${look}) > ${scope.directory}/before
    set +e
    "$@"; status=$?
    (${look}) > ${scope.directory}/after
    exit $status`;
  for (const kind of ["net", "ipc", "uts"]) writeFileSync(`${scope.directory}/${kind}`, "");
  return ["unshare", "-m", "--propagation", "private", "-n", "-i", "-u", "/bin/sh", "-c", script, "sh"];
};

/** Joins the namespace at a path; nothing else asks for a name. */
function join(config: Config, kind: NamespaceKind, path: string): void {
  withoutNamespace(config, kind);
  config.linux.namespaces.push({ type: kind, path });
  delete config.hostname;
}

const changes: readonly (readonly [pointer: string, kind: NamespaceKind, change: (config: Config) => void])[] = [
  [
    "/linux/sysctl/net.ipv4.ip_default_ttl",
    "network",
    (c) => (c.linux["sysctl"] = { "net.ipv4.ip_default_ttl": "77" }),
  ],
  ["/linux/sysctl/kernel.msgmax", "ipc", (c) => (c.linux["sysctl"] = { "kernel.msgmax": "7777" })],
  ["/linux/sysctl/fs~1mqueue~1msg_max", "ipc", (c) => (c.linux["sysctl"] = { "fs/mqueue/msg_max": "77" })],
  ["/linux/sysctl/kernel.domainname", "uts", (c) => (c.linux["sysctl"] = { "kernel.domainname": "other" })],
  ["/hostname", "uts", (c) => (c.hostname = "other")],
  ["/domainname", "uts", (c) => (c["domainname"] = "other")],
  ["/linux/netDevices/dev0", "network", (c) => (c.linux["netDevices"] = { dev0: { name: "other0" } })],
];

for (const [pointer, kind, change] of changes) {
  for (const isBound of [false, true]) {
    test(
      `run [${pointer} with the host's ${kind} namespace by ${isBound ? "a bind mount" : "its own path"}]`,
      limits,
      scoped("hostns", ["notMapped", "ip"], async (scope) => {
        const file = kind === "network" ? "net" : kind;
        const path = isBound ? `${scope.directory}/${file}` : `/proc/self/ns/${file}`;
        const bundle = scope.bundle("true", (config) => {
          join(config, kind, path);
          change(config);
        });
        const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before: inOwn(scope) });
        const read = (name: string): string => readFileSync(`${scope.directory}/${name}`, "utf8");
        assert.equal(read("after"), read("before"));
        assert.match(read("before"), /runtimes\nruntimes\n/);
        assert.equal(outcome.status, 1, outcome.stderr);
        const expected = `config.json ${pointer}: Expected the container's own ${kind} namespace but "${path}" is the host's`;
        assert.ok(outcome.stderr.includes(expected), outcome.stderr);
        assert.match(outcome.stderr, /because {4}\/linux\/namespaces\/5\/path .*\n.*try {8}.*without/);
      }),
    );
  }
}

// By its number, which is fixed for these kinds on every kernel: the runtime's own is another. The value is the machine's.
test(
  "run [the machine's first ipc namespace, from another one]",
  limits,
  scoped("firstns", ["notMapped"], async (scope) => {
    const now = readFileSync("/proc/sys/kernel/msgmax", "utf8").trim();
    const bundle = scope.bundle("true", (config) => {
      join(config, "ipc", `/proc/${process.pid}/ns/ipc`);
      config.linux["sysctl"] = { "kernel.msgmax": now };
    });
    if (namespaceOf("self", "ipc") !== "ipc:[4026531839]") return;
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before: ["unshare", "-i"] });
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /\/linux\/sysctl\/kernel\.msgmax: Expected the container's own ipc namespace/);
  }),
);

test(
  "run [the host's namespaces by path and nothing that changes them: as if they were not named]",
  limits,
  scoped("ownns", ["notMapped", "ip"], async (scope) => {
    const kinds: readonly NamespaceKind[] = ["network", "ipc", "uts", "pid", "cgroup", "time"];
    const files = ["net", "ipc", "uts", "pid", "cgroup", "time"];
    const shown = `for kind in ${files.join(" ")}; do readlink /proc/self/ns/$kind; done`;
    const bundle = scope.bundle(shown, (config) => {
      kinds.forEach((kind, index) => join(config, kind, `/proc/self/ns/${files[index]}`));
    });
    const before = ["unshare", "-n", "-i", "-u", "/bin/sh", "-c", `${shown} > ${scope.directory}/own; exec "$@"`, "sh"];
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { before });
    assert.equal(outcome.stdout, readFileSync(`${scope.directory}/own`, "utf8"));
  }),
);

// The mount namespace too: nothing of it may be changed, as config.json may ask for nothing in one that is joined.
test(
  "run [the host's mount namespace by path: no mount is made or lost]",
  limits,
  scoped("ownmounts", ["notMapped"], async (scope) => {
    const bundle = scope.bundle("readlink /proc/self/ns/mnt; mount | wc -l", (config) => {
      join(config, "mount", "/proc/self/ns/mnt");
      config.mounts = [];
      delete config.linux.maskedPaths;
      delete config.linux.readonlyPaths;
    });
    const table = `cut -d' ' -f3- /proc/self/mountinfo`;
    const script = `${table} > ${scope.directory}/before; "$@"; s=$?; ${table} > ${scope.directory}/after; exit $s`;
    const before = ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c", script, "sh"];
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { before });
    const read = (name: string): string => readFileSync(`${scope.directory}/${name}`, "utf8");
    assert.equal(read("after"), read("before"));
  }),
);

/** As often as test/integration/races_test.ts. */
const rounds = 60;

test(
  "run [a link exchanged between another namespace and the runtime's own]",
  limits,
  scoped("swapns", ["notMapped", "compiler"], async (scope) => {
    const holder = await hold(scope, ["network"]);
    const [link, other] = [`${scope.directory}/link`, `${scope.directory}/other`];
    symlinkSync(namespacePath(holder, "network"), link);
    symlinkSync("/proc/self/ns/net", other);
    const bundle = scope.bundle("cat /proc/sys/net/ipv4/ip_default_ttl", (config) => {
      join(config, "network", link);
      config.linux["sysctl"] = { "net.ipv4.ip_default_ttl": "77" };
    });
    const swapper = scope.start([native("swap"), link, other], { timeoutMs: 120_000 });
    const script = '"$@"; s=$?; echo own $(cat /proc/sys/net/ipv4/ip_default_ttl); exit $s';
    let ran = 0;
    for (let round = 0; round < rounds; round++) {
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
        before: ["unshare", "-n", "/bin/sh", "-c", script, "sh"],
      });
      assert.match(outcome.stdout, /^own 64$/m, outcome.stderr);
      if (outcome.status === 0) ran++;
    }
    process.kill(-swapper.pid, "SIGKILL");
    await swapper.done;
    assert.ok(ran > 0 && ran < rounds, `${ran} of ${rounds} joined the other one`);
  }),
);
