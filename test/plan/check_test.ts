import assert from "node:assert/strict";
import { test } from "node:test";
import { PlanBuilder } from "../../src/plan/builder.ts";
import { checkPlan } from "../../src/plan/check.ts";
import type { Plan, Register } from "../../src/plan/types.ts";
import { planOf, v1Host } from "./planning.ts";

/** A plan of the calls that `append` makes, the stage made first unless it makes it itself. */
function built(append: (plan: PlanBuilder) => void, isCloned = true): Plan {
  const plan = new PlanBuilder();
  if (isCloned) plan.open("clone3", [{ exit_signal: "SIGCHLD" }]);
  append(plan);
  return plan.build();
}

const open = (plan: PlanBuilder): Register => plan.open("openat", ["AT_FDCWD", "/", "O_PATH", 0]);

/** Bad plan → what the verifier says. */
const bad: Readonly<Record<string, readonly [RegExp, (plan: PlanBuilder) => void]>> = {
  "a register that nobody wrote": [
    /line 1: r1 is read before it is written/,
    (plan) => plan.call("fchdir", [plan.register()]),
  ],
  "a register beyond the last": [/r9 is not one of/, (plan) => plan.call("fchdir", [{ register: 9 }])],
  "a mount attached twice": [
    /the mount of r1 is attached a second time/,
    (plan) => {
      const mount = plan.open("fsmount", [0, "FSMOUNT_CLOEXEC", 0]);
      for (const place of ["/a", "/b"])
        plan.call("move_mount", [mount, "", "AT_FDCWD", place, "MOVE_MOUNT_F_EMPTY_PATH"]);
    },
  ],
  "an unknown call": [/unknown call "mkdir"/, (plan) => plan.call("mkdir", ["a", "0755"])],
  "a call named like a property of every object": [/unknown call "toString"/, (plan) => plan.call("toString", [])],
  "an argument too many": [/fchdir takes 1 arguments but has 2/, (plan) => plan.call("fchdir", [0, 0])],
  "a number for a text": [/argument 1 of chdir is no str: 5/, (plan) => plan.call("chdir", [5])],
  "a text for a descriptor": [/argument 1 of fchdir is no fd: "\/"/, (plan) => plan.call("fchdir", ["/"])],
  "a text with NUL": [/argument 1 of chdir is no str/, (plan) => plan.call("chdir", ["a\0b"])],
  "a lower-case text for flags": [
    /argument 2 of umount2 is no flags: "detach me"/,
    (plan) => plan.call("umount2", [".", "detach me"]),
  ],
  "a field that the structure has not": [
    /has a field "mask" that open_how has not/,
    (plan) => plan.call("openat2", ["AT_FDCWD", "a", { mask: "0" }]),
  ],
  "a number for a structure": [/is no struct open_how/, (plan) => plan.call("openat2", ["AT_FDCWD", "a", 0])],
  "an unknown event": [/argument 1 of post is no flags: "DONE"/, (plan) => plan.on("stage").call("post", ["DONE"])],
  "an unknown errno": [/"enoent" is no errno/, (plan) => plan.call("chdir", ["/"], { allow: ["enoent"] })],
  "a pointer that is none": [/"mounts" is no JSON Pointer/, (plan) => plan.at("mounts").call("chdir", ["/"])],
  "a second clone3": [/clone3 is made once/, (plan) => plan.call("clone3", [{ exit_signal: "SIGCHLD" }])],
  "a result of the stage in the runtime": [
    /r1 is the stage's, the runtime cannot read it/,
    (plan) => {
      const fd = open(plan.on("stage"));
      plan.on("runtime").call("fchdir", [fd]);
    },
  ],
  "a descriptor that the stage does not inherit": [
    /r1 is the runtime's and not inherited/,
    (plan) => {
      const fd = open(plan.on("runtime"));
      plan.on("stage").call("fchdir", [fd]);
    },
  ],
  "an inherited register of the stage": [
    /r1 is inherited but made by the stage/,
    (plan) => plan.inherit(open(plan.on("stage"))),
  ],
  "an inherited register of nobody": [/r1 is inherited but never written/, (plan) => plan.inherit(plan.register())],
  "a register that only one branch writes": [
    /r1 is read before it is written/,
    (plan) => {
      const fd = plan.register();
      plan.alternative({
        attempt: () => plan.into(fd, "openat", ["AT_FDCWD", "a", "O_PATH", 0]),
        branches: [{ on: ["ENOENT"], why: "it is missing" }],
      });
      plan.call("fchdir", [fd]);
    },
  ],
  "a result of the failed attempt in a branch": [
    /r1 is read before it is written/,
    (plan) => {
      const fd = plan.register();
      plan.alternative({
        attempt: () => plan.into(fd, "openat", ["AT_FDCWD", "a", "O_PATH", 0]),
        branches: [{ on: ["ENOENT"], why: "it is missing", items: () => plan.call("fchdir", [fd]) }],
      });
    },
  ],
  "two branches on one errno": [
    /two branches on ENOENT/,
    (plan) => {
      const branch = { on: ["ENOENT"], why: "it is missing" };
      plan.alternative({ attempt: () => plan.call("chdir", ["/"]), branches: [branch, branch] });
    },
  ],
  "a branch without a reason": [
    /does not say why/,
    (plan) => plan.alternative({ attempt: () => plan.call("chdir", ["/"]), branches: [{ on: ["ENOENT"], why: "" }] }),
  ],
  "an alternative without branches": [
    /has no branch/,
    (plan) => plan.alternative({ attempt: () => plan.call("chdir", ["/"]), branches: [] }),
  ],
  "an alternative without attempt": [
    /attempts nothing/,
    (plan) => plan.alternative({ attempt: () => {}, branches: [{ on: ["EPERM"], why: "x" }] }),
  ],
  "an attempt that allows errnos": [
    /may not allow errnos besides/,
    (plan) =>
      plan.alternative({
        attempt: () => plan.call("chdir", ["/"], { allow: ["EPERM"] }),
        branches: [{ on: ["ENOENT"], why: "x" }],
      }),
  ],
  "a line that goes on after whichever error": [
    /line 1: "\*" is no errno/,
    (plan) => plan.call("chdir", ["/"], { allow: ["*"] }),
  ],
  "an alternative over both sides": [
    /holds a call of the runtime/,
    (plan) => {
      plan.on("stage").alternative({
        attempt: () => plan.call("chdir", ["/"]),
        branches: [{ on: ["ENOENT"], why: "x", items: () => plan.on("runtime").call("chdir", ["/"]) }],
      });
    },
  ],
  "a wait for what nobody posts": [
    /waits for MOUNTED, which nobody has posted/,
    (plan) => plan.call("wait", ["MOUNTED"]),
  ],
  "a post that nobody waits for": [
    /HOOKS_DONE is posted by the runtime and nobody waits/,
    (plan) => plan.call("post", ["HOOKS_DONE"]),
  ],
};

