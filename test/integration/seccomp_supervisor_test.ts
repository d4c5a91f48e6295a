/**
 * Filters with SCMP_ACT_NOTIFY: the supervisor gets the listener and the state, and decides.
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync } from "node:fs";
import test from "node:test";
import { type Config, withoutNamespace } from "../support/config.ts";
import { stateOf } from "../support/containers.ts";
import { type Running, until } from "../support/execute.ts";
import { hold, namespacePath } from "../support/holders.ts";
import { limits } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { native } from "../support/native.ts";
import { type Scope, scoped } from "../support/scope.ts";

interface ProcessState {
  ociVersion: string;
  fds: string[];
  pid: number;
  metadata?: string;
  state: { ociVersion: string; id: string; status: string; pid: number; bundle: string };
}

/** A supervisor for so many processes; where it listens. */
async function supervise(scope: Scope, connections: number): Promise<{ running: Running; path: string }> {
  const directory = `${scope.directory}/supervisor`;
  mkdirSync(directory);
  const path = `${directory}/socket`;
  const running = scope.start([native("supervisor"), path, String(connections)]);
  await until("the supervisor listens", () => running.output().includes("listening"));
  chmodSync(path, 0o777);
  return { running, path };
}

/** What the supervisor was told, connection by connection; each was closed after it. */
function told({ running }: { running: Running }): ProcessState[] {
  const lines = running.output().trim().split("\n").slice(1);
  return lines.map((line) => {
    assert.match(line, / closed$/);
    return JSON.parse(line.slice(0, -" closed".length)) as ProcessState;
  });
}

const withSupervisor =
  (path: string, noNewPrivileges = true) =>
  (config: Config): void => {
    config.process.noNewPrivileges = noNewPrivileges;
    config.linux["seccomp"] = {
      defaultAction: "SCMP_ACT_ALLOW",
      listenerPath: path,
      listenerMetadata: 'say "so"',
      flags: ["SECCOMP_FILTER_FLAG_TSYNC"],
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }],
    };
  };

// MUST config-linux.md#containerprocessstate
for (const noNewPrivileges of [true, false]) {
  test(
    `create, start, exec [seccomp supervisor, ${noNewPrivileges ? "with" : "without"} no_new_privs]`,
    limits,
    scoped("supervisor", [], async (scope) => {
      const supervisor = await supervise(scope, 2);
      const bundle = scope.bundle(
        "mkdir /tmp/x 2>/tmp/said; exec sleep 1000",
        withSupervisor(supervisor.path, noNewPrivileges),
      );
      const id = scope.id();
      await scope.succeed(["create", "--bundle", bundle.path, id]);
      const { pid } = await stateOf(scope, id);
      await until("the supervisor is told", () => told(supervisor).length === 1);
      const [created] = told(supervisor);
      assert.deepEqual(created!.fds, ["seccompFd"]);
      assert.equal(created!.ociVersion, bundle.config.ociVersion);
      assert.equal(created!.state.ociVersion, bundle.config.ociVersion);
      assert.deepEqual(Object.keys(created!).toSorted(), ["fds", "metadata", "ociVersion", "pid", "state"]);
      assert.equal(created!.metadata, 'say "so"');
      assert.equal(created!.pid, pid);
      assert.equal(created!.state.id, id);
      assert.equal(created!.state.pid, pid);
      assert.equal(created!.state.status, "creating");
      assert.equal(created!.state.bundle, bundle.path);

      await scope.succeed(["start", id]);
      const outcome = await scope.succeed([
        "exec",
        id,
        "/bin/sh",
        "-c",
        "until [ -s /tmp/said ]; do :; done; cat /tmp/said; mkdir /tmp/y 2>&1; ls /tmp",
      ]);
      assert.match(outcome.stdout, /^.*x.*quota exceeded\n.*y.*quota exceeded\nsaid\n$/i);
      const [, executed] = told(supervisor);
      assert.deepEqual(executed!.fds, ["seccompFd"]);
      assert.equal(executed!.metadata, 'say "so"');
      assert.equal(executed!.state.pid, pid);
      assert.equal(executed!.state.status, "running");
      assert.notEqual(executed!.pid, pid);
      assert.ok(executed!.pid > 1);
    }),
  );
}

