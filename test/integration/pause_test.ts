/**
 * `pause` and `resume`, and what the other commands do to a paused container.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { stateOf } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { cgroupsNamed, processesIn } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { type Scope, scoped } from "../support/scope.ts";

const views = [
  ["host", "cgroup1"],
  ["v2", "cgroup2"],
] as const;

const counts = "trap 'echo got' USR1; i=0; while :; do i=$((i+1)); echo $i > /count; /bin/sleep 0.01; done";

for (const [view, need] of views) {
  const named = (title: string): string => `${title} (${view === "v2" ? "cgroup v2" : "cgroup v1"})`;
  const statusOf = async (scope: Scope, id: string): Promise<string> => (await stateOf(scope, id, { view })).status;
  const count = (rootfs: string): string =>
    existsSync(`${rootfs}/count`) ? readFileSync(`${rootfs}/count`, "utf8") : "";

  /** A container that counts in a file. */
  const counting = async (scope: Scope): Promise<{ id: string; now: () => string }> => {
    const bundle = scope.bundle(counts);
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id], { view });
    await until("the count", () => count(bundle.rootfs) !== "");
    return { id, now: () => count(bundle.rootfs) };
  };

  test(
    named("pause, resume [every process stands still, and goes on]"),
    limits,
    scoped("pause", [need], async (scope) => {
      const { id, now } = await counting(scope);
      await scope.succeed(["pause", id], { view });
      assert.equal(await statusOf(scope, id), "paused");
      const { stdout } = await scope.succeed(["list"], { view });
      assert.match(stdout, /\bpaused\b/);
      const before = now();
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(now(), before);
      await scope.succeed(["resume", id], { view });
      assert.equal(await statusOf(scope, id), "running");
      await until("the count to go on", () => now() !== before && now() !== "");
    }),
  );

  test(
    named("pause, resume [in the wrong state: an error and no effect]"),
    limits,
    scoped("states", [need], async (scope) => {
      const { id } = await counting(scope);
      const fails = async (words: string[], message: RegExp): Promise<void> => {
        const outcome = await scope.invoke(words, { view });
        assert.equal(outcome.status, words[0] === "exec" ? 255 : 1, words.join(" "));
        assert.match(outcome.stderr, message);
      };
      await fails(["resume", id], /container not paused/);
      await fails(["pause", "none-of-that-name"], /container does not exist/);
      await scope.succeed(["pause", id], { view });
      await fails(["pause", id], /paused already/);
      await fails(["start", id], /Cannot start container .* in state paused/);
      await fails(["exec", id, "/bin/true"], /cannot exec in a paused container/);
      await fails(["delete", id], /not stopped: paused/);
      assert.equal(await statusOf(scope, id), "paused");
      await scope.succeed(["resume", id], { view });
      await scope.succeed(["kill", id, "KILL"], { view });
      await until("its end", () => cgroupsNamed(scope.tag).flatMap(processesIn).length === 0);
      await fails(["pause", id], /container not running/);
    }),
  );

  test(
    named("pause [a created container: start is refused until it is resumed]"),
    limits,
    scoped("created", [need], async (scope) => {
      const bundle = scope.bundle(["/bin/sleep", "1000"]);
      const id = scope.id();
      await scope.succeed(["create", "--bundle", bundle.path, id], { view });
      await scope.succeed(["pause", id], { view });
      assert.equal(await statusOf(scope, id), "paused");
      assert.equal((await scope.invoke(["start", id], { view })).status, 1);
      await scope.succeed(["resume", id], { view });
      assert.equal(await statusOf(scope, id), "created");
      await scope.succeed(["start", id], { view });
      assert.equal(await statusOf(scope, id), "running");
    }),
  );

  test(
    named("kill [a paused container: KILL ends it, others wait until it is resumed]"),
    limits,
    scoped("killing", [need], async (scope) => {
      const bundle = scope.bundle("trap 'echo got > /got' USR1; echo > /ready; while :; do /bin/sleep 0.01; done");
      const id = scope.id();
      await scope.succeed(["run", "--detach", "--bundle", bundle.path, id], { view });
      await until("the trap", () => existsSync(`${bundle.rootfs}/ready`));
      await scope.succeed(["pause", id], { view });
      await scope.succeed(["kill", id, "USR1"], { view });
      await scope.succeed(["kill", "--all", id, "USR2"], { view });
      assert.equal(await statusOf(scope, id), "paused");
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(existsSync(`${bundle.rootfs}/got`), false);
      await scope.succeed(["kill", id, "KILL"], { view });
      await until("its end", () => cgroupsNamed(scope.tag).flatMap(processesIn).length === 0);
      assert.equal(await statusOf(scope, id), "stopped");
      await scope.succeed(["delete", id], { view });
      assert.deepEqual(cgroupsNamed(scope.tag), []);
    }),
  );

  test(
    named("kill --all [every process, forks included; without a pid namespace]"),
    limits,
    scoped("all", [need], async (scope) => {
      const bundle = scope.bundle("for i in 1 2 3; do /bin/sleep 1000 & done; echo > /ready; wait", (config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
      });
      for (const signal of ["TERM", "KILL"]) {
        const id = scope.id();
        await scope.succeed(["run", "--detach", "--bundle", bundle.path, id], { view });
        await until("its children", () => processesIn(cgroupsNamed(scope.tag)[0]!).length === 4);
        if (signal === "KILL") await scope.succeed(["pause", id], { view });
        await scope.succeed(["kill", "--all", id, signal], { view });
        await until("their end", () => cgroupsNamed(scope.tag).flatMap(processesIn).length === 0);
        await scope.succeed(["kill", "--all", id, signal], { view });
        await scope.succeed(["delete", id], { view });
      }
    }),
  );

  test(
    named("create [a cgroup that is there and frozen: refused at once]"),
    limits,
    scoped("frozen", [need], async (scope) => {
      const name = `${scope.tag}-frozen`;
      const unified = existsSync("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
      const place = view === "v2" ? `${unified}/${name}` : `/sys/fs/cgroup/freezer/${name}`;
      const [file, on, off] = view === "v2" ? ["cgroup.freeze", "1", "0"] : ["freezer.state", "FROZEN", "THAWED"];
      mkdirSync(place);
      writeFileSync(`${place}/${file}`, on!);
      const bundle = scope.bundle("true", (config) => {
        config.linux.cgroupsPath = `/${name}`;
      });
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { view });
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, /its cgroup is frozen[^]*\/linux\/cgroupsPath/);
      assert.ok(existsSync(place), "it was there before");
      writeFileSync(`${place}/${file}`, off!);
    }),
  );

  test(
    named("delete --force [a paused container]"),
    limits,
    scoped("delete", [need], async (scope) => {
      const { id } = await counting(scope);
      await scope.succeed(["pause", id], { view });
      const started = Date.now();
      await scope.succeed(["delete", "--force", id], { view });
      assert.ok(Date.now() - started < 5000);
      assert.deepEqual(cgroupsNamed(scope.tag), []);
    }),
  );
}
