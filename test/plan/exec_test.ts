/** The plan of `exec`: what is joined by whom and in which order, and what the stage never has. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPlan } from "../../src/plan/check.ts";
import { type ExecTarget, planExec } from "../../src/plan/exec.ts";
import type { Host } from "../../src/plan/host.ts";
import type { Plan } from "../../src/plan/types.ts";
import { splitPlan } from "../../src/program/split.ts";
import { parseProcess, parseSpec } from "../../src/spec/mod.ts";
import { callsOf, configText, hostWith, indexOf, textsOf, v2Host } from "./planning.ts";

const everything: ExecTarget["namespaces"] = ["user", "mount", "pid", "ipc", "uts", "network", "cgroup", "time"];
const mappings = [{ containerID: 0, hostID: 100_000, size: 10 }];
const map = { mappings, writer: "direct", pointer: "/linux/uidMappings" } as const;

function planOf(target: Partial<ExecTarget>, process: object = {}, host: Host = v2Host): Plan {
  const plan = planExec(
    parseSpec(configText()),
    parseProcess(JSON.stringify({ cwd: "/", args: ["/bin/true"], ...process })),
    host,
    { id: "web", noNewKeyring: false, preserveFds: 0, console: "none", document: "process file" },
    { pid: 7, namespaces: [], isChrooted: false, cgroups: [], cgroupLayout: "none", ...target },
  );
  checkPlan(plan);
  return plan;
}

/** What enters namespaces and roots, with who does it. */
const entering = (plan: Plan): string[] =>
  callsOf(plan)
    .filter(({ call }) => /^(setns|setgroups|pidfd_send_signal|chroot|fork)$/.test(call))
    .map(({ side, call, args }) => `${side} ${call} ${args.filter((arg) => typeof arg === "string").join(" ")}`.trim());

test("planExec() has the stage enter everything by itself, then fork", () => {
  const plan = planOf({ namespaces: everything, maps: { uid: map, gid: map, setgroups: true } });
  assert.deepEqual(entering(plan), [
    "stage setns CLONE_NEWNS|CLONE_NEWPID|CLONE_NEWIPC|CLONE_NEWUTS|CLONE_NEWNET|CLONE_NEWCGROUP|CLONE_NEWTIME",
    "stage setgroups",
    "stage setns CLONE_NEWUSER",
    "stage setgroups",
    "stage setgroups",
    "stage setgroups",
    "stage fork",
  ]);
});

test("planExec() begins with the user namespace where that gives the rights", () => {
  const user = hostWith({ euid: 1000, egid: 1000, mayMount: false, mayMapIds: false });
  const plan = planOf({ namespaces: ["user", "mount"], maps: { uid: map, gid: map, setgroups: true } }, {}, user);
  assert.equal(entering(plan)[0], "stage setns CLONE_NEWUSER|CLONE_NEWNS");
});

test("planExec() has no stage born into what it enters", () => {
  for (const namespaces of [everything, ["pid"], ["user"]] as const) {
    const plan = planOf({ namespaces, maps: { uid: map, gid: map, setgroups: true } });
    assert.equal(splitPlan(plan).joinsUser, false);
    assert.equal(splitPlan(plan).thread.length, 0);
    assert.equal(splitPlan(plan).adopt !== undefined, (namespaces as readonly string[]).includes("pid"));
  }
});

test("planExec() enters the cgroup namespace with a stage that is born in its cgroup", () => {
  const plan = planOf({ namespaces: ["cgroup"], cgroups: ["/sys/fs/cgroup/web"], cgroupLayout: "v2" });
  assert.ok(indexOf(plan, "CLONE_INTO_CGROUP") < indexOf(plan, "CLONE_NEWCGROUP"));
});

test("planExec() proves that a root opened by pid is the container's", () => {
  const plan = planOf({ isChrooted: true });
  assert.deepEqual(entering(plan).slice(0, 2), ["stage pidfd_send_signal", "stage chroot ."]);
  assert.ok(indexOf(plan, '"/proc/7/root"') < indexOf(plan, "pidfd_send_signal"));
});

