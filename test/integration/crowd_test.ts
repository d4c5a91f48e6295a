/**
 * Many operations at once on containers that come and go: whatever their order, each ends soon, says something that a
 * caller knows, and nothing is left.
 * @module
 */
import assert from "node:assert/strict";
import test from "node:test";
import { cgroupsNamed, processesNamed, tree } from "../support/leftovers.ts";
import { type Outcome, until } from "../support/execute.ts";
import { limits, type Need } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { type BundleOptions, type Scope, scoped } from "../support/scope.ts";
import { type OrdinaryUser, usualUser } from "../support/user.ts";

const containers = 24;
const lanes = 3;

/** Words that runtime callers know for a container that has ended or is gone; exec may fail in other ways still. */
const known = /container does not exist|container not running|that is not stopped/;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A fixed sequence of numbers from 0 to 1: a failure comes again. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

/** The command's own status; the kernel's SIGKILL for all who are left when the container's first process ends; a reason. */
function isExecEnd({ status, stderr }: Outcome): boolean {
  return status === 4 || (status === 137 && stderr === "") || (status === 255 && stderr !== "");
}

/** One life: started, watched, executed into, signalled and deleted, all at the same time. */
async function life(scope: Scope, path: string, random: () => number): Promise<string[]> {
  const id = scope.id();
  const wrong: string[] = [];
  const isDetached = random() < 0.5;
  const run = scope.launch(["run", ...(isDetached ? ["--detach"] : []), "--bundle", path, id]);
  if (isDetached) await run.done;
  // Not before there is something: on a busy machine all that follows would be over by then.
  else await until("the container", async () => (await scope.invoke(["state", id])).stdout.includes('"running"'));
  await pause(random() * 40);
  const every = [
    ["state", id],
    ["kill", id, "TERM"],
    ["exec", id, "true"],
    ["list"],
    ["exec", id, "sh", "-c", "exit 4"],
    ["kill", id, "KILL"],
    ["delete", id],
    ["delete", "--force", id],
  ];
  const calls = every.filter(() => random() < 0.6).map((words) => ({ words, after: random() * 50 }));
  await Promise.all(
    calls.map(async ({ words, after }) => {
      await pause(after);
      const outcome = await scope.invoke(words);
      const isFine = outcome.status === 0 || known.test(outcome.stderr) || (words[0] === "exec" && isExecEnd(outcome));
      if (outcome.timedOut || !isFine) wrong.push(`${words.join(" ")}: ${outcome.status} ${outcome.stderr}`);
    }),
  );
  const last = await scope.invoke(["delete", "--force", id]);
  if (last.status !== 0) wrong.push(`delete --force: ${last.status} ${last.stderr}`);
  const end = await run.done;
  const statuses = isDetached ? [0] : [3, 137];
  if (end.timedOut || !statuses.includes(end.status ?? -1)) wrong.push(`run: ${end.status} ${end.stderr}`);
  return wrong;
}

for (const [way, needs, ids, user] of [
  ["", ["notMapped"], "none", "root"],
  [" (user namespace)", ["notMapped", "userNamespaces"], mappedIds, "root"],
  [" (rootless)", [], undefined, usualUser],
] as const satisfies readonly (readonly [string, readonly Need[], BundleOptions["ids"], OrdinaryUser | "root"])[]) {
  test(
    `every operation at once [${containers} containers, ${lanes} at a time]${way}`,
    limits,
    scoped(
      "crowd",
      needs,
      async (scope) => {
        const script = "trap 'exit 3' TERM; while :; do sleep 0.01; done";
        const change = (config: { linux: { cgroupsPath?: string } }): void => {
          delete config.linux.cgroupsPath; // each container's own, by its id
        };
        const { path } = scope.bundle(script, change, ids === undefined ? {} : { ids });
        const random = numbers(containers);
        let next = 0;
        const lane = async (): Promise<string[]> => {
          const wrong: string[] = [];
          while (next++ < containers) wrong.push(...(await life(scope, path, random)));
          return wrong;
        };
        const wrong = await Promise.all(Array.from({ length: lanes }, lane));
        assert.deepEqual(wrong.flat(), []);
        await until("every process to be gone", () => processesNamed(scope.directory).length === 0);
        assert.deepEqual([...cgroupsNamed(scope.tag), ...tree(scope.root)], []);
      },
      user,
    ),
  );
}
