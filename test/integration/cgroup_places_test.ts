/**
 * Cgroups that are not as the runtime would make them: parents without processors, limits whose order counts, containers
 * that were moved to another cgroup.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import test from "node:test";
import { detached } from "../support/containers.ts";
import { limits } from "../support/machine.ts";
import { describe, scoped } from "../support/scope.ts";

const root = "/sys/fs/cgroup";

// runc fills it, too: nothing can be in an empty one, so nothing else changes
test(
  "run [cgroup v1: the directory above has neither processors nor memory]",
  limits,
  scoped("cpuset", ["cgroup1", "ownCgroups"], async (scope) => {
    const parent = `${root}/cpuset/${scope.tag}-parent`;
    mkdirSync(`${parent}/inner`, { recursive: true });
    scope.defer(() => {
      for (const path of [`${parent}/inner`, parent]) if (existsSync(path)) rmdirSync(path);
    });
    assert.equal(readFileSync(`${parent}/cpuset.cpus`, "utf8").trim(), "");
    const bundle = scope.bundle("cat /proc/self/cgroup", (config) => {
      config.linux.cgroupsPath = `/${scope.tag}-parent/inner/own`;
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "cgroup");
    });
    const words = ["run", "--bundle", bundle.path, scope.id()];
    const outcome = await scope.succeed(words);
    assert.match(outcome.stdout, new RegExp(`cpuset:/${scope.tag}-parent/inner/own$`, "m"), describe(words, outcome));
    for (const path of [parent, `${parent}/inner`]) {
      for (const file of ["cpuset.cpus", "cpuset.mems"])
        assert.equal(readFileSync(`${path}/${file}`, "utf8"), readFileSync(`${root}/cpuset/${file}`, "utf8"), path);
    }
    // What somebody has given stays.
    writeFileSync(`${parent}/inner/cpuset.cpus`, "0");
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(readFileSync(`${parent}/inner/cpuset.cpus`, "utf8"), "0\n");
  }),
);

// The runtime must never be more than the period: which of the two goes first depends on those in force.
test(
  "update --cpu-rt-period --cpu-rt-runtime [cgroup v1: up and down, in whichever order fits]",
  limits,
  scoped("realtime", ["cgroup1", "ownCgroups"], async (scope) => {
    if (!existsSync(`${root}/cpu/cpu.rt_period_us`)) return;
    const bundle = scope.bundle(["/bin/sleep", "1000"]);
    const { id } = await detached(scope, bundle);
    const place = `${root}/cpu${bundle.config.linux.cgroupsPath!}`;
    for (const [period, runtime] of [
      ["1000000", "400000"],
      ["100000", "40000"],
      ["1000000", "400000"],
      ["100000", "20000"],
    ] as const) {
      await scope.succeed(["update", "--cpu-rt-period", period, "--cpu-rt-runtime", runtime, id]);
      assert.deepEqual(
        ["cpu.rt_period_us", "cpu.rt_runtime_us"].map((file) => readFileSync(`${place}/${file}`, "utf8").trim()),
        [period, runtime],
      );
    }
  }),
);

test(
  "exec [cgroup v1: the container was moved, and its own cgroup is gone]",
  limits,
  scoped("moved", ["cgroup1", "ownCgroups"], async (scope) => {
    const bundle = scope.bundle(["/bin/sleep", "1000"], (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "cgroup");
    });
    const { id, pid } = await detached(scope, bundle);
    const own = bundle.config.linux.cgroupsPath!;
    const places = readFileSync(`/proc/${pid}/cgroup`, "utf8")
      .split("\n")
      .filter((line) => line.endsWith(own))
      .map((line) => line.split(":")[1]!.replace("name=", ""));
    assert.ok(places.includes("memory"));
    for (const name of places) {
      const other = `${root}/${name}/${scope.tag}-other`;
      mkdirSync(other);
      for (const file of name === "cpuset" ? ["cpuset.cpus", "cpuset.mems"] : [])
        writeFileSync(`${other}/${file}`, readFileSync(`${root}/cpuset/${file}`, "utf8"));
      writeFileSync(`${other}/cgroup.procs`, String(pid));
      rmdirSync(`${root}/${name}${own}`);
    }
    const outcome = await scope.succeed(["exec", id, "/bin/cat", "/proc/self/cgroup"]);
    for (const name of places) assert.match(outcome.stdout, new RegExp(`${name}:/${scope.tag}-other$`, "m"), name);
    await scope.succeed(["kill", id, "KILL"]);
  }),
);

test(
  "exec [cgroup v2: the container was moved, and its own cgroup is gone]",
  limits,
  scoped("moved", ["cgroup2", "ownCgroups"], async (scope) => {
    const view = "v2";
    const bundle = scope.bundle(["/bin/sleep", "1000"], (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "cgroup");
    });
    const { id, pid } = await detached(scope, bundle, { view });
    const top = existsSync(`${root}/unified/cgroup.procs`) ? `${root}/unified` : root;
    const own = bundle.config.linux.cgroupsPath!;
    mkdirSync(`${top}/${scope.tag}-other`);
    writeFileSync(`${top}/${scope.tag}-other/cgroup.procs`, String(pid));
    rmdirSync(`${top}${own}`);
    const outcome = await scope.succeed(["exec", id, "/bin/cat", "/proc/self/cgroup"], { view });
    assert.match(outcome.stdout, new RegExp(`^0::/${scope.tag}-other$`, "m"));
    await scope.succeed(["kill", id, "KILL"], { view });
  }),
);