test("planExec() makes what others see secret first, and hands it nothing of the host's", () => {
  const maps = { uid: map, gid: map, setgroups: true };
  const plan = planOf({ namespaces: everything, maps, cgroups: ["/sys/fs/cgroup/pids/web"], cgroupLayout: "v1" });
  const texts = textsOf(plan);
  assert.match(texts[indexOf(plan, "clone3(") + 1]!, /^prctl\(PR_SET_DUMPABLE, 0/);
  assert.ok(indexOf(plan, "setns(") > indexOf(plan, "clone3("));
  // The verifier has the rest: what is closed, given up and kept (check_visible.ts).
  assert.ok(indexOf(plan, "close_others(") < indexOf(plan, "fork("));
});

test("planExec() refuses ids that are not mapped", () => {
  const { refusals } = planOf(
    { namespaces: ["user"], maps: { uid: map, gid: map, setgroups: true } },
    { user: { uid: 10, gid: 0 } },
  );
  assert.deepEqual(refusals.map(({ pointer }) => pointer), ["/process/user/uid"]); // prettier-ignore
});

test("planExec() writes the OOM score before the runtime's files belong to the machine's root", () => {
  const user = hostWith({ euid: 1000, mayMount: false });
  const own = planOf({ namespaces: ["pid"] }, { oomScoreAdj: 5 }, user);
  assert.ok(indexOf(own, '"self/oom_score_adj"') < indexOf(own, "PR_SET_DUMPABLE"));
  const root = planOf({ namespaces: ["pid"] }, { oomScoreAdj: 5 });
  assert.ok(indexOf(root, '"oom_score_adj"') > indexOf(root, "clone3"));
});

// MUST config.md#linux-process (execCPUAffinity)
test("planExec() sets the initial processors before the cgroup is entered, the final ones after, and no others", () => {
  const cgroups = ["/cg/cpu/web"];
  const affinityOf = (execCPUAffinity: object, target: Partial<ExecTarget>): [string, string][] =>
    callsOf(planOf(target, { execCPUAffinity }))
      .filter(({ call, args }) => call === "sched_setaffinity" || call === "clone3" || args[1] === "0")
      .map(({ side, call }) => [side, call]);
  const born = ["runtime", "clone3"] as [string, string];
  const initial = ["thread", "sched_setaffinity"] as [string, string];
  const joined = ["stage", "write"] as [string, string];
  const final = ["stage", "sched_setaffinity"] as [string, string];
  const v1 = { cgroups, cgroupLayout: "v1" } as const;
  assert.deepEqual(affinityOf({ initial: "0", final: "1" }, v1), [initial, born, joined, final]);
  assert.deepEqual(affinityOf({ initial: "0" }, v1), [initial, born, joined], "without a final list it is not touched");
  assert.deepEqual(affinityOf({ final: "1" }, v1), [born, joined, final]);
  assert.deepEqual(affinityOf({}, v1), [born, joined]);
  // v2: clone3 makes the stage in its cgroup.
  assert.deepEqual(affinityOf({ initial: "0", final: "1" }, { cgroups: ["/cg/web"], cgroupLayout: "v2" }), [
    initial,
    born,
    final,
  ]);
});

// runc #5343
test("planExec() takes processors beyond the 1024 of a cpu_set_t", () => {
  const plan = planOf({}, { execCPUAffinity: { final: "0,1023-1025,8191" } });
  const [, bytes, mask] = callsOf(plan).find(({ call }) => call === "sched_setaffinity")!.args as [
    number,
    number,
    number[],
  ];
  assert.equal(bytes, 1024, "8192 bits");
  assert.equal(mask.length * 4, bytes);
  const set = mask.flatMap((word, index) =>
    Array.from({ length: 32 }, (_, bit) => bit)
      .filter((bit) => (word >>> bit) & 1)
      .map((bit) => index * 32 + bit),
  );
  assert.deepEqual(set, [0, 1023, 1024, 1025, 8191]);
});
