/**
 * A container that may trace its processes attacks whatever comes into its pid namespace: each exec, each container that
 * joins (a pod). Nothing of the host's may be in any memory, descriptor, directory or capability that it sees, and the
 * runtime goes on unharmed. CVE-2016-9962's kind, with CAP_SYS_PTRACE, which not being dumpable does not stop.
 * @module
 */
import assert from "node:assert/strict";
import { copyFileSync, rmSync } from "node:fs";
import test from "node:test";
import { attackLimits, attackRounds } from "../support/attack.ts";
import { type Config, withoutNamespace } from "../support/config.ts";
import { stateOf } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { namespacePath } from "../support/holders.ts";
import { native } from "../support/native.ts";
import { patience } from "../support/patience.ts";
import { type Scope, scoped } from "../support/scope.ts";

const secret = "the-runtimes-own-secret";
/** How long a call may take that waits for a process which was spoiled. */
const stuckMs = 3000 * patience;
const env = { BUNKER_TEST_SECRET: secret };

/** What a usual container may besides tracing; more than that reaches the host by itself. */
const capabilities = ["CAP_SYS_PTRACE", "CAP_KILL", "CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE"];
/** The same as /proc/PID/status has them: what a process in sight may have at most. */
const allowed = 0x80000n | 0x20n | 0x1n | 0x80n | 0x40n | 0x2n;

function withTracing(config: Config): void {
  config.process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities };
}

async function startTracer(scope: Scope): Promise<{ id: string; end: () => Promise<string[]> }> {
  const bundle = scope.bundle(["/bin/tracer", secret], withTracing);
  rmSync(`${bundle.rootfs}/bin/tracer`, { force: true });
  copyFileSync(native("tracer"), `${bundle.rootfs}/bin/tracer`);
  const id = scope.id();
  const tracer = scope.launch(["run", "--bundle", bundle.path, id], { timeoutMs: attackLimits.timeout });
  await until("the tracer", () => tracer.output().includes("watching"), 20_000);
  const end = async (): Promise<string[]> => {
    await scope.succeed(["kill", id, "KILL"]);
    await tracer.done;
    return tracer.output().trim().split("\n").slice(1);
  };
  return { id, end };
}

/** The sync socket, the caller's own output, the image's files. */
const harmless =
  /^(saw a process|wrote .*|(root|cwd) \/|fd (\/|\/dev\/null|\/bin\/.*|\/etc\/passwd|pipe:.*|socket:.*|\/tmp\/.*\/outputs\/.*))$/;

function judge(lines: readonly string[], statuses: ReadonlyMap<number | string, number>): void {
  assert.ok(lines.includes("saw a process"), `it saw something: ${lines.join("\n")}`);
  const bad = lines.filter((line) => {
    if (line.startsWith("caps ")) return (BigInt(`0x${line.slice(5)}`) & ~allowed) !== 0n;
    return !harmless.test(line);
  });
  assert.deepEqual(bad, []);
  // A process of the container that was spoiled fails, or never says that it is ready: then the test ends the call. The
  // runtime itself never ends by a signal of its own.
  const ends = [...statuses.keys()].filter((status) => typeof status !== "number" && status !== "SIGKILL");
  assert.deepEqual(ends, [], "the runtime ended by itself");
}

test(
  "exec [into a container that traces whatever it sees]",
  attackLimits,
  scoped("tracer", ["notMapped", "compiler"], async (scope) => {
    const tracer = await startTracer(scope);
    const statuses = new Map<number | string, number>();
    for (let round = 0; round < attackRounds() * 5; round++) {
      const { status, signal } = await scope.invoke(["exec", tracer.id, "/bin/true"], { env, timeoutMs: stuckMs });
      const key = status ?? signal ?? "nothing";
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
    }
    judge(await tracer.end(), statuses);
  }),
);

test(
  "run [in the pid namespace of a container that traces whatever it sees]",
  attackLimits,
  scoped("tracer", ["notMapped", "compiler"], async (scope) => {
    const tracer = await startTracer(scope);
    const { pid } = await stateOf(scope, tracer.id);
    const member = scope.bundle(["/bin/true"], (config) => {
      withTracing(config);
      withoutNamespace(config, "pid");
      config.linux.namespaces.push({ type: "pid", path: namespacePath(pid, "pid") });
    });
    const statuses = new Map<number | string, number>();
    for (let round = 0; round < attackRounds() * 2; round++) {
      const { status, signal } = await scope.invoke(["run", "--bundle", member.path, scope.id()], {
        env,
        timeoutMs: stuckMs,
      });
      const key = status ?? signal ?? "nothing";
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
    }
    judge(await tracer.end(), statuses);
  }),
);
