/** Tests of syscalls/user_namespace.h: the pseudo-call make_user_namespace, in this process of many threads. @module */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { PlanBuilder } from "../../src/plan/builder.ts";
import { placed } from "../../src/program/addresses.ts";
import { getRegister, makeImage, type Report, runImage } from "../../src/stage/program.ts";
import { close, errnoName, flags, sys } from "../../src/stage/sys.ts";
import { skip } from "../support/skip.ts";

function make(uids: string, gids: string): { report: Report; fd: number } {
  const b = new PlanBuilder();
  const out = b.open("make_user_namespace", [uids, gids]);
  const plan = b.build();
  const image = makeImage(placed(plan.items), plan.registers);
  return { report: runImage(image), fd: getRegister(image, out.register) };
}

/** Pids of processes that this one has made, zombies among them (proc_pid_task(5)). */
const children = (): string[] =>
  readdirSync("/proc/self/task").flatMap((task) => {
    const path = `/proc/self/task/${task}/children`;
    return existsSync(path)
      ? readFileSync(path, "utf8")
          .split(" ")
          .filter((pid) => pid !== "")
      : [];
  });

const isRoot = process.getuid?.() === 0;

test("make_user_namespace gives a user namespace that is not ours, and leaves no process", (t) => {
  if (!isRoot) return skip(t, "needs root");
  const before = children();
  const { report, fd } = make("0 100000 10\n20 0 1\n", "0 5 1\n");
  assert.equal(report.result, 0);
  assert.equal(sys("ioctl", fd, flags("NS_GET_NSTYPE"), 0), flags("CLONE_NEWUSER"));
  assert.notEqual(statSync(`/proc/self/fd/${fd}`).ino, statSync("/proc/self/ns/user").ino);
  close(fd);
  assert.deepEqual(children(), before);
});

test("make_user_namespace says which step failed", (t) => {
  if (!isRoot) return skip(t, "needs root");
  const failure = (uids: string, gids: string): [string, number | undefined] => {
    const { report } = make(uids, gids);
    return [errnoName(-report.result), report.failed?.result];
  };
  assert.deepEqual(failure("0 0 5\n3 9 1\n", "0 0 1\n"), ["EINVAL", 3]);
  assert.deepEqual(failure("0 0 5\n", "0 0 0\n"), ["EINVAL", 4]);
  assert.deepEqual(failure("", "0 0 1\n"), ["EINVAL", 3]);
});

test("make_user_namespace leaves no descriptor but its own", (t) => {
  if (!isRoot) return skip(t, "needs root");
  const count = (): number => readdirSync("/proc/self/fd").length;
  make("0 0 1\n", "0 0 1\n"); // whatever is opened once
  const before = count();
  close(make("0 0 1\n", "0 0 1\n").fd);
  make("nonsense", "0 0 1\n");
  assert.equal(count(), before);
});
