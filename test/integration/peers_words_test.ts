/**
 * Words and forms that scripts made for crun or runc use, and what both take though nobody has to.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statfsSync } from "node:fs";
import test from "node:test";
import { detached, stateOf, stopped } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { describe, type Scope, scoped } from "../support/scope.ts";

const processesOf = async (scope: Scope, id: string): Promise<number[]> =>
  JSON.parse((await scope.succeed(["ps", "--format", "json", id])).stdout) as number[];

// As runc 1.3.6; without others alive it is an error, as runtime.md#kill says.
test(
  "kill KILL, ps [the first process has ended, others of a shared pid namespace live]",
  limits,
  scoped("left", ["ownCgroups"], async (scope) => {
    const bundle = scope.bundle("sleep 1001 & sleep 1002 & exit 0", (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    });
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    await stopped(scope, id);
    assert.equal((await processesOf(scope, id)).length, 2);
    const term = await scope.invoke(["kill", id, "TERM"]);
    assert.match(term.stderr, /container not running/);
    assert.equal((await processesOf(scope, id)).length, 2);
    await scope.succeed(["kill", id, "KILL"]);
    await until("their end", async () => (await processesOf(scope, id)).length === 0);
    const again = await scope.invoke(["kill", id, "KILL"]);
    assert.deepEqual([again.status, again.stdout], [1, ""]);
    assert.match(again.stderr, /container not running/);
  }),
);

test(
  "kill --regex, delete --regex [every container whose id matches, and no other]",
  limits,
  scoped("regex", [], async (scope) => {
    const bundle = scope.bundle(["sleep", "1000"], (config) => {
      delete config.linux.cgroupsPath; // each container's own, by its id
    });
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) ids.push((await detached(scope, bundle)).id);
    const [one, two, three] = ids as [string, string, string];
    await scope.succeed(["kill", "--regex", `(${one}|${two})$`, "KILL"]);
    await stopped(scope, one);
    await stopped(scope, two);
    assert.equal((await stateOf(scope, three)).status, "running");
    const refused = await scope.invoke(["delete", "--regex", "."]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /that is not stopped: running/);
    assert.deepEqual(
      ids.filter((id) => existsSync(`${scope.root}/${id}`)),
      [three],
    );
    await scope.succeed(["delete", "-r", "-f", `^${scope.tag}`]);
    assert.equal(existsSync(`${scope.root}/${three}`), false);
    await scope.succeed(["delete", "--regex", "nobody"]);
    const wrong = await scope.invoke(["delete", "--regex", "("]);
    assert.match(wrong.stderr, /^bunker: Invalid regular expression "\("/);
  }),
);

test(
  "spec --file, --log-level, Usage [crun's]",
  limits,
  scoped("words", [], async (scope) => {
    const directory = `${scope.directory}/b`;
    mkdirSync(directory);
    await scope.succeed(["spec", "--bundle", directory, "--file", "other.json"]);
    assert.equal(existsSync(`${directory}/config.json`), false);
    const types = (
      JSON.parse(readFileSync(`${directory}/other.json`, "utf8")) as { linux: { namespaces: { type: string }[] } }
    ).linux.namespaces.map(({ type }) => type);
    // As runc: the container is not to see the machine's tree.
    assert.equal(types.includes("cgroup"), statfsSync("/sys/fs/cgroup").type === 0x63677270);
    const debug = await scope.succeed(["run", "--bundle", scope.bundle().path, scope.id()], {
      global: ["--log-level", "debug"],
    });
    assert.match(debug.stderr, /^bunker: debug: /m);
    const error = await scope.succeed(["run", "--bundle", scope.bundle().path, scope.id()], {
      global: ["--log-level=error"],
    });
    assert.equal(error.stderr, "");
    for (const words of [["--help"], ["run", "--help"]]) {
      assert.match((await scope.succeed(words)).stdout, /^Usage: bunker /m, words.join(" "));
    }
  }),
);

test(
  "run [letters that are no access, nice with another policy, mode= on a bind: peers take them]",
  limits,
  scoped("lax", ["ownCgroups"], async (scope) => {
    const bundle = scope.bundle("cut -d ' ' -f 41 /proc/self/stat; stat -c %a /bound", (config) => {
      config.process["scheduler"] = { policy: "SCHED_IDLE", nice: 5 };
      config.linux["resources"] = {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 1, minor: 3, access: "rwx" },
        ],
      };
      config.mounts.push({
        destination: "/bound",
        type: "bind",
        source: scope.directory,
        options: ["bind", "mode=0777"],
      });
    });
    const words = ["run", "--bundle", bundle.path, scope.id()];
    const outcome = await scope.succeed(words);
    assert.match(outcome.stdout, /^5\n7[01][01]\n$/, describe(words, outcome));
    assert.match(outcome.stderr, /warning: \/mounts\/\d+\/options: "mode=0777" has no effect on a bind mount/);
  }),
);
