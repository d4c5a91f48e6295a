/**
 * What plans become where calls are missing, beyond the golden plans: what cannot be done, and what must come when.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPlan } from "../../src/plan/check.ts";
import type { OptionalCall } from "../../src/plan/host.ts";
import { withoutMissing } from "../../src/plan/lower.ts";
import { type Change, callsOf, hostWith, indexOf, planOf } from "./planning.ts";

const mountCalls: readonly OptionalCall[] = ["open_tree", "fsopen", "mount_setattr", "move_mount"];
const all: readonly OptionalCall[] = ["openat2", ...mountCalls, "clone3", "close_range"];

const without = (missing: readonly OptionalCall[], change: Change = {}, host = {}) => {
  const plan = planOf(change, hostWith({ ...host, missing }));
  checkPlan(plan);
  return plan;
};

const bind = (...options: string[]): Change => ({ mounts: [{ destination: "/a", source: "/srv", options }] });

test("withoutMissing() leaves a plan alone where nothing is missing", () => {
  const plan = planOf();
  assert.equal(withoutMissing(plan, hostWith({})), plan);
  assert.deepEqual(plan.notes, []);
});

for (const call of all) {
  test(`withoutMissing() makes no call of ${call} without it`, () => {
    const change: Change = {
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/a", source: "/srv", options: ["rbind", "ro"] },
        { destination: "/b", type: "tmpfs", options: ["tmpcopyup", "ro"] },
      ],
      root: { readonly: true },
      linux: { maskedPaths: ["/x"], readonlyPaths: ["/y"] },
      process: { oomScoreAdj: 1 },
    };
    const plan = without([call], change);
    assert.deepEqual(plan.refusals, []);
    assert.equal(plan.notes.length, 1);
    assert.ok(plan.notes[0]!.includes(call));
    const isMount = mountCalls.includes(call);
    const made = callsOf(plan)
      .filter(({ side }) => side === "stage" || !isMount)
      .map((line) => line.call);
    for (const name of isMount ? mountCalls : [call]) {
      if (name !== "clone3") assert.equal(made.includes(name), false, name);
    }
  });
}

test("withoutMissing() changes a whole tree where all of it is meant, else one mount", () => {
  const made = (...options: string[]): readonly string[] =>
    callsOf(without(["mount_setattr"], bind(...options)))
      .map(({ call }) => call)
      .filter((call) => call.startsWith("remount_"));
  assert.deepEqual(made("rbind", "rro"), ["remount_tree"]);
  assert.deepEqual(made("bind", "rro"), ["remount_fd"]);
  assert.deepEqual(made("rbind", "ro"), ["remount_fd"]);
});

test("withoutMissing() refuses a bind mount shared with the host", () => {
  assert.match(without(mountCalls, bind("rbind", "rshared")).refusals[0]!.message, /shared with the host/);
  assert.deepEqual(without(mountCalls, bind("rbind", "rslave")).refusals, []);
});

test("withoutMissing() refuses id-mapped mounts", () => {
  const mappings = [{ containerID: 0, hostID: 1000, size: 1 }];
  const mounts = [
    { destination: "/a", source: "/srv", options: ["bind"], uidMappings: mappings, gidMappings: mappings },
  ];
  const plan = without(["mount_setattr"], { mounts });
  assert.match(plan.refusals[0]!.message, /id-mapped mounts take mount_setattr/);
});

test("withoutMissing() refuses a new time namespace without clone3", () => {
  const plan = without(["clone3"], { linux: { namespaces: [{ type: "mount" }, { type: "time" }] } });
  assert.match(plan.refusals[0]!.message, /time namespace takes clone3/);
  assert.equal(indexOf(plan, "CLONE_NEWTIME"), -1);
});

test("withoutMissing() refuses options that do not fit into one page", () => {
  const options = Array.from({ length: 60 }, (_, i) => `key${i}=${"v".repeat(80)}`);
  const plan = without(["fsopen"], { mounts: [{ destination: "/a", type: "tmpfs", options }] });
  assert.match(plan.refusals[0]!.message, /4095 bytes/);
});

test("withoutMissing() has the stage enter its cgroup first of all, with the runtime's rights", () => {
  const plan = without(["clone3"]);
  const calls = callsOf(plan);
  const clone = calls.findIndex(({ call }) => call === "clone3");
  assert.deepEqual(
    calls.slice(clone - 1, clone + 3).map(({ call, side }) => `${side} ${call}`),
    ["runtime openat", "runtime clone3", "stage write", "stage close"],
  );
  assert.ok(plan.inherited.some(({ register }) => register === calls[clone - 1]!.out!.register));
  assert.equal(indexOf(plan, "CLONE_INTO_CGROUP"), -1);
});

test("withoutMissing() makes the procfs for kernel parameters while the host's /proc is in reach", () => {
  const plan = without(mountCalls, { process: { oomScoreAdj: 1 } });
  const made = indexOf(plan, 'new_mount(r, "', '"proc"');
  assert.ok(made > 0);
  assert.ok(made < indexOf(plan, "fchdir(r)"));
  assert.ok(indexOf(plan, "pivot_root") < indexOf(plan, 'write(r, "1")'));
});

test("withoutMissing() takes the host's procfs for kernel parameters without mounts of its own", () => {
  const plan = without(mountCalls, { linux: { namespaces: [{ type: "pid" }] }, process: { oomScoreAdj: 1 } });
  const opened = indexOf(plan, 'openat(AT_FDCWD, "/proc"');
  assert.ok(opened > 0 && opened < indexOf(plan, "chroot"));
  assert.equal(indexOf(plan, "mount_fd"), -1);
  assert.equal(indexOf(plan, "new_mount"), -1);
});
