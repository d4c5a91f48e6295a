/**
 * Everything as an ordinary user without any privilege, who has $XDG_RUNTIME_DIR and nothing else.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type Config, hookKinds, withoutNamespace } from "../support/config.ts";
import { stateOf } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { hold, namespaceOf, namespacePath } from "../support/holders.ts";
import { snapshot, tree } from "../support/leftovers.ts";
import { limits, type Need } from "../support/machine.ts";
import { forOneId, singleId } from "../support/mode.ts";
import { native } from "../support/native.ts";
import { type InvokeOptions, type Scope, scoped as scopedAsRoot } from "../support/scope.ts";
import { asUser, noHelp, type OrdinaryUser, ordinaryId, usualUser } from "../support/user.ts";

type Body = (scope: Scope) => Promise<void>;

const scoped = (name: string, needs: readonly Need[], body: Body, user: OrdinaryUser = usualUser) =>
  scopedAsRoot(name, needs, body, user);

/** No --root: the state directory is the one that every command finds by itself. */
const own: InvokeOptions = { ownRoot: true };

test(
  "create, state, list, start, kill, delete (rootless)",
  limits,
  scoped("life", [], async (scope) => {
    const before = snapshot(scope.tag, scope.directory, scope.root);
    const bundle = scope.bundle("trap 'exit 0' TERM; echo ready > /tmp/ready; while :; do sleep 0.02; done");
    const id = scope.id();
    const state = () => stateOf(scope, id, own);
    await scope.succeed(["create", "--bundle", bundle.path, id], own);
    assert.equal((await state()).status, "created");
    const place = `${scope.directory}/run/bunker`;
    assert.deepEqual(readdirSync(place), [id]);
    assert.equal(statSync(place).uid, ordinaryId);
    assert.equal(statSync(place).mode & 0o777, 0o700);
    assert.match((await scope.succeed(["list"], own)).stdout, new RegExp(`${id} .*created`));
    await scope.succeed(["start", id], own);
    await until("the program", () => existsSync(`${bundle.rootfs}/tmp/ready`));
    const { status, pid } = await state();
    assert.equal(status, "running");
    assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), new RegExp(`^Uid:(\t${ordinaryId}){4}$`, "m"));
    assert.equal((await scope.invoke(["delete", id], own)).status, 1, "a running container is not deleted");
    await scope.succeed(["kill", id, "TERM"], own);
    await until("the end", async () => (await state()).status === "stopped");
    await scope.succeed(["delete", id], own);
    assert.deepEqual(tree(place), []);
    const after = snapshot(scope.tag, scope.directory, scope.root);
    assert.deepEqual(after, before);
  }),
);

test(
  "hooks [each kind, as the user] (rootless)",
  limits,
  scoped("hooks", [], async (scope) => {
    const bundle = scope.bundle("echo program >> /log/order");
    mkdirSync(`${bundle.rootfs}/log`, { mode: 0o777 });
    bundle.config.hooks = {};
    for (const kind of hookKinds) {
      const log = kind === "startContainer" ? "/log" : `${bundle.rootfs}/log`;
      const text = `cat > ${log}/${kind}; echo ${kind} $(id -u) >> ${log}/order`;
      bundle.config.hooks[kind] = [{ path: "/bin/sh", args: ["sh", "-c", text], env: ["PATH=/usr/bin:/bin"] }];
    }
    bundle.save();
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
    const lines = readFileSync(`${bundle.rootfs}/log/order`, "utf8").trim().split("\n");
    assert.deepEqual(
      lines.filter((line) => !/^(program|poststart)/.test(line)),
      [
        `prestart ${ordinaryId}`,
        `createRuntime ${ordinaryId}`,
        "createContainer 0",
        "startContainer 0",
        `poststop ${ordinaryId}`,
      ],
    );
    assert.ok(lines.includes(`poststart ${ordinaryId}`));
    assert.match(readFileSync(`${bundle.rootfs}/log/createRuntime`, "utf8"), /"status": *"creating"/);
  }),
);

