/**
 * User and time namespaces of a container's own, made by root: what is mapped, who runs, who owns what.
 * Spec: config-linux.md#user-namespace-mappings, config-linux.md#offset-for-time-namespace
 * @module
 */
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import test from "node:test";
import { withUserNamespace } from "../support/config.ts";
import { stateOf } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { snapshot } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { forOneId, mappedIds } from "../support/mode.ts";
import { type Scope, scoped } from "../support/scope.ts";

const ids = { ids: mappedIds };

const several = [
  { containerID: 0, hostID: 200_000, size: 1000 },
  { containerID: 1000, hostID: 210_000, size: 1 },
  { containerID: 2000, hostID: 220_000, size: 5 },
];

// MUST config-linux.md#user-namespace-mappings
test(
  "run [user namespace: the maps as given, gids apart from uids]",
  limits,
  scoped("maps", ["userNamespaces"], async (scope) => {
    const bundle = scope.bundle("for f in uid_map gid_map setgroups; do tr -s ' ' < /proc/self/$f; done", () => {}, {
      ids: several,
    });
    withUserNamespace(bundle.config, several, [{ containerID: 0, hostID: 300_000, size: 65_536 }]);
    bundle.save();
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, " 0 200000 1000\n 1000 210000 1\n 2000 220000 5\n 0 300000 65536\nallow\n");
  }),
);

test(
  "run [user namespace: the process's user and groups are mapped ones]",
  limits,
  scoped("users", ["userNamespaces"], async (scope) => {
    const bundle = scope.bundle(
      "id -u; id -g; id -G; touch /tmp/mine; exec sleep 1000",
      (config) => {
        config.process.user = { uid: 1000, gid: 1001, additionalGids: [5, 7] };
        config.process.noNewPrivileges = false;
      },
      ids,
    );
    const id = scope.id();
    const running = scope.launch(["run", "--bundle", bundle.path, id]);
    await until("its file", () => existsSync(`${bundle.rootfs}/tmp/mine`));
    assert.equal(running.output(), "1000\n1001\n1001 5 7\n");
    const file = statSync(`${bundle.rootfs}/tmp/mine`);
    assert.deepEqual([file.uid, file.gid], [201_000, 201_001]);
    const { pid } = await stateOf(scope, id);
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    assert.match(status, /^Uid:\t201000\t201000\t201000\t201000$/m);
    assert.match(status, /^Gid:\t201001\t201001\t201001\t201001$/m);
    assert.match(status, /^Groups:\t200005 200007 *$/m);
    await scope.succeed(["kill", id, "KILL"]);
    await running.done;
  }),
);

for (const [name, user, pointer] of [
  ["uid", { uid: 1500, gid: 0 }, /\/process\/user\/uid/],
  ["gid", { uid: 0, gid: 1500 }, /\/process\/user\/gid/],
  ["additional gid", { uid: 0, gid: 0, additionalGids: [5, 1500] }, /\/process\/user\/additionalGids/],
] as const) {
  test(
    `create [user namespace: a ${name} that is not mapped]`,
    limits,
    scoped("unmapped", ["userNamespaces"], async (scope) => {
      const before = snapshot(scope.tag, scope.directory, scope.root);
      const bundle = scope.bundle(
        "true",
        (config) => {
          config.process.user = { ...user, additionalGids: [...("additionalGids" in user ? user.additionalGids : [])] };
        },
        { ids: several },
      );
      const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1, outcome.stdout);
      assert.match(outcome.stderr, pointer);
      assert.match(outcome.stderr, /1500/);
      assert.match(outcome.stderr, /map/);
      const after = snapshot(scope.tag, scope.directory, scope.root);
      assert.deepEqual({ ...after, state: [] }, { ...before, state: [] });
    }),
  );
}

test(
  "run [user namespace without container id 0]",
  limits,
  scoped("noroot", ["userNamespaces"], async (scope) => {
    const bundle = scope.bundle(
      "id -u; tr -s ' ' < /proc/self/uid_map",
      (config) => {
        config.process.user = { uid: 1000, gid: 1000 };
        forOneId(config);
      },
      { ids: [{ containerID: 1000, hostID: 201_000, size: 10 }] },
    );
    // crun and runc refuse it.
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "1000\n 1000 201000 10\n");
  }),
);

test(
  "create [user namespace: ranges that overlap]",
  limits,
  scoped("overlap", ["userNamespaces"], async (scope) => {
    const bundle = scope.bundle("true", () => {}, {
      ids: [...mappedIds, { containerID: 10, hostID: 400_000, size: 10 }],
    });
    const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /uidMappings|uid_map/);
    assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
  }),
);

test(
  "run [user namespace: directories above the bundle that the container's root may not pass]",
  limits,
  scoped("closed", ["userNamespaces"], async (scope) => {
    const bundle = scope.bundle(
      "cat /mnt/dir/file /mnt/file; id -u",
      (config) => {
        const secret = `${scope.directory}/secret`;
        mkdirSync(`${secret}/dir`, { recursive: true });
        writeFileSync(`${secret}/dir/file`, "in a directory\n");
        writeFileSync(`${secret}/file`, "itself\n", { mode: 0o644 });
        chmodSync(secret, 0o700);
        config.mounts.push(
          { destination: "/mnt/dir", source: `${secret}/dir`, options: ["rbind", "ro"] },
          { destination: "/mnt/file", source: `${secret}/file`, options: ["bind", "ro"] },
        );
      },
      ids,
    );
    chmodSync(scope.directory, 0o700);
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "in a directory\nitself\n0\n");
  }),
);

