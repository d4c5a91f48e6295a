/**
 * One cgroup, two containers, one after the other or at once; and a cgroup that was there before its container: nobody
 * ends, enters or removes what is another's.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import test from "node:test";
import { withoutNamespace } from "../support/config.ts";
import { stateOf } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { cgroupsNamed } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { type Bundle, type Scope, scoped } from "../support/scope.ts";

const unified = existsSync("/sys/fs/cgroup/unified/cgroup.procs") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";

for (const [view, need] of [
  ["v2", "cgroup2"],
  ["host", "cgroup1"],
] as const) {
  const named = (title: string): string => `${title} (${view})`;
  const top = view === "v2" ? unified : "/sys/fs/cgroup/pids";
  const statusOf = async (scope: Scope, id: string): Promise<string> => (await stateOf(scope, id, { view })).status;
  const inShared = (scope: Scope, args: string[] | string, sharesPids = false): Bundle =>
    scope.bundle(args, (config) => {
      config.linux.cgroupsPath = `/${scope.tag}-shared`;
      if (sharesPids) withoutNamespace(config, "pid");
    });

  // MUST runtime.md#delete: what another container has, stays.
  test(
    named("delete, kill --all [stopped: a container that has its cgroup meanwhile runs on]"),
    limits,
    scoped("shared", [need], async (scope) => {
      const [first, second] = [inShared(scope, ["/bin/true"]), inShared(scope, ["/bin/sleep", "1000"])];
      const [one, two] = [scope.id(), scope.id()];
      await scope.succeed(["run", "--detach", "--bundle", first.path, one], { view });
      await until("its end", async () => (await statusOf(scope, one)) === "stopped");
      await scope.succeed(["run", "--detach", "--bundle", second.path, two], { view });
      for (const signal of ["TERM", "KILL"]) {
        await scope.succeed(["kill", "--all", one, signal], { view });
        assert.equal(await statusOf(scope, two), "running", signal);
      }
      const { stderr } = await scope.succeed(["delete", one], { view });
      assert.match(stderr, /cgroup .*-shared.*(in use|EBUSY)/);
      assert.equal(await statusOf(scope, two), "running");
      assert.equal((await scope.invoke(["state", one], { view })).status, 1);
    }),
  );

  test(
    named("delete [stopped, two state roots, one id: the other's container runs on]"),
    limits,
    scoped("roots", [need], async (scope) => {
      const other = ["--root", `${scope.directory}/other`];
      const [first, second] = [inShared(scope, ["/bin/true"]), inShared(scope, ["/bin/sleep", "1000"])];
      const id = scope.id();
      await scope.succeed(["run", "--detach", "--bundle", first.path, id], { view });
      await until("its end", async () => (await statusOf(scope, id)) === "stopped");
      await scope.succeed(["run", "--detach", "--bundle", second.path, id], { view, global: other });
      scope.defer(async () => void (await scope.invoke(["delete", "--force", id], { view, global: other })));
      await scope.succeed(["delete", "--force", id], { view });
      const { stdout } = await scope.succeed(["state", id], { view, global: other });
      assert.equal((JSON.parse(stdout) as { status: string }).status, "running");
    }),
  );

  test(
    named("run [two at once in one cgroup: one runs, the other is refused and ends nothing]"),
    limits,
    scoped("at-once", [need], async (scope) => {
      const bundle = inShared(scope, ["/bin/sleep", "1000"]);
      for (let round = 0; round < 6; round++) {
        const ids = [scope.id(), scope.id()];
        const running = ids.map((id) => scope.launch(["run", "--detach", "--bundle", bundle.path, id], { view }));
        const outcomes = await Promise.all(running.map(({ done }) => done));
        const winner = outcomes.findIndex(({ status }) => status === 0);
        assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), [0, 1], `round ${round}`);
        assert.match(outcomes[1 - winner]!.stderr, /its cgroup is (not empty|being taken)/);
        await scope.succeed(["delete", "--force", ids[1 - winner]!], { view });
        assert.equal(await statusOf(scope, ids[winner]!), "running", `round ${round}`);
        await scope.succeed(["delete", "--force", ids[winner]!], { view });
      }
    }),
  );

  // MUST runtime.md#delete: "resources … not created by this container MUST NOT be deleted"
  for (const words of [["run"], ["run", "--detach"], ["create"]]) {
    test(
      named(`${words.join(" ")} [a cgroup that was there before stays, and what is below it]`),
      limits,
      scoped("found", [need], async (scope) => {
        const found = `${top}/${scope.tag}-shared`;
        mkdirSync(`${found}/below`, { recursive: true });
        for (const sharesPids of [false, true]) {
          const bundle = inShared(scope, ["/bin/true"], sharesPids);
          const id = scope.id();
          await scope.succeed([...words, "--bundle", bundle.path, id], { view });
          await scope.succeed(["delete", "--force", id], { view });
          assert.ok(existsSync(`${found}/below`), `${sharesPids}`);
          assert.deepEqual(
            cgroupsNamed(scope.tag).filter((path) => !path.startsWith(found)),
            [],
          );
        }
        const failing = inShared(scope, ["/no/such/program"]);
        assert.equal((await scope.invoke(["run", "--bundle", failing.path, scope.id()], { view })).status, 1);
        assert.ok(existsSync(`${found}/below`), "a failed creation");
        rmdirSync(`${found}/below`);
        rmdirSync(found);
      }),
    );
  }
}

test(
  "create [somebody else is about to enter the cgroup: refused]",
  limits,
  scoped("claimed", ["cgroup2"], async (scope) => {
    const path = `${unified}/${scope.tag}-own`;
    mkdirSync(path);
    const holder = scope.start(["flock", path, "sh", "-c", "echo locked; exec sleep 1000"]);
    await until("the lock", () => holder.output() === "locked\n");
    const bundle = scope.bundle(["/bin/true"], (config) => {
      config.linux.cgroupsPath = `/${scope.tag}-own`;
    });
    const id = scope.id();
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, id], { view: "v2" });
    assert.equal(outcome.status, 1);
    assert.match(
      outcome.stderr,
      /Cannot create container: its cgroup is being taken by another\n +asked by +config.json \/linux\/cgroupsPath/,
    );
    assert.ok(existsSync(path));
    assert.equal((await scope.invoke(["state", id], { view: "v2" })).status, 1);
  }),
);