test(
  "create --console-socket (rootless)",
  limits,
  scoped("console", ["compiler"], async (scope) => {
    const bundle = scope.bundle(
      "tty; echo owner $(stat -c %u /dev/pts/0); read line; echo line=$line; exit 9",
      (config) => {
        config.process.terminal = true;
      },
    );
    const socket = `${scope.directory}/console.sock`;
    // Root makes the socket, and any user may connect: the test's directory is closed to others.
    const listener = scope.start([
      "/bin/sh",
      "-c",
      'umask 0; exec "$@"',
      "sh",
      native("pty"),
      "listen",
      socket,
      "expect:owner 0",
      "send:hello\n",
      "expect:line=hello",
    ]);
    await until("the listener", () => existsSync(socket));
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, "--console-socket", socket, id], own);
    await scope.succeed(["start", id], own);
    const terminal = await listener.done;
    assert.equal(terminal.status, 0, terminal.stderr + terminal.stdout);
    assert.match(terminal.stdout, /\/dev\/pts\/0/);
  }),
);

test(
  "run [terminal in the foreground] (rootless)",
  limits,
  scoped("terminal", ["compiler"], async (scope) => {
    const bundle = scope.bundle(["/bin/sh"], (config) => {
      config.process.terminal = true;
      config.process.env.push("PS1=prompt> ");
    });
    const argv = scope.argv(["run", "--bundle", bundle.path, scope.id()]);
    const words = [
      "expect:prompt> ",
      "send:stty size; id -u; tty\n",
      "expect:24 80",
      "expect:/dev/pts/0",
      "send:exit 5\n",
    ];
    const outcome = await scope.start([native("pty"), "run", "24", "80", ...words, "--", ...argv]).done;
    assert.equal(outcome.status, 5, outcome.stderr + outcome.stdout);
  }),
);

