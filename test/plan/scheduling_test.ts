/**
 * Scheduling, I/O priority, memory policy of the process, by whoever has the right. Output: none.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { constants } from "../../syscalls/generated/constants.ts";
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

const schedulerOf = (scheduler: object): string =>
  textsOf(planOf({ process: { scheduler } })).find((text) => text.startsWith("sched_setattr("))!;

// linux/sched.h; Linux has no name for SCHED_ISO, which nobody implemented
test("planScheduling() gives every policy and flag the kernel's number, and 0 for what is not set", () => {
  const policies = { OTHER: 0, FIFO: 1, RR: 2, BATCH: 3, ISO: 4, IDLE: 5, DEADLINE: 6 };
  for (const [name, number] of Object.entries(policies)) {
    const text = schedulerOf({ policy: `SCHED_${name}` });
    const [, policy] = /sched_policy: (\w+), sched_flags: 0, /.exec(text)!;
    assert.equal(Number.isNaN(Number(policy)) ? constants()[policy!] : Number(policy), number, name);
    for (const key of ["nice", "priority", "runtime", "deadline", "period"]) {
      assert.match(text, new RegExp(`sched_${key}: 0[,}]`), `${name} ${key}`);
    }
  }
  const flags = [
    "RESET_ON_FORK",
    "RECLAIM",
    "DL_OVERRUN",
    "KEEP_POLICY",
    "KEEP_PARAMS",
    "UTIL_CLAMP_MIN",
    "UTIL_CLAMP_MAX",
  ];
  flags.forEach((name, bit) => assert.equal(constants()[`SCHED_FLAG_${name}`], 1 << bit, name));
  const all = flags.map((name) => `SCHED_FLAG_${name}`);
  assert.ok(schedulerOf({ policy: "SCHED_OTHER", flags: all }).includes(`sched_flags: ${all.join("|")},`));
  const deadline = schedulerOf({ policy: "SCHED_DEADLINE", runtime: 10, deadline: 20, period: 30 });
  assert.match(deadline, /sched_runtime: 10, sched_deadline: 20, sched_period: 30/);
  assert.match(schedulerOf({ policy: "SCHED_BATCH", nice: -3 }), /sched_nice: -3/);
});

// linux/ioprio.h: the class above 13 bits of the priority
test("planScheduling() gives every class of I/O priority the kernel's number", () => {
  const classes = { RT: 1, BE: 2, IDLE: 3 };
  for (const [name, number] of Object.entries(classes)) {
    for (const priority of [0, 7]) {
      const texts = textsOf(planOf({ process: { ioPriority: { class: `IOPRIO_CLASS_${name}`, priority } } }));
      assert.ok(texts.includes(`ioprio_set(IOPRIO_WHO_PROCESS, 0, ${(number << 13) | priority})`), name);
    }
  }
});

// linux/mempolicy.h
test("planMemoryPolicy() gives every mode and flag the kernel's number", () => {
  const modes = ["DEFAULT", "PREFERRED", "BIND", "INTERLEAVE", "LOCAL", "PREFERRED_MANY", "WEIGHTED_INTERLEAVE"];
  const flags = { NUMA_BALANCING: 13, RELATIVE_NODES: 14, STATIC_NODES: 15 };
  modes.forEach((name, number) => {
    assert.equal(constants()[`MPOL_${name}`], number, name);
    const takesNone = name === "DEFAULT" || name === "LOCAL";
    const memoryPolicy = { mode: `MPOL_${name}`, ...(takesNone ? {} : { nodes: "1" }) };
    const made = textsOf(planOf({ linux: { namespaces: [{ type: "mount" }], memoryPolicy } }));
    assert.ok(made.includes(`set_mempolicy(MPOL_${name}, ${takesNone ? "NULL, 0" : "[2, 0], 65"})`), name);
  });
  for (const [name, bit] of Object.entries(flags)) assert.equal(constants()[`MPOL_F_${name}`], 1 << bit, name);
  assert.equal(indexOf(planOf(), "set_mempolicy"), -1);
});

test("personality is set by its domain, and only where one is asked for", () => {
  for (const [domain, word, number] of [
    ["LINUX", "PER_LINUX", 0],
    ["LINUX32", "PER_LINUX32", 8],
  ] as const) {
    const linux = { namespaces: [{ type: "mount" }], personality: { domain } };
    assert.ok(textsOf(planOf({ linux })).includes(`personality(${word})`));
    assert.equal(constants()[word], number);
  }
  assert.equal(indexOf(planOf(), "personality("), -1);
});
