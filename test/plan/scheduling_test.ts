/**
 * Scheduling, I/O priority, memory policy of the process, by whoever has the right. Output: none.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { callsOf, indexOf, planOf, textsOf } from "./planning.ts";

const process = {
  scheduler: { policy: "SCHED_FIFO", priority: 10, flags: ["SCHED_FLAG_RESET_ON_FORK"] },
  ioPriority: { class: "IOPRIO_CLASS_BE", priority: 4 },
};

test("planScheduling() sets scheduler and I/O priority in the stage, before capabilities go", () => {
  const plan = planOf({ process });
  const at = indexOf(
    plan,
    "sched_setattr(0, {size: 48, sched_policy: SCHED_FIFO",
    "SCHED_FLAG_RESET_ON_FORK",
    "priority: 10",
  );
  assert.equal(callsOf(plan)[at]!.side, "stage");
  assert.equal(textsOf(plan)[at + 1], "ioprio_set(IOPRIO_WHO_PROCESS, 0, 16388)");
  assert.ok(at < indexOf(plan, "capset("));
  assert.deepEqual(plan.refusals, []);
});

test("in a user namespace the runtime sets limits and scheduling on the stage's behalf", () => {
  const range = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const rlimits = [{ type: "RLIMIT_NPROC", soft: 100, hard: 100 }];
  const plan = planOf({
    process: { ...process, rlimits },
    linux: { namespaces: [{ type: "mount" }, { type: "user" }], uidMappings: range, gidMappings: range },
  });
  for (const text of ["prlimit64(r, RLIMIT_NPROC", "sched_setattr(r, {", "ioprio_set(IOPRIO_WHO_PROCESS, r,"]) {
    const at = indexOf(plan, text);
    assert.equal(callsOf(plan)[at]?.side, "runtime", text);
    assert.ok(at > indexOf(plan, "wait(LIMITS)") && at < indexOf(plan, "post(LIMITED)"), text);
  }
});

test("planMemoryPolicy() makes a mask of the nodes", () => {
  const policyOf = (memoryPolicy: object): string => {
    const texts = textsOf(planOf({ linux: { namespaces: [{ type: "mount" }], memoryPolicy } }));
    return texts.find((text) => text.startsWith("set_mempolicy(")) ?? "";
  };
  assert.equal(
    policyOf({ mode: "MPOL_BIND", nodes: "0-2,33", flags: ["MPOL_F_STATIC_NODES"] }),
    "set_mempolicy(MPOL_BIND|MPOL_F_STATIC_NODES, [7, 2], 65)",
  );
  assert.equal(policyOf({ mode: "MPOL_DEFAULT", nodes: "" }), "set_mempolicy(MPOL_DEFAULT, NULL, 0)");
  assert.throws(() => policyOf({ mode: "MPOL_BIND", nodes: "0-9999999" }), /\/linux\/memoryPolicy\/nodes/);
});

test("execCPUAffinity is of no concern to the container's first process", () => {
  const plan = planOf({ process: { execCPUAffinity: { initial: "0", final: "1" } } });
  assert.deepEqual(plan.refusals, []);
  assert.equal(indexOf(plan, "sched_setaffinity("), -1);
});
