/**
 * Every system call that our own code makes on the way of an operation fails, one at a time: the operation fails with a
 * message and leaves nothing, or does what was asked for; it never waits for ever. The calls are those that a first run
 * of the operation shows. `npm test` takes one place of each call; BUNKER_ATTACK_ROUNDS=1000 every place, by three errnos.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import test from "node:test";
import type { Outcome } from "../support/execute.ts";
import { type Fault, faultPrefix, listPrefix, seenIn } from "../support/fault.ts";
import { cgroupsNamed, processesNamed } from "../support/leftovers.ts";
import { patience } from "../support/patience.ts";
import { type Scope, scoped } from "../support/scope.ts";

const isWhole = Number(process.env["BUNKER_ATTACK_ROUNDS"] ?? 0) >= 1000;
const errors: readonly Fault["error"][] = isWhole ? ["EIO", "ENOMEM", "EPERM"] : ["EIO"];
/** Those of one call that fail in turn. */
const mostPlaces = isWhole ? Infinity : 1;
/** What an operation may take: longer than its own patience with what does not end (10 s, start and delete). */
const timeoutMs = isWhole ? 30_000 : 15_000;

const limits = { timeout: (isWhole ? 3_600_000 : 120_000) * patience };

/** Calls that no kernel lets fail like this. */
const impossible: Readonly<Record<string, string>> = {
  geteuid: "it is always successful (geteuid(2))",
  close: "the descriptor is free whatever close(2) answers; here it would stay open",
  futex: "FUTEX_WAKE fails for a wrong address only; without it nobody would wake",
};

interface Operation {
  readonly name: string;
  /** What there is before: nothing, a created container, a running one. */
  readonly before: "nothing" | "created" | "running";
  readonly words: (id: string, bundle: string) => readonly string[];
  /** What it must have done where its status is 0. */
  readonly status?: string;
  readonly stdout?: string;
  /** Calls whose failure is taken for something else still, each with the reason. */
  readonly known?: Readonly<Record<string, string>>;
}

const operations: readonly Operation[] = [
  { name: "run", before: "nothing", words: (id, bundle) => ["run", "--bundle", bundle, id], stdout: "ok\n" },
  {
    name: "create",
    before: "nothing",
    words: (id, bundle) => ["create", "--bundle", bundle, id],
    status: "created",
    known: { accept4: "it waits for `start` by then, which finds it ended" },
  },
  { name: "start", before: "created", words: (id) => ["start", id], status: "running" },
  {
    name: "exec",
    before: "running",
    words: (id) => ["exec", id, "/bin/echo", "ok"],
    stdout: "ok\n",
    status: "running",
  },
  { name: "kill", before: "running", words: (id) => ["kill", id, "KILL"], status: "stopped" },
  { name: "state", before: "running", words: (id) => ["state", id], status: "running" },
  {
    name: "delete",
    before: "running",
    words: (id) => ["delete", "--force", id],
    status: "none",
  },
];

async function prepared(scope: Scope, { before, name }: Operation): Promise<{ id: string; bundle: string }> {
  const id = scope.id();
  const script = before === "nothing" && name === "run" ? "echo ok" : "exec sleep 1000";
  const bundle = scope.bundle(script, (config) => (config.linux.cgroupsPath = `/${id}`)).path;
  if (before === "created") await scope.succeed(["create", "--bundle", bundle, id]);
  if (before === "running") await scope.succeed(["run", "--detach", "--bundle", bundle, id]);
  return { id, bundle };
}

async function statusOf(scope: Scope, id: string): Promise<string> {
  const { status, stdout } = await scope.invoke(["state", id]);
  return status === 0 ? (JSON.parse(stdout) as { status: string }).status : "none";
}

const left = (scope: Scope, id: string): string[] => [
  ...cgroupsNamed(id),
  ...processesNamed(id).filter((line) => !line.includes(" fault-")),
  ...(existsSync(`${scope.root}/${id}`) ? readdirSync(`${scope.root}/${id}`).map((name) => `${id}/${name}`) : []),
];

/** A process that was killed is there for a moment, and so is its cgroup. */
async function leftAfterAll(scope: Scope, id: string): Promise<string[]> {
  for (let attempt = 0; attempt < 20 && left(scope, id).length > 0; attempt++)
    await new Promise((resolve) => setTimeout(resolve, 25));
  return left(scope, id);
}

/** What is wrong with an outcome, in words. */
async function faultsOf(scope: Scope, operation: Operation, id: string, outcome: Outcome): Promise<string[]> {
  const wrong: string[] = [];
  const { status, stdout, stderr } = outcome;
  if (outcome.timedOut) return ["it waits for ever"];
  if (status === null) wrong.push(`signal ${outcome.signal}`);
  if (/internal error|\$bunfs|TypeError/.test(stderr)) wrong.push("an internal error");
  if (status !== 0 && stderr === "") wrong.push(`status ${status} without a word`);
  if (status === 0 && operation.stdout !== undefined && stdout !== operation.stdout) wrong.push("another output");
  if (status === 0 && operation.status !== undefined) {
    // `kill` does not wait.
    for (let attempt = 0; attempt < 40 && (await statusOf(scope, id)) !== operation.status; attempt++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    const now = await statusOf(scope, id);
    if (now !== operation.status) wrong.push(`status 0, and the container is ${now}`);
  }
  const isMade = operation.before === "nothing" && (status !== 0 || operation.name === "run");
  const rest = isMade ? await leftAfterAll(scope, id) : [];
  if (rest.length > 0) wrong.push(`left: ${rest.join(", ")}`);
  return wrong;
}

for (const operation of operations) {
  test(
    `${operation.name} [each of its system calls fails]`,
    limits,
    scoped(
      "faults",
      ["ownCgroups"],
      async (scope) => {
        const first = await prepared(scope, operation);
        const list = `${scope.directory}/list`;
        const words = operation.words(first.id, first.bundle);
        assert.equal((await scope.invoke(words, { before: listPrefix(list) })).status, 0);
        await scope.succeed(["delete", "--force", first.id]);
        const counts = new Map<string, number>();
        for (const { call } of seenIn(list)) counts.set(call, (counts.get(call) ?? 0) + 1);
        assert.ok(counts.size > 5, `only ${counts.size} calls seen`);
        const wrong: string[] = [];
        for (const [call, count] of counts) {
          if (call in impossible || call in (operation.known ?? {})) continue;
          for (let place = 1; place <= Math.min(count, mostPlaces); place++) {
            for (const error of errors) {
              // The last one of a few: the first is often that of a file which all operations read.
              const at = isWhole ? place : count;
              const { id, bundle } = await prepared(scope, operation);
              const before = faultPrefix(`${scope.directory}/${id}.log`, { call, error, first: at, last: at });
              const outcome = await scope.invoke(operation.words(id, bundle), { before, timeoutMs });
              const said = await faultsOf(scope, operation, id, outcome);
              const deleted = await scope.invoke(["delete", "--force", id]);
              if (deleted.status !== 0) said.push(`delete --force: ${deleted.stderr}`);
              const rest = await leftAfterAll(scope, id);
              if (rest.length > 0) said.push(`left after delete --force: ${rest.join(", ")}`);
              for (const one of said)
                wrong.push(`${call} ${at} of ${count} ${error}: ${one}; ${outcome.stderr.trim()}`);
            }
          }
        }
        assert.deepEqual(wrong, []);
      },
      "root",
    ),
  );
}
