/**
 * A stage that others hold, so that it never says a word: a supervisor that does not answer stands for whoever traces or
 * stops it. Whoever waits for it can be ended, and a start that was ended leaves the container as it was.
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { startSocket } from "../../src/lifecycle/launch.ts";
import { connectAt } from "../../src/stage/sockets.ts";
import { AT_FDCWD, close, flags, sysOrThrow } from "../../src/stage/sys.ts";
import { stateOf } from "../support/containers.ts";
import { type Running, until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { native } from "../support/native.ts";
import { type Bundle, describe, type Scope, scoped } from "../support/scope.ts";

/** Processes that this one has made. */
const childrenOf = (pid: number): string[] => tryRead(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean);

function tryRead(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The stage, once it waits for the supervisor. */
async function heldBy(running: Running): Promise<string> {
  let held: string | undefined;
  await until("the process is held", () => {
    held = childrenOf(running.pid).find((pid) => tryRead(`/proc/${pid}/wchan`).includes("seccomp"));
    return held !== undefined;
  });
  return held!;
}

/** Nobody has to answer: the supervisor is stopped before it takes a listener. */

async function unanswered(scope: Scope): Promise<Bundle> {
  const directory = `${scope.directory}/supervisor`;
  mkdirSync(directory);
  const listenerPath = `${directory}/socket`;
  const supervisor = scope.start([native("supervisor"), listenerPath, "1"]);
  await until("the supervisor listens", () => supervisor.output().includes("listening"));
  chmodSync(listenerPath, 0o777);
  process.kill(supervisor.pid, "SIGSTOP");
  const syscalls = [{ names: ["execve", "execveat"], action: "SCMP_ACT_NOTIFY" }];
  return scope.bundle(["/bin/true"], (config) => {
    config.process.noNewPrivileges = true;
    config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", listenerPath, syscalls };
  });
}

test(
  "run, exec [a process that never executes: SIGTERM ends the wait, and the process]",
  limits,
  scoped("silent", [], async (scope) => {
    const { path } = await unanswered(scope);
    const id = scope.id();
    for (const [status, words] of [
      [1, ["run", "--bundle", path, id]],
      [255, ["exec", id, "/bin/true"]],
    ] as const) {
      if (words[0] === "exec") await scope.succeed(["create", "--bundle", path, id]);
      const running = scope.launch(words);
      const held = await heldBy(running);
      process.kill(running.pid, "SIGTERM");
      const outcome = await running.done;
      assert.equal(outcome.status, status, describe(words, outcome));
      assert.match(outcome.stderr, /does not execute its program, and a signal came that ends it/);
      assert.equal(existsSync(`/proc/${held}`), false);
    }
    assert.equal((await scope.succeed(["list", "-q"])).stdout, `${id}\n`);
    await scope.succeed(["delete", "--force", id]);
  }),
);

test(
  "start [its caller is gone before it has said so: the container waits still]",
  limits,
  scoped("gone", [], async (scope) => {
    const id = scope.id();
    await scope.succeed(["create", "--bundle", scope.bundle(["/bin/sleep", "100"]).path, id]);
    const { pid } = await stateOf(scope, id);
    const directory = sysOrThrow("openat", AT_FDCWD, `${scope.root}/${id}`, flags("O_PATH|O_DIRECTORY|O_CLOEXEC"));
    for (let i = 0; i < 3; i++) close(connectAt(directory, startSocket));
    close(directory);
    assert.equal((await stateOf(scope, id)).status, "created");
    await scope.succeed(["start", id]);
    const { status, pid: started } = await stateOf(scope, id);
    assert.deepEqual([status, started], ["running", pid]);
  }),
);
