/**
 * Every case run by bunker and by each peer of this machine: the containers' views must agree but for the known
 * differences, and nothing may be left behind.
 * @module
 */
import assert from "node:assert/strict";
import test from "node:test";
import { limits, missing } from "../support/machine.ts";
import { bunker, peer } from "../support/runtime.ts";
import { needing } from "../support/scope.ts";
import { cases } from "./cases.ts";
import { explanation } from "./known_differences.ts";
import { type CaseRun, runCase } from "./run.ts";
import { compareViews } from "./view.ts";

const peers = (["runc", "crun"] as const).filter((name) => {
  const reason = missing(name);
  if (reason !== undefined)
    test(
      `views compared with ${name}'s`,
      limits,
      needing([name], async () => {}),
    );
  return reason === undefined;
});

for (const testCase of cases) {
  const own = once(() => runCase(testCase, bunker()));

  test(
    `run [${testCase.name}] leaves nothing behind`,
    limits,
    needing(["cgroup2"], async () => {
      const { left, stderr } = await own();
      assert.deepEqual(left, [], stderr);
    }),
  );

  for (const name of peers) {
    if (testCase.without?.[name] !== undefined) continue; // the reason stands with the case and in the printed table
    if (testCase.view === "host" && name === "crun") continue; // crun starts on no hybrid machine
    test(
      `run [${testCase.name}] gives the view ${name} gives`,
      limits,
      needing(["cgroup2", name], async () => {
        const mine = await own();
        const theirs = await runCase(testCase, peer(name)!);
        const unexplained = compareViews(mine.view, theirs.view).filter(
          (difference) => explanation(name, testCase.name, difference) === undefined,
        );
        assert.deepEqual(unexplained, [], `bunker said: ${mine.stderr}\n${name} said: ${theirs.stderr}`);
      }),
    );
  }
}

/** Runs the case at its first use only: both comparisons look at the same run. */
function once(produce: () => Promise<CaseRun>): () => Promise<CaseRun> {
  let result: Promise<CaseRun> | undefined;
  return () => (result ??= produce());
}