test(
  "run [user namespace: mounts belong to the container's root]",
  limits,
  scoped("owners", ["userNamespaces"], async (scope) => {
    const bundle = scope.bundle(
      "for p in / /tmp /dev /dev/shm /dev/pts /proc /sys /mnt/t; do stat -c '%n %u:%g' $p; done; " +
        "mount -t tmpfs x /mnt && echo mounts; hostname changed && hostname",
      (config) => {
        config.mounts.push({ destination: "/mnt/t", type: "tmpfs", source: "tmpfs", options: ["uid=7", "gid=8"] });
        const all = ["CAP_SYS_ADMIN", "CAP_CHOWN"];
        config.process.capabilities = { bounding: all, effective: all, permitted: all };
      },
      ids,
    );
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(
      outcome.stdout,
      "/ 0:0\n/tmp 0:0\n/dev 0:0\n/dev/shm 0:0\n/dev/pts 0:0\n/proc 65534:65534\n/sys 65534:65534\n/mnt/t 7:8\n" +
        "mounts\nchanged\n",
    );
  }),
);

test(
  "create, start, state, kill, delete [user namespace: whole life, nothing left]",
  limits,
  scoped("life", ["userNamespaces"], async (scope) => {
    const before = snapshot(scope.tag, scope.directory, scope.root);
    const bundle = scope.bundle("trap 'exit 0' TERM; while :; do sleep 0.02; done", () => {}, ids);
    const id = scope.id();
    const status = async (): Promise<string> => (await stateOf(scope, id)).status;
    await scope.succeed(["create", "--bundle", bundle.path, id]);
    assert.equal(await status(), "created");
    await scope.succeed(["start", id]);
    assert.equal(await status(), "running");
    await new Promise((resolve) => setTimeout(resolve, 100)); // the trap
    await scope.succeed(["kill", id]);
    await until("the end", async () => (await status()) === "stopped");
    await scope.succeed(["delete", id]);
    const after = snapshot(scope.tag, scope.directory, scope.root);
    assert.deepEqual({ ...after, state: [] }, { ...before, state: [] });
  }),
);

test(
  "run [user namespace: the runtime's and the monitor's memory and descriptors are out of reach]",
  limits,
  scoped("dumpable", ["userNamespaces"], async (scope) => {
    const all = ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"];
    const bundle = scope.bundle(
      "cat /proc/1/environ | tr '\\0' '\\n' | grep -c PATH; for p in /proc/[0-9]*; do echo $(cat $p/comm); done; true",
      (config) => {
        config.process.capabilities = { bounding: all, effective: all, permitted: all };
      },
      ids,
    );
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "1\nsh\n");
  }),
);

/** Seconds of /proc/uptime and the container's clock. */
const uptime = async (scope: Scope, offsets: Record<string, { secs: number; nanosecs: number }>): Promise<number> => {
  const bundle = scope.bundle(["/bin/cut", "-d", ".", "-f", "1", "/proc/uptime"], (config) => {
    config.linux.namespaces.push({ type: "time" });
    config.linux["timeOffsets"] = offsets;
  });
  return Number((await scope.succeed(["run", "--bundle", bundle.path, scope.id()])).stdout);
};

// MUST config-linux.md#offset-for-time-namespace
test(
  "run [time namespace with offsets]",
  limits,
  scoped("time", [], async (scope) => {
    const own = Number(readFileSync("/proc/uptime", "utf8").split(".")[0]);
    const ahead = await uptime(scope, {
      boottime: { secs: 1_000_000, nanosecs: 0 },
      monotonic: { secs: 5, nanosecs: 9 },
    });
    assert.ok(ahead >= own + 1_000_000 && ahead < own + 1_000_060, `${own} ${ahead}`);
    const same = await uptime(scope, {});
    assert.ok(same >= own && same < own + 60);
  }),
);

test(
  "run [time namespace: both clocks have their offsets, nanoseconds too]",
  limits,
  scoped("timeboth", [], async (scope) => {
    for (const [offsets, shown] of [
      [{ monotonic: { secs: 5, nanosecs: 9 }, boottime: { secs: 86_400 } }, "monotonic 5 9\nboottime 86400 0\n"],
      [{ monotonic: { nanosecs: 999_999_999 } }, "monotonic 0 999999999\nboottime 0 0\n"],
    ] as const) {
      const bundle = scope.bundle(["/bin/cat", "/proc/self/timens_offsets"], (config) => {
        config.linux.namespaces.push({ type: "time" });
        config.linux["timeOffsets"] = offsets;
      });
      const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(stdout.replaceAll(/ +/g, " "), shown);
    }
  }),
);

test(
  "create [time offset before the machine's start]",
  limits,
  scoped("timebad", [], async (scope) => {
    const bundle = scope.bundle("true", (config) => {
      config.linux.namespaces.push({ type: "time" });
      config.linux["timeOffsets"] = { boottime: { secs: -1_000_000_000, nanosecs: 0 } };
    });
    const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /timeOffsets/);
    assert.match(outcome.stderr, /ERANGE/);
    assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
  }),
);

test(
  "run [user namespace: a file of the machine's root shows as nobody's and stays closed]",
  limits,
  scoped("nobody", ["userNamespaces"], async (scope) => {
    const bundle = scope.bundle("stat -c '%u:%g' /etc/closed; cat /etc/closed 2>&1 | sed 's/.*: //'", () => {}, ids);
    writeFileSync(`${bundle.rootfs}/etc/closed`, "secret\n", { mode: 0o600 });
    chownSync(`${bundle.rootfs}/etc/closed`, 1, 1);
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "65534:65534\nPermission denied\n");
  }),
);
