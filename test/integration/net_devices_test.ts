/**
 * `linux.netDevices`: devices of the runtime's network namespace, with their addresses, in the container's.
 * Every test has a network namespace of its own for the host's part: nothing of the machine's is touched.
 * @module
 */
import assert from "node:assert/strict";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { limits } from "../support/machine.ts";
import { type Scope, scoped } from "../support/scope.ts";
import { usualUser } from "../support/user.ts";

/** Words that run the rest in a new network namespace, after a script. */
const inNetwork = (script: string): string[] => ["unshare", "-n", "/bin/sh", "-ec", `${script}\nexec "$@"`, "sh"];

const withDevices = (devices: Record<string, { name?: string }>) => (config: Config) => {
  (config.linux as { netDevices?: unknown }).netDevices = devices;
};

const device = `
  ip link add dev0 type veth peer name peer0
  ip addr add 192.0.2.7/24 dev dev0
  ip addr add 198.51.100.1/32 dev dev0
  ip -6 addr add 2001:db8::7/64 dev dev0 nodad
  ip addr add 169.254.3.4/16 scope link dev dev0
  ip addr add 203.0.113.9/24 dev dev0 valid_lft 900 preferred_lft 900
  ip link set dev0 up`;

const addresses = "ip -o addr show | sed 's/ *\\\\\\\\.*//'";

/** Runs a container and, whatever came of it, shows what the host's part has afterwards. */
async function runIn(scope: Scope, script: string, bundle: string): ReturnType<Scope["invoke"]> {
  const before = inNetwork(script);
  return scope.invoke(["run", "--bundle", bundle, scope.id()], { before });
}

test(
  "run [netDevices: a device moves, with another name, permanent global addresses, and up]",
  limits,
  scoped("net-move", ["ip"], async (scope) => {
    const bundle = scope.bundle(addresses, withDevices({ dev0: { name: "eth7" } }));
    const outcome = await runIn(scope, device, bundle.path);
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.match(outcome.stdout, /eth7 +inet 192\.0\.2\.7\/24/);
    assert.match(outcome.stdout, /eth7 +inet 198\.51\.100\.1\/32/);
    assert.match(outcome.stdout, /eth7 +inet6 2001:db8::7\/64/);
    assert.match(outcome.stdout, /\blo\b/);
    assert.doesNotMatch(outcome.stdout, /dev0|169\.254|203\.0\.113/);

    const state = scope.bundle("cat /sys/class/net/dev0/flags", (config) => {
      withDevices({ dev0: {} })(config);
      config.mounts!.push({ destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"] });
    });
    const flags = await runIn(scope, device.replace("ip link set dev0 up", ""), state.path);
    assert.equal(flags.status, 0, flags.stderr);
    assert.equal(Number(flags.stdout) & 1, 1, "IFF_UP");
  }),
);

test(
  "run [netDevices: in a new user namespace; sysctl sees the device; two of them]",
  limits,
  scoped("net-user", ["ip", "userNamespaces"], async (scope) => {
    const ids = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    const change = (config: Config): void => {
      withDevices({ dev0: {}, dev1: { name: "x%d" } })(config);
      config.linux.sysctl = { "net.ipv4.conf.dev0.forwarding": "1" };
    };
    const bundle = scope.bundle("cat /proc/sys/net/ipv4/conf/dev0/forwarding; ip -o link", change, { ids });
    const outcome = await runIn(scope, `${device}\nip link add dev1 type veth peer name peer1`, bundle.path);
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.match(outcome.stdout, /^1\n/);
    assert.match(outcome.stdout, /: x0@/);
  }),
);

test(
  // MUST config-linux.md#network-devices: a name that is taken is an error
  "run [netDevices: errors, and nothing has moved]",
  limits,
  scoped("net-errors", ["ip"], async (scope) => {
    // `run` replaces itself, so its caller looks at what is left.
    const look = (script: string): string[] => [
      "unshare",
      "-n",
      "/bin/sh",
      "-c",
      `${script}\n"$@"; code=$?; ip -o addr show dev0; exit $code`,
      "sh",
    ];
    const attempt = async (devices: Record<string, { name?: string }>, change: (config: Config) => void = () => {}) => {
      const bundle = scope.bundle(["/bin/true"], (config) => {
        withDevices(devices)(config);
        change(config);
      });
      return scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before: look(device) });
    };
    const taken = await attempt({ dev0: { name: "lo" } });
    assert.equal(taken.status, 1);
    assert.match(taken.stderr, /netDevices.*EEXIST/);
    assert.match(taken.stderr, /a device "lo" is in the container's network namespace already/);
    assert.match(taken.stdout, /192\.0\.2\.7/);

    const unknown = await attempt({ nothere0: {} });
    assert.equal(unknown.status, 1);
    assert.match(unknown.stderr, /ENODEV/);
    assert.match(unknown.stderr, /there is no device "nothere0"/);

    for (const [devices, pattern] of [
      [{ dev0: { name: "sixteen-bytes-xx" } }, /1 to 15 bytes/],
      [{ dev0: { name: "a/b" } }, /device name/],
      [{ dev0: { name: "eth0" }, dev1: { name: "eth0" } }, /twice/],
    ] as const) {
      const outcome = await attempt(devices);
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, pattern);
      assert.match(outcome.stdout, /192\.0\.2\.7/);
    }
    const shared = await attempt({ dev0: {} }, (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "network");
    });
    assert.match(shared.stderr, /netDevices: Expected "network"/);
  }),
);

test(
  "run [netDevices: into a joined namespace; what cannot be dressed there comes back as it was]",
  limits,
  scoped("net-joined", ["ip"], async (scope) => {
    // Another network namespace, held by a process; without IPv6 an address of it cannot be given.
    const attempt = async (prepare: string): ReturnType<Scope["invoke"]> => {
      const bundle = scope.bundle("ip -o addr show eth7", withDevices({ dev0: { name: "eth7" } }));
      const file = `${scope.directory}/net-${scope.id()}`;
      bundle.config.linux.namespaces.find(({ type }) => type === "network")!.path = file;
      bundle.save();
      const script = `${device}
        touch ${file}; unshare --net=${file} /bin/sh -c '${prepare}'
        "$@"; code=$?; ip -o addr show dev0; ip -o link show dev0; umount ${file}; exit $code`;
      const before = ["unshare", "-nm", "--propagation", "private", "/bin/sh", "-c", script, "sh"];
      return scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before });
    };
    const moved = await attempt("true");
    assert.equal(moved.status, 0, moved.stderr);
    assert.match(moved.stdout, /eth7 +inet 192\.0\.2\.7\/24/);
    assert.doesNotMatch(moved.stdout, /dev0/);

    const back = await attempt("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
    assert.equal(back.status, 1);
    assert.match(back.stderr, /could not be given its addresses or set up there; it is back/);
    assert.match(back.stdout, /dev0 +inet 192\.0\.2\.7\/24/);
    assert.match(back.stdout, /dev0 +inet6 2001:db8::7\/64/);
    assert.match(back.stdout, /dev0@.*[<,]UP[,>]/);
  }),
);

// runc refuses it beforehand; the kernel does in any case: the device belongs to the machine's user namespace.
test(
  "run [netDevices: an ordinary user cannot give a device of the machine away]",
  limits,
  scoped(
    "net-user-less",
    ["ip", "ordinaryUser"],
    async (scope) => {
      const bundle = scope.bundle("echo ran", withDevices({ lo: { name: "other" } }));
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1);
      assert.equal(outcome.stdout, "");
      assert.match(outcome.stderr, /EPERM[^]*\/linux\/netDevices/);
    },
    usualUser,
  ),
);