test(
  "run [kernel parameters of the container's namespaces] (rootless)",
  limits,
  scoped("sysctl", [], async (scope) => {
    const bundle = scope.bundle("cd /proc/sys; cat net/ipv4/ip_unprivileged_port_start kernel/msgmax", (config) => {
      config.linux["sysctl"] = { "net.ipv4.ip_unprivileged_port_start": "80", "kernel.msgmax": "4321" };
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
    assert.equal(outcome.stdout, "80\n4321\n");
  }),
);

test(
  "run [a cgroup path that the user may not make, no limits asked for] (rootless)",
  limits,
  scoped("cgroup", [], async (scope) => {
    const bundle = scope.bundle("echo fine", (config) => {
      config.linux.cgroupsPath = `/${scope.tag}-mine`;
      config.linux["resources"] = { devices: [{ allow: false, access: "rwm" }] };
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
    assert.equal(outcome.stdout, "fine\n");
  }),
);

test(
  "run [the machine's network: /sys is the machine's, read-only] (rootless)",
  limits,
  scoped("hostnet", [], async (scope) => {
    const bundle = scope.bundle(
      "[ -d /sys/class/net/lo ] && echo there; for p in /sys /sys/kernel; do touch $p/x 2>/dev/null && echo writable $p; done; " +
        "grep ' /sys ' /proc/self/mountinfo | cut -d ' ' -f 6",
      (config) => {
        withoutNamespace(config, "network");
        config.mounts = config.mounts.filter(({ destination }) => destination !== "/sys/fs/cgroup");
      },
    );
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
    assert.match(outcome.stdout, /^there\nro,/);
  }),
);

test(
  "run --detach, kill --all, delete --force (rootless)",
  limits,
  scoped("detach", [], async (scope) => {
    const bundle = scope.bundle("sleep 1000 & exec sleep 1001");
    const id = scope.id();
    const pidFile = `${scope.directory}/pid`;
    await scope.succeed(["run", "--detach", "--pid-file", pidFile, "--bundle", bundle.path, id], own);
    const pid = Number(readFileSync(pidFile, "utf8"));
    assert.ok(existsSync(`/proc/${pid}`));
    await scope.succeed(["delete", "--force", id], own);
    await until("the end", () => !existsSync(`/proc/${pid}`));
    assert.deepEqual(tree(`${scope.directory}/run/bunker`), []);
  }),
);

test(
  "spec --rootless, run [what it writes runs] (rootless)",
  limits,
  scoped(
    "spec",
    [],
    async (scope) => {
      const bundle = scope.bundle();
      rmSync(`${bundle.path}/config.json`);
      await scope.succeed(["spec", "--rootless", "--bundle", bundle.path], own);
      const config = JSON.parse(readFileSync(`${bundle.path}/config.json`, "utf8")) as Config;
      assert.deepEqual(config.linux["uidMappings"], singleId);
      assert.deepEqual(config.linux["gidMappings"], singleId);
      config.process.terminal = false;
      config.process.args = ["/bin/sh", "-c", "tr -s ' ' < /proc/self/uid_map; cat /proc/self/setgroups; id -u"];
      Object.assign(bundle.config, config);
      writeFileSync(`${bundle.path}/config.json`, JSON.stringify(config));
      const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
      assert.equal(outcome.stdout, ` 0 ${ordinaryId} 1\ndeny\n0\n`);
    },
    noHelp,
  ),
);

test(
  "run [the program has no way to more: capabilities, files, other users' processes] (rootless)",
  limits,
  scoped("rights", [], async (scope) => {
    const bundle = scope.bundle(
      "kill -0 1 && echo own; mount -t tmpfs x /mnt 2>/dev/null && echo mounts; mknod /tmp/null c 1 3 2>/dev/null && echo node; " +
        "grep -E '^Cap(Eff|Bnd)' /proc/self/status | cut -f 2",
    );
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
    assert.match(outcome.stdout, /^own\n(?:[0-9a-f]{16}\n){2}$/);
    assert.match(outcome.stdout, /\n0000000020000420\n/);
  }),
);

test(
  "run [joined user and network namespaces of the user's own] (rootless)",
  limits,
  scoped("join", [], async (scope) => {
    await scope.invoke(["list"], own); // the user's files
    const holder = await hold(scope, ["user", "network", "uts", "ipc"], {
      before: asUser,
      options: ["--map-root-user"],
      lines: "hostname held",
    });
    const bundle = scope.bundle(
      "hostname; readlink /proc/self/ns/net; readlink /proc/self/ns/user; id -u",
      (config) => {
        forOneId(config);
        for (const kind of ["network", "uts", "ipc"] as const) withoutNamespace(config, kind);
        delete config.hostname;
        for (const kind of ["network", "uts", "ipc", "user"] as const) {
          config.linux.namespaces.push({ type: kind, path: namespacePath(holder, kind) });
        }
      },
      { ids: "none" },
    );
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own);
    assert.equal(outcome.stdout, `held\n${namespaceOf(holder, "network")}\n${namespaceOf(holder, "user")}\n0\n`);
  }),
);

test(
  "run [time namespace with offsets] (rootless)",
  limits,
  scoped("time", [], async (scope) => {
    const bundle = scope.bundle(["/bin/cut", "-d", ".", "-f", "1", "/proc/uptime"], (config) => {
      config.linux.namespaces.push({ type: "time" });
      config.linux["timeOffsets"] = { boottime: { secs: 1_000_000, nanosecs: 0 } };
    });
    const before = Number(readFileSync("/proc/uptime", "utf8").split(".")[0]);
    const seen = Number((await scope.succeed(["run", "--bundle", bundle.path, scope.id()], own)).stdout);
    assert.ok(seen >= before + 1_000_000 && seen < before + 1_000_060, `${before} ${seen}`);
  }),
);
