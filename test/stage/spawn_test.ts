/** Tests of syscalls/spawn.h: when the stage's process may execute. @module */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import type { Call } from "../../src/plan/types.ts";
import { Spawn } from "../../src/stage/spawn.ts";
import { close, errnoName, flags, openAt, stable, sys } from "../../src/stage/sys.ts";
import { missing } from "../support/machine.ts";
import { skip } from "../support/skip.ts";

const AT_FDCWD = -100;
const call = { call: "clone3", args: [{ flags: "0", exit_signal: "SIGCHLD" }] } as unknown as Call;

/** A child that waits for `finish`, then executes true(1). */
function begin(): { birth: Spawn; pid: number; file: number } {
  const file = openAt(AT_FDCWD, "/bin/true", "O_RDONLY|O_CLOEXEC");
  const birth = new Spawn(undefined);
  birth.clone({ call, valueOf: () => 0, entering: undefined, stage: file, inherit: [] });
  return { birth, pid: birth.born(), file };
}

/** How the child has ended: its wait status, or the errno of waitid(2). */
function ended(pid: number): string | number {
  const info = stable(128);
  const result = sys("waitid", flags("P_PID"), pid, info, flags("WEXITED"), null);
  return result < 0 ? errnoName(-result) : new DataView(info.buffer).getInt32(24, true);
}

const isWaiting = (pid: number): boolean => readFileSync(`/proc/${pid}/wchan`, "utf8").includes("futex");

async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (let tries = 0; !isTrue(); tries++) {
    assert.ok(tries < 500, what);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("a stage executes once the runtime is ready", () => {
  const { birth, pid, file } = begin();
  const spawned = birth.finish();
  close(file);
  close(spawned.pidfd);
  assert.equal(spawned.pid, pid);
  assert.equal(ended(pid), 0);
});

test("a stage that was given up never executes", () => {
  const { birth, pid, file } = begin();
  birth.abandon();
  close(file);
  assert.equal(ended(pid), "ECHILD");
});

// Helpers for id maps and the service manager may take longer than any limit of ours.
test("a stage waits for the runtime, however long that takes", async (t) => {
  const reason = missing("root", "strace");
  if (reason !== undefined) return skip(t, reason);
  const { birth, pid, file } = begin();
  let traced = "";
  try {
    await until("the child to wait", () => isWaiting(pid));
    // The end of its patience, whatever that is.
    const inject = "inject=futex,restart_syscall:error=ETIMEDOUT:when=1";
    const strace = spawn("strace", ["-p", String(pid), "-e", "trace=all", "-e", inject]);
    strace.stderr.on("data", (data: Uint8Array) => (traced += data.toString()));
    await until("the wait to end", () => traced.includes("INJECTED"));
    await until("the next call", () => /INJECTED\)\n./.test(traced) || !existsSync(`/proc/${pid}`));
    assert.equal(readlinkSync(`/proc/${pid}/exe`), readlinkSync("/proc/self/exe"), traced);
    strace.kill();
    await until("the tracer's end", () => strace.exitCode !== null || strace.signalCode !== null);
  } finally {
    birth.finish();
    close(file);
  }
  assert.equal(ended(pid), 0);
  assert.notEqual(process.pid, pid);
});
