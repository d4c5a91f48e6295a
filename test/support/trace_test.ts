/** Tests of the comparison between a plan and what strace saw. */
import assert from "node:assert/strict";
import test from "node:test";
import { type PlanItem, comparePlan, parseTrace } from "./trace.ts";

const names = new Set(["fsopen", "fsmount", "move_mount"]);

const open: PlanItem = {
  kind: "call",
  side: "stage",
  call: "fsopen",
  args: ["tmpfs", "FSOPEN_CLOEXEC"],
  out: { register: 4 },
};
const mount: PlanItem = {
  kind: "call",
  side: "stage",
  call: "fsmount",
  args: [{ register: 4 }, "FSMOUNT_CLOEXEC", "MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV"],
  out: { register: 5 },
};
const other: PlanItem = { kind: "call", side: "stage", call: "openat", args: [] };

const opened = '7 fsopen("tmpfs", FSOPEN_CLOEXEC) = 3';
const mounted = "7 fsmount(3, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV|MOUNT_ATTR_NOSUID) = 6";

const compare = (plan: PlanItem[], ...lines: string[]): string | undefined =>
  comparePlan(plan, parseTrace(lines.join("\n")), names);

test("parseTrace() puts interrupted calls together", () => {
  const calls = parseTrace(
    '1 openat(3, "a,b", {flags=O_RDONLY, x=1} <unfinished ...>\n2 close(1) = 0\n1 <... openat resumed>) = -1 ENOENT (No such file)',
  );
  assert.deepEqual(calls[1], {
    pid: 1,
    name: "openat",
    args: ["3", '"a,b"', "{flags=O_RDONLY, x=1}"],
    result: -1,
    error: "ENOENT",
  });
});

test("comparePlan() takes flags in any order and leaves other calls out", () => {
  assert.equal(compare([open, other, mount], opened, mounted), undefined);
});

test("comparePlan() tells a missing, an extra and a different call", () => {
  assert.match(compare([open, mount], opened)!, /call 1: the plan says fsmount.*nothing more/);
  assert.match(compare([open], opened, mounted)!, /call 1: the plan says the end, made was fsmount/);
  assert.match(compare([open, mount], opened, mounted.replace("NODEV|", "NOEXEC|"))!, /call 1/);
  assert.match(compare([open, mount], opened, mounted.replace("(3,", "(4,"))!, /call 1/, "another descriptor");
  assert.match(compare([open], `${opened.replace("= 3", "= -1 EPERM")}`)!, /call 0/, "an error nobody allows");
});

test("comparePlan() follows the branch that the errno names, and no other", () => {
  const plan: PlanItem[] = [
    { kind: "alternative", attempt: [open], then: [mount], branches: [{ on: ["EPERM"], items: [other] }] },
  ];
  const failed = '7 fsopen("tmpfs", FSOPEN_CLOEXEC) = -1 EPERM (Operation not permitted)';
  assert.equal(compare(plan, opened, mounted), undefined);
  assert.equal(compare(plan, failed), undefined);
  assert.match(compare(plan, failed.replace("EPERM", "EINVAL"))!, /call 0/);
  assert.match(compare(plan, opened)!, /call 1/);
});