test(
  "run [seccomp supervisor that is asked about whatever the runtime does]",
  limits,
  scoped("supervisor-all", [], async (scope) => {
    const supervisor = await supervise(scope, 1);
    const bundle = scope.bundle("mkdir /tmp/x 2>&1; true", (config) => {
      withSupervisor(supervisor.path)(config);
      const names = ["mkdir", "mkdirat", "sendmsg", "write", "writev", "close"];
      Object.assign(config.linux["seccomp"] as object, { syscalls: [{ names, action: "SCMP_ACT_NOTIFY" }] });
    });
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(told(supervisor).length, 1);
  }),
);

// The runtime lets the stage's own calls go on, by which the process comes to be that the supervisor is told of.
for (const noNewPrivileges of [true, false]) {
  test(
    `exec [seccomp supervisor that is asked about making processes, ${noNewPrivileges ? "with" : "without"} no_new_privs]`,
    limits,
    scoped("supervisor-clone", [], async (scope) => {
      const supervisor = await supervise(scope, 2);
      const bundle = scope.bundle(["/bin/sleep", "1000"], (config) => {
        withSupervisor(supervisor.path, noNewPrivileges)(config);
        const names = ["clone", "clone3", "mkdir", "mkdirat"];
        Object.assign(config.linux["seccomp"] as object, { syscalls: [{ names, action: "SCMP_ACT_NOTIFY" }] });
      });
      const id = scope.id();
      await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
      const outcome = await scope.invoke(["exec", id, "/bin/mkdir", "/tmp/y"]);
      assert.match(outcome.stderr, /mkdir: .*quota exceeded/i);
      assert.equal(outcome.status, 1);
      await until("the supervisor is told", () => told(supervisor).length === 2);
      assert.equal(told(supervisor)[1]!.state.status, "running");
    }),
  );
}

// Its pid is known later there: the stage forks before it is what it will be.
test(
  "run, exec [seccomp supervisor, in a user namespace that is joined]",
  limits,
  scoped("supervisor-joined", ["hostMounts", "userNamespaces"], async (scope) => {
    const supervisor = await supervise(scope, 2);
    const holder = await hold(scope, ["user"], { ids: mappedIds });
    const bundle = scope.bundle("exec sleep 1000", withSupervisor(supervisor.path, false), { ids: mappedIds });
    withoutNamespace(bundle.config, "user");
    bundle.config.linux.namespaces.push({ type: "user", path: namespacePath(holder, "user") });
    delete bundle.config.linux["uidMappings"];
    delete bundle.config.linux["gidMappings"];
    bundle.save();
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    const { pid } = await stateOf(scope, id);
    const outcome = await scope.succeed(["exec", id, "/bin/sh", "-c", "mkdir /tmp/y 2>&1; true"]);
    assert.match(outcome.stdout, /quota exceeded/i);
    await until("the supervisor is told", () => told(supervisor).length === 2);
    const [created, executed] = told(supervisor);
    assert.equal(created!.pid, pid);
    assert.equal(executed!.state.pid, pid);
    assert.notEqual(executed!.pid, pid);
  }),
);

// MUST config-linux.md#seccomp: an error where the supervisor cannot be reached
test(
  "run [seccomp supervisor that is not there]",
  limits,
  scoped("supervisor-gone", [], async (scope) => {
    const bundle = scope.bundle("true", withSupervisor(`${scope.directory}/nobody`));
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /connect\(.*ENOENT/);
    assert.match(outcome.stderr, /asked by +config.json \/linux\/seccomp\/listenerPath/);
    assert.match(outcome.stderr, /there is no such socket/);
  }),
);

// MUST config-linux.md#seccomp: listenerPath is ignored where no rule asks
test(
  "run [seccomp supervisor that nothing asks]",
  limits,
  scoped("supervisor-idle", [], async (scope) => {
    const bundle = scope.bundle("echo ran", (config) => {
      config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: `${scope.directory}/nobody` };
    });
    assert.equal((await scope.succeed(["run", "--bundle", bundle.path, scope.id()])).stdout, "ran\n");
  }),
);