for (const [name, [message, append]] of Object.entries(bad)) {
  test(`checkPlan() finds ${name}`, () => {
    assert.throws(() => checkPlan(built(append)), message);
  });
}

test("checkPlan() wants the stage to be made, and made first", () => {
  assert.throws(() => checkPlan(built(() => {}, false)), /no clone3/);
  assert.throws(() => checkPlan(built((plan) => plan.on("stage").call("chdir", ["/"]), false)), /before clone3/);
});

test("checkPlan() finds a field that the runner fills in", () => {
  assert.throws(() => checkPlan(built((plan) => plan.call("clone3", [{ pidfd: 1 }]), false)), /writes "pidfd"/);
});

test("checkPlan() accepts inputs, and registers that every way writes", () => {
  const plan = new PlanBuilder();
  plan.open("clone3", [{ exit_signal: "SIGCHLD" }]);
  plan.on("stage").call("fchdir", [plan.input("console")]);
  const fd = plan.register();
  plan.alternative({
    attempt: () => plan.into(fd, "openat", ["AT_FDCWD", "a", "O_PATH", 0]),
    branches: [
      { on: ["ENOENT"], why: "it is missing", items: () => plan.into(fd, "openat", ["AT_FDCWD", "b", "O_PATH", 0]) },
    ],
  });
  plan.call("fchdir", [fd]);
  checkPlan(plan.build());
});

test("checkPlan() accepts every combination of namespaces, verbs and terminals", () => {
  const types = ["mount", "pid", "network", "ipc", "uts", "cgroup"];
  for (let bits = 0; bits < 1 << types.length; bits++) {
    const namespaces = types.filter((_, index) => (bits >> index) & 1).map((type) => ({ type }));
    for (const verb of ["create", "run"] as const) {
      checkPlan(
        planOf({ linux: { namespaces }, process: { terminal: bits % 3 === 0 } }, v1Host, {
          verb,
          noPivot: bits % 2 === 0,
          console: "socket",
        }),
      );
    }
  }
});
