/**
 * Operations that begin at every moment of another one's creation: what both come to is what they come to one after the
 * other, in one order or the other.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import test from "node:test";
import { stateOf } from "../support/containers.ts";
import { type Outcome, until } from "../support/execute.ts";
import { cgroupsNamed } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { describe, type Scope, scoped } from "../support/scope.ts";
import { Stepped } from "../support/steps.ts";
import { visible } from "../support/visible.ts";

const isUnknown = ({ status, stderr }: Outcome): boolean => status === 1 && /container does not exist/.test(stderr);
const isNotRunning = ({ status, stderr }: Outcome): boolean => status === 1 && /container not running/.test(stderr);

interface Meeting {
  readonly words: readonly string[];
  readonly after?: readonly string[];
  /** What it comes to before the creation, or while that goes on; and what is left then. */
  readonly early: (outcome: Outcome) => boolean;
  readonly left: string;
  /** What is left where it comes later and succeeds. */
  readonly then: string;
}

const meetings: readonly Meeting[] = [
  { words: ["start"], early: isUnknown, left: "created", then: "running" },
  { words: ["delete"], early: isUnknown, left: "created", then: "absent" },
  { words: ["delete", "--force"], early: ({ status }) => status === 0, left: "created", then: "absent" },
  { words: ["pause"], early: isUnknown, left: "created", then: "paused" },
  {
    words: ["kill"],
    after: ["KILL"],
    early: (outcome) => isUnknown(outcome) || isNotRunning(outcome),
    left: "created",
    then: "stopped",
  },
];

/** Longer than it takes where it waits for nobody. */
const startMs = 100;

const statusOf = async (scope: Scope, id: string): Promise<string> =>
  existsSync(`${scope.root}/${id}`) ? (await stateOf(scope, id)).status : "absent";

for (const { words, after = [], early, left, then } of meetings) {
  test(
    `create, ${words.join(" ")} [at each moment of create]`,
    limits,
    scoped("meetings", ["compiler"], async (scope) => {
      const bundle = scope.bundle(["/bin/sleep", "1000"], (config) => {
        delete config.linux.cgroupsPath; // each container's own, by its id
      });
      const ends = new Set<string>();
      for (let moment = 0, open = true; open; moment++) {
        const id = scope.id();
        const creation = new Stepped(scope, ["create", "--bundle", bundle.path, id]);
        let changes = 0;
        let last = visible(scope, id);
        for (let pending = await creation.settle(); pending !== undefined && changes < moment;) {
          pending = await creation.step();
          const now = visible(scope, id);
          if (now !== last) changes++;
          last = now;
        }
        open = creation.pending !== undefined;
        const command = [...words, id, ...after];
        const running = scope.launch(command);
        await Promise.race([running.done, new Promise((resolve) => setTimeout(resolve, startMs))]);
        const created = await creation.end();
        const met = await running.done;
        const text = `moment ${moment}: ${describe(["create"], created)}\n${describe(command, met)}`;
        assert.equal(created.status, 0, text);
        let end = await statusOf(scope, id);
        if (words[0] === "kill" && met.status === 0)
          await until("its end", async () => (end = await statusOf(scope, id)) === then);
        ends.add(end);
        assert.ok((end === left && early(met)) || (end === then && met.status === 0), `${end}, ${text}`);
        await scope.invoke(["delete", "--force", id]);
      }
      // Both orders were met.
      assert.deepEqual([...ends].toSorted(), [left, then].toSorted());
      assert.deepEqual(cgroupsNamed(scope.tag), []);
    }),
  );
}
