/**
 * `exec` into every kind of container: with namespaces of its own, shared ones, none; of root and of an ordinary user.
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type Config, withoutNamespace } from "../support/config.ts";
import { detached } from "../support/containers.ts";
import { hold, namespaceOf, namespacePath } from "../support/holders.ts";
import { limits } from "../support/machine.ts";
import { mappedIds, singleId, forOneId } from "../support/mode.ts";
import { type Bundle, type InvokeOptions, type Scope, scoped } from "../support/scope.ts";
import { noHelp, ordinaryId, usualUser } from "../support/user.ts";

const kinds = "user mnt pid ipc uts net cgroup time".split(" ");

/** A process whose namespaces, ids, root and directory are told line by line. */
const report = `for k in ${kinds.join(" ")}; do echo $k=$(readlink /proc/self/ns/$k); done; id -u; ls /bin/busybox; pwd`;

/** Runs the report beside a container's first process, whose namespaces it must have. */
async function check(scope: Scope, bundle: Bundle, options: InvokeOptions = {}): Promise<string> {
  const { id, pid } = await detached(scope, bundle, options);
  const outcome = await scope.succeed(["exec", id, "/bin/sh", "-c", report], options);
  const expected: string[] = [];
  for (const kind of kinds) {
    const link = (await scope.start(["readlink", `/proc/${pid}/ns/${kind}`]).done).stdout.trim();
    expected.push(`${kind}=${link}`);
  }
  assert.deepEqual(outcome.stdout.trim().split("\n"), [...expected, "0", "/bin/busybox", "/"]);
  return id;
}

/** Without mounts of its own: the root file system as it is, /proc from the host. */
function withoutMounts(config: Config): void {
  withoutNamespace(config, "mount");
  config.mounts = [];
  delete config.linux.maskedPaths;
  delete config.linux.readonlyPaths;
}

test(
  "exec [a container without a mount namespace]",
  limits,
  scoped("chroot", ["hostMounts"], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000", withoutMounts);
    const { id } = await detached(scope, bundle);
    writeFileSync(`${bundle.rootfs}/here`, "");
    const outcome = await scope.succeed([
      "exec",
      id,
      "/bin/sh",
      "-c",
      "ls -d /here /bin/busybox; cd ..; pwd; ls -d /here",
    ]);
    assert.equal(outcome.stdout, "/bin/busybox\n/here\n/\n/here\n");
    const missing = await scope.invoke(["exec", id, "/bin/ls", scope.directory]);
    assert.notEqual(missing.status, 0, "the host's files are out of reach");
  }),
);

test(
  "exec [a container without any namespace]",
  limits,
  scoped("bare", ["hostMounts", "notMapped"], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000", (config) => {
      withoutMounts(config);
      config.linux.namespaces = [];
      delete config.hostname;
    });
    const { id, pid } = await detached(scope, bundle);
    assert.equal(namespaceOf(pid, "pid"), namespaceOf("self", "pid"));
    const outcome = await scope.succeed(["exec", id, "/bin/sh", "-c", "ls -d /bin/busybox; echo $$"]);
    assert.match(outcome.stdout, /^\/bin\/busybox\n\d+\n$/);
  }),
);

test(
  "exec [a container whose namespaces are another's]",
  limits,
  scoped("shared", ["notMapped"], async (scope) => {
    const holder = await hold(scope, ["network", "ipc", "uts", "pid"]);
    const bundle = scope.bundle("exec sleep 1000", (config) => {
      for (const kind of ["network", "ipc", "uts", "pid"] as const) {
        withoutNamespace(config, kind);
        config.linux.namespaces.push({ type: kind, path: namespacePath(holder, kind) });
      }
      delete config.hostname;
    });
    await check(scope, bundle);
  }),
);

