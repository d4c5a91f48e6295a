/**
 * How the container's process is scheduled: what config.json asks for is what the kernel says of the process.
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { scoped } from "../support/scope.ts";

/** Fields of /proc/PID/stat after the name: 16 is the nice value, 38 the policy (proc_pid_stat(5)). */
const show = "cut -d ' ' -f 19,41 /proc/self/stat";

for (const inUserNamespace of [false, true]) {
  test(
    `run [scheduler and I/O priority${inUserNamespace ? " in a user namespace" : ""}]`,
    limits,
    scoped("scheduler", inUserNamespace ? ["userNamespaces"] : [], async (scope) => {
      const bundle = scope.bundle(
        show,
        (config) => {
          config.process["scheduler"] = { policy: "SCHED_BATCH", nice: -3 };
          config.process["ioPriority"] = { class: "IOPRIO_CLASS_IDLE", priority: 0 };
        },
        inUserNamespace ? { ids: mappedIds } : {},
      );
      const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(stdout, "-3 3\n");
    }),
  );
}

test(
  "run [memory policy of node 0]",
  limits,
  scoped("memory", [], async (scope) => {
    const bundle = scope.bundle("grep -c bind:0 /proc/self/numa_maps", (config) => {
      config.linux["memoryPolicy"] = { mode: "MPOL_BIND", nodes: "0" };
    });
    const { status, stdout, stderr } = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    if (status === 0) assert.notEqual(stdout, "0\n");
    else assert.match(stderr, /set_mempolicy\(MPOL_BIND.*ENOSYS/); // a kernel without NUMA
  }),
);

test(
  "create [a policy the kernel refuses]",
  limits,
  scoped("scheduler", [], async (scope) => {
    const bundle = scope.bundle("true", (config) => {
      config.process["scheduler"] = { policy: "SCHED_DEADLINE", runtime: 20, deadline: 10, period: 5 };
    });
    const { status, stderr } = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
    assert.equal(status, 1);
    assert.match(stderr, /sched_setattr\(0, .*SCHED_DEADLINE.*\/process\/scheduler/s);
  }),
);

test(
  "exec [processors before and after it joins the container]",
  limits,
  scoped("affinity", [], async (scope) => {
    const first = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
    const bundle = scope.bundle("exec sleep 1000");
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    for (const affinity of [{ initial: first }, { final: first }, { initial: first, final: first }]) {
      const file = scope.script("process.json", "");
      writeFileSync(
        file,
        JSON.stringify({
          ...bundle.config.process,
          args: ["/bin/sh", "-c", "grep Cpus_allowed_list /proc/self/status"],
          execCPUAffinity: affinity,
        }),
      );
      const { stdout } = await scope.succeed(["exec", "--process", file, id]);
      assert.equal(stdout.trim(), `Cpus_allowed_list:\t${first}`);
    }
  }),
);
