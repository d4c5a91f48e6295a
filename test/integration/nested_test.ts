/**
 * bunker inside a container of bunker's: with every capability, with those of a user namespace, and with none.
 * @module
 */
import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { limits } from "../support/machine.ts";
import { forOneId, mappedIds } from "../support/mode.ts";
import { bunker } from "../support/runtime.ts";
import { type Bundle, type BundleOptions, type Scope, scoped } from "../support/scope.ts";
import { usualUser } from "../support/user.ts";

/** What --privileged gives. */
function privileged(config: Config): void {
  const every =
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_ADMIN NET_RAW " +
    "IPC_LOCK IPC_OWNER SYS_CHROOT SYS_PTRACE SYS_ADMIN SYS_NICE MKNOD AUDIT_WRITE SETFCAP";
  const list = every.split(" ").map((name) => `CAP_${name}`);
  config.process.capabilities = { bounding: list, effective: list, permitted: list };
  config.process.noNewPrivileges = false;
  delete config.linux.maskedPaths;
  delete config.linux.readonlyPaths;
}

/** An outer bundle that runs the executable of the test on an inner one; both print what they are. */
function nest(
  scope: Scope,
  inner: { change?: (config: Config) => void; options?: BundleOptions },
  outer: { change: (config: Config) => void; options?: BundleOptions },
): Bundle {
  const bundle = scope.bundle(
    "echo inner $$ $(id -u) $(hostname); tr -s ' ' < /proc/self/uid_map; ls /dev/null /dev/pts/ptmx; touch /tmp/x && echo wrote",
    (config) => {
      config.hostname = "inside";
      delete config.linux.cgroupsPath;
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/sys/fs/cgroup");
      inner.change?.(config);
    },
    inner.options,
  );
  const result = scope.bundle(
    "/runtime --root /tmp/state --cgroup-manager disabled run --bundle /inner nested; echo outer $$ $? $(hostname)",
    (config) => {
      config.mounts.push(
        { destination: "/usr", source: "/usr", options: ["rbind", "ro"] },
        { destination: "/runtime", source: bunker().path, options: ["bind", "ro"] },
        { destination: "/inner", source: bundle.path, options: ["rbind"] },
      );
      outer.change(config);
    },
    outer.options,
  );
  for (const name of ["lib", "lib64"]) symlinkSync(`usr/${name}`, `${result.rootfs}/${name}`);
  return result;
}

test(
  "run [in a container with every capability]",
  limits,
  scoped("nestpriv", ["notMapped"], async (scope) => {
    const bundle = nest(scope, {}, { change: privileged });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(
      outcome.stdout,
      /^inner 1 0 inside\n 0 0 4294967295\n\/dev\/null\n\/dev\/pts\/ptmx\nwrote\nouter 1 0 tested\n$/,
      outcome.stderr,
    );
  }),
);

test(
  "run [a user namespace in a container with every capability]",
  limits,
  scoped("nestuser", ["notMapped", "userNamespaces"], async (scope) => {
    const bundle = nest(scope, { options: { ids: mappedIds } }, { change: privileged });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(outcome.stdout, /^inner 1 0 inside\n 0 200000 65536\n[^]*wrote\nouter 1 0 tested\n$/, outcome.stderr);
  }),
);

test(
  "run [in a container with a user namespace and every capability in it]",
  limits,
  scoped("nestmapped", ["userNamespaces"], async (scope) => {
    const inner = { options: { ids: "none", owner: mappedIds[0]!.hostID } } as const;
    const bundle = nest(scope, inner, { change: privileged, options: { ids: mappedIds } });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(outcome.stdout, /^inner 1 0 inside\n 0 200000 65536\n[^]*wrote\nouter 1 0 tested\n$/, outcome.stderr);
  }),
);

/** A user of the outer container without a single capability. */
const unprivileged = (config: Config): void => {
  config.process.user = { uid: 1000, gid: 1000 };
  config.process.capabilities = {};
};

const innerOfUser = {
  change: forOneId,
  options: { ids: [{ containerID: 0, hostID: 1000, size: 1 }] },
};

test(
  "run [in a container without any privilege]",
  limits,
  scoped("nestbare", ["notMapped", "userNamespaces"], async (scope) => {
    const bundle = nest(scope, innerOfUser, {
      change: (config) => {
        unprivileged(config);
        delete config.linux.maskedPaths;
        delete config.linux.readonlyPaths;
      },
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(outcome.stdout, /^inner 1 0 inside\n 0 1000 1\n[^]*wrote\nouter 1 0 tested\n$/, outcome.stderr);
  }),
);

// The kernel gives a new procfs only to who sees a whole one already (mount_too_revealing() in fs/namespace.c)
test(
  "run [in a container without any privilege whose /proc is masked: the error names what masks it]",
  limits,
  scoped("nestmasked", ["notMapped", "userNamespaces"], async (scope) => {
    const bundle = nest(scope, innerOfUser, { change: unprivileged });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(outcome.stdout, /^outer 1 1 tested\n$/);
    assert.match(outcome.stderr, /mounts\[0\] "\/proc"/);
    assert.match(outcome.stderr, /EPERM/);
    assert.match(outcome.stderr, /\/proc\/(kcore|keys|timer_list|sys|bus)/);
  }),
);

test(
  "run, exec, kill, delete [in an ordinary user's container, as its root] (rootless)",
  limits,
  scoped(
    "nestuser",
    [],
    async (scope) => {
      const inner = nest(
        scope,
        { options: { ids: "none" }, change: (config) => (config.process.args = ["/bin/sleep", "1000"]) },
        {
          change: (config) => {
            privileged(config);
            const bunkerIn = "/runtime --root /tmp/state --cgroup-manager disabled";
            config.process.args[2] =
              `${bunkerIn} run --detach --bundle /inner nested && ${bunkerIn} exec nested hostname && ` +
              `${bunkerIn} state nested | grep -c running; ${bunkerIn} kill nested KILL; sleep 0.2; ` +
              `${bunkerIn} delete nested; echo $?; ${bunkerIn} list -q | wc -l`;
          },
        },
      );
      const outcome = await scope.succeed(["run", "--bundle", inner.path, scope.id()]);
      assert.equal(outcome.stdout, "inside\n1\n0\n0\n", outcome.stderr);
    },
    usualUser,
  ),
);