test(
  "exec [a container in a cgroup of version 2]",
  limits,
  scoped("unified", ["cgroup2", "hostMounts"], async (scope) => {
    const view = { view: "v2" } as const;
    const bundle = scope.bundle("exec sleep 1000");
    const { id, pid } = await detached(scope, bundle, view);
    const own = (text: string): string => text.split("\n").find((line) => line.startsWith("0::"))!;
    const file = `${scope.directory}/run-pid`;
    await scope.succeed(["exec", "--detach", "--pid-file", file, id, "/bin/sleep", "1000"], view);
    const place = own(readFileSync(`/proc/${readFileSync(file, "utf8")}/cgroup`, "utf8"));
    assert.match(place, new RegExp(`/${scope.tag}-b1$`));
    assert.equal(place, own(readFileSync(`/proc/${pid}/cgroup`, "utf8")));
    const inside = await scope.succeed(["exec", id, "/bin/cat", "/proc/self/cgroup"], view);
    assert.equal(own(inside.stdout), "0::/");
    const elsewhere = await scope.invoke(["exec", "--cgroup", "pids:sub", id, "/bin/true"], view);
    assert.match(elsewhere.stderr, /one directory for all controllers/);
  }),
);

test(
  "exec [a container with a time namespace]",
  limits,
  scoped("time", [], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000", (config) => {
      config.linux.namespaces.push({ type: "time" });
      config.linux["timeOffsets"] = { boottime: { secs: 1_000_000_000 } };
    });
    const id = await check(scope, bundle);
    const { stdout } = await scope.succeed(["exec", id, "/bin/cat", "/proc/uptime"]);
    assert.ok(Number(stdout.split(" ")[0]) > 1_000_000_000, stdout);
  }),
);

test(
  "exec [a container with a user namespace]",
  limits,
  scoped("mapped", ["hostMounts", "userNamespaces"], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000", () => {}, { ids: mappedIds });
    const id = await check(scope, bundle);
    const own = await scope.succeed([
      "exec",
      "-u",
      "1000:100",
      "-g",
      "5",
      id,
      "/bin/sh",
      "-c",
      "id -u; id -G; cat /proc/self/uid_map",
    ]);
    assert.match(own.stdout, /^1000\n100 5\n\s*0\s+200000\s+65536\n$/);
    const outside = await scope.invoke(["exec", "-u", "70000", id, "/bin/true"]);
    assert.equal(outside.status, 255);
    assert.match(outside.stderr, /70000 is not mapped in the container's user namespace/);
  }),
);

// The state directory is found by every command, and nothing of the caller's groups or rights is kept.
test(
  "exec [an ordinary user's container] (rootless)",
  limits,
  scoped(
    "rootless",
    ["ordinaryUser", "newuidmap"],
    async (scope) => {
      const bundle = scope.bundle("exec sleep 1000");
      const id = await check(scope, bundle, { ownRoot: true });
      const words = ["exec", "-u", "5:6", "-g", "7", id, "/bin/sh", "-c", "id -u; id -G; cat /proc/self/status"];
      const { stdout } = await scope.succeed(words, { ownRoot: true });
      assert.match(stdout, /^5\n6 7\n/);
      assert.match(stdout, /^CapPrm:\t0{16}$/m);
    },
    usualUser,
  ),
);

test(
  "exec [an ordinary user's container of a single id] (rootless)",
  limits,
  scoped(
    "single",
    ["ordinaryUser"],
    async (scope) => {
      const bundle = scope.bundle("exec sleep 1000", forOneId, { ids: singleId, owner: ordinaryId });
      const id = await check(scope, bundle, { ownRoot: true });
      const groups = await scope.invoke(["exec", "-g", "7", id, "/bin/true"], { ownRoot: true });
      assert.equal(groups.status, 255);
      assert.match(groups.stderr, /single group/);
    },
    noHelp,
  ),
);

test(
  "exec [another user's container]",
  limits,
  scoped("foreign", ["hostMounts", "ordinaryUser"], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000");
    const { id, pid } = await detached(scope, bundle);
    const outcome = await scope.invoke(["exec", id, "/bin/true"], { user: usualUser });
    assert.equal(outcome.status, 255);
    assert.match(outcome.stderr, /not trustworthy|belong to another user/);
    assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /State:\tS/);
  }),
);
