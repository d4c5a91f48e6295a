/**
 * NOTIFY_SOCKET: what a container's program says to sd_notify(3) reaches the service manager.
 * @module
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import test from "node:test";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { native } from "../support/native.ts";
import { type Bundle, type Scope, scoped } from "../support/scope.ts";

/** A container whose program says that it is ready after half a second. */
function notifying(scope: Scope, text = "STATUS=up\nREADY=1"): Bundle {
  const bundle = scope.bundle(`sleep 0.5; echo "$NOTIFY_SOCKET"; exec /bin/notify send "${text}"`);
  copyFileSync(native("notify"), `${bundle.rootfs}/bin/notify`);
  return bundle;
}

const manage = (scope: Scope, socket: string) => scope.start([native("notify"), "receive", socket]);

const bound = async (socket: string): Promise<void> =>
  void (await until("the manager's socket", () => readFileSync("/proc/net/unix", "utf8").includes(socket)));

test(
  "run --detach, run [NOTIFY_SOCKET: READY=1 and MAINPID arrive, then a barrier]",
  limits,
  scoped("notify-run", ["compiler"], async (scope) => {
    for (const [index, words] of [["--detach"], []].entries()) {
      const socket = index === 0 ? `${scope.directory}/manager` : `@${scope.tag}`;
      const manager = manage(scope, socket);
      await bound(socket);
      const id = scope.id();
      const pidFile = `${scope.directory}/pid${index}`;
      const bundle = notifying(scope);
      const outcome = await scope.invoke(["run", ...words, "--pid-file", pidFile, "--bundle", bundle.path, id], {
        env: { NOTIFY_SOCKET: socket },
      });
      assert.equal(outcome.status, 0, outcome.stderr);
      const { stdout, status } = await manager.done;
      assert.equal(status, 0);
      assert.equal(stdout, `MAINPID=${readFileSync(pidFile, "utf8")}\nREADY=1\n\n--\nBARRIER=1\n--\n`);
      if (index === 1) assert.equal(outcome.stdout, "/run/notify/notify.sock\n");
    }
  }),
);

test(
  "create, start [NOTIFY_SOCKET: start waits; other operations go on meanwhile]",
  limits,
  scoped("notify-start", ["compiler"], async (scope) => {
    const socket = `${scope.directory}/manager`;
    const manager = manage(scope, socket);
    await bound(socket);
    const id = scope.id();
    const env = { NOTIFY_SOCKET: socket };
    await scope.succeed(["create", "--bundle", notifying(scope).path, id], { env });
    const starting = scope.launch(["start", id], { env });
    await until("it runs", async () => (await scope.invoke(["state", id])).stdout.includes('"running"'));
    assert.equal(manager.output(), "");
    assert.equal((await starting.done).status, 0);
    assert.match((await manager.done).stdout, /^MAINPID=\d+\nREADY=1\n\n--\nBARRIER=1/);
    await until("it has ended", async () => (await scope.invoke(["state", id])).stdout.includes('"stopped"'));
    await scope.succeed(["delete", id]);
    assert.ok(!existsSync(`${scope.root}/${id}`));
  }),
);

test(
  "run [NOTIFY_SOCKET: a program that ends unready; a manager that is not there]",
  limits,
  scoped("notify-none", ["compiler"], async (scope) => {
    const env = { NOTIFY_SOCKET: `${scope.directory}/nobody` };
    const silent = scope.bundle("exit 3");
    assert.equal((await scope.invoke(["run", "--bundle", silent.path, scope.id()], { env })).status, 3);
    const outcome = await scope.invoke(["run", "--bundle", notifying(scope).path, scope.id()], { env });
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.match(outcome.stderr, /Cannot tell ".*nobody" that the container is ready: ENOENT/);
    const ignored = scope.bundle('test -z "$NOTIFY_SOCKET" && test ! -e /run/notify');
    await scope.succeed(["run", "--bundle", ignored.path, scope.id()], { env: { NOTIFY_SOCKET: "" } });
  }),
);
