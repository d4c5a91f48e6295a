/**
 * What the foreground monitor removes when its container has ended, and what it must leave: another container of the same
 * id. And how it does what only the executable can do.
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, existsSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import test from "node:test";
import { stateOf } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { bunker } from "../support/runtime.ts";
import { type Bundle, type Scope, scoped } from "../support/scope.ts";

/** With a poststop hook, the monitor leaves everything to the command `delete`. */
const withHook = (scope: Scope, bundle: Bundle): string => {
  const done = `${scope.directory}/poststop`;
  bundle.config.hooks = { poststop: [{ path: scope.script("hook", `echo ran >> ${done}`) }] };
  bundle.save();
  return done;
};

const isMonitor = (pid: number): boolean => readlinkSync(`/proc/${pid}/exe`).startsWith("/memfd:");

for (const way of ["by itself", "by the command"] as const) {
  test(
    `run [deleted and created anew while the monitor stood still: it leaves the new one alone] (${way})`,
    limits,
    scoped("late", [], async (scope) => {
      const [bundle, other] = [scope.bundle(["/bin/sleep", "1000"]), scope.bundle(["/bin/sleep", "1000"])];
      if (way === "by the command") withHook(scope, bundle);
      const id = scope.id();
      const running = scope.launch(["run", "--bundle", bundle.path, id]);
      await until("the container", async () => {
        const { status, stdout } = await scope.invoke(["state", id]);
        return status === 0 && (JSON.parse(stdout) as { status: string }).status === "running";
      });
      await until("the monitor", () => isMonitor(running.pid));
      process.kill(running.pid, "SIGSTOP");
      await scope.succeed(["delete", "--force", id]);
      await scope.succeed(["run", "--detach", "--bundle", other.path, id]);
      process.kill(running.pid, "SIGCONT");
      assert.equal((await running.done).status, 137);
      assert.equal((await stateOf(scope, id)).status, "running");
    }),
  );
}

test(
  "delete --force [meant for another instance of the id: nothing happens]",
  limits,
  scoped("instance", [], async (scope) => {
    const bundle = scope.bundle(["/bin/sleep", "1000"]);
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    await scope.succeed(["delete", "--force", "--instance", "1:1", id]);
    assert.equal((await stateOf(scope, id)).status, "running");
    const { pid } = await stateOf(scope, id);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    await scope.succeed(["delete", "--force", "--instance", `${pid}:${started}`, id]);
    assert.equal((await scope.invoke(["state", id])).status, 1);
    assert.doesNotMatch((await scope.succeed(["delete", "--help"])).stdout, /instance/);
  }),
);

test(
  "run [the executable is removed meanwhile: poststop hooks run all the same]",
  limits,
  scoped("removed", [], async (scope) => {
    const bundle = scope.bundle("echo ready; while [ ! -e /go ]; do sleep 0.02; done");
    const done = withHook(scope, bundle);
    const path = `${scope.directory}/bunker-copy`;
    copyFileSync(bunker().path, path);
    chmodSync(path, 0o755);
    const id = scope.id();
    const running = scope.launch(["run", "--bundle", bundle.path, id], { runtime: { ...bunker(), path } });
    await until("the program", () => running.output() === "ready\n");
    await until("the monitor", () => isMonitor(running.pid));
    rmSync(path);
    await scope.succeed(["exec", id, "/bin/touch", "/go"]);
    const outcome = await running.done;
    assert.deepEqual([outcome.status, outcome.stderr], [0, ""]);
    assert.equal(readFileSync(done, "utf8"), "ran\n");
    assert.equal(existsSync(`${scope.root}/${id}`), false);
  }),
);

test(
  "run [what is left cannot be removed: said, and the status is the container's]",
  limits,
  scoped("unremoved", [], async (scope) => {
    const bundle = scope.bundle("echo ready; exec sleep 1000");
    withHook(scope, bundle);
    const id = scope.id();
    const running = scope.launch(["run", "--bundle", bundle.path, id]);
    await until("the program", () => running.output() === "ready\n");
    await until("the monitor", () => isMonitor(running.pid));
    const { pid } = await stateOf(scope, id);
    chmodSync(`${scope.root}/${id}`, 0o777);
    process.kill(pid, "SIGKILL");
    const { status, stderr } = await running.done;
    chmodSync(`${scope.root}/${id}`, 0o700);
    assert.equal(status, 137);
    assert.match(
      stderr,
      /^bunker: Cannot remove container "[^"]+", which has ended: try bunker --root .* delete --force /m,
    );
    await scope.succeed(["delete", id]);
  }),
);
