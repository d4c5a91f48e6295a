/**
 * Every case run by bunker and by each peer of this machine: the containers' views must agree but for the known
 * differences, and nothing may be left behind.
 * @module
 */
import assert from "node:assert/strict";
import test from "node:test";
import { limits, missing, type Need } from "../support/machine.ts";
import { bunker, peer } from "../support/runtime.ts";
import { needing } from "../support/scope.ts";
import type { Case } from "./case.ts";
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
  const compared = peers
    // The reason for leaving one out stands with the case and in the printed table; crun starts on no hybrid machine.
    .filter((name) => testCase.without?.[name] === undefined && !(testCase.view === "host" && name === "crun"))
    .map((name) => ({ name, run: once(() => runCase(testCase, peer(name)!)) }));

  test(
    `run [${testCase.name}] leaves nothing behind`,
    limits,
    needing(["cgroup2", ...needsOf(testCase)], async () => {
      // The peers' runs begin beside ours; their own tests look at what comes of them.
      for (const { run } of compared) run().catch(() => {});
      const { left, stderr } = await own();
      assert.deepEqual(left, [], stderr);
    }),
  );

  for (const { name, run } of compared) {
    test(
      `run [${testCase.name}] gives the view ${name} gives`,
      limits,
      needing(["cgroup2", name, ...needsOf(testCase)], async () => {
        const [mine, theirs] = [await own(), await run()];
        const unexplained = compareViews(mine.view, theirs.view).filter(
          (difference) => explanation(name, testCase.name, difference) === undefined,
        );
        assert.deepEqual(unexplained, [], `bunker said: ${mine.stderr}\n${name} said: ${theirs.stderr}`);
      }),
    );
  }
}

function needsOf({ ids, user }: Case): readonly Need[] {
  if (user !== undefined) return ["ordinaryUser", "newuidmap"];
  return ids === undefined || ids === "none" ? [] : ["userNamespaces"];
}

/** Runs the case at its first use only: both comparisons look at the same run. */
function once(produce: () => Promise<CaseRun>): () => Promise<CaseRun> {
  let result: Promise<CaseRun> | undefined;
  return () => (result ??= produce());
}
