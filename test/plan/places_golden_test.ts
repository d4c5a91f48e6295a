/** Over all golden plans: what lies in a mount that protects the container is never looked up by the names above it. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SpecError } from "../../src/errors.ts";
import type { Call, Item } from "../../src/plan/types.ts";
import { callText } from "../../src/program/print.ts";
import { goldenCases, planOf } from "../golden/cases.ts";

const lookUps = ["openat2", "resolve", "create_in_root", "openat", "open_tree"];
const places = ["proc", "sys", "dev"];

/** Calls of a plan, but what a link that left a volume leads to: that is the container's own path. */
function* callsBeneath(items: readonly Item[]): Generator<Call> {
  for (const item of items) {
    if (item.kind === "call") {
      yield item;
      continue;
    }
    yield* callsBeneath(item.attempt);
    yield* callsBeneath(item.then);
    for (const { on, items: branch } of item.branches) if (!on.includes("EXDEV")) yield* callsBeneath(branch);
  }
}

for (const golden of goldenCases()) {
  if (!golden.name.startsWith("create/")) continue;
  const { mounts = [] } = JSON.parse(golden.config) as { mounts?: { destination: string }[] };
  test(`golden ${golden.name} looks for nothing of a mount in /proc, /sys and /dev from the root`, () => {
    let items: readonly Item[];
    try {
      ({ items } = planOf(golden));
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
      return; // the configuration is refused
    }
    const mounted = new Set<string>();
    for (const call of callsBeneath(items)) {
      // Kernel parameters are below a procfs of the runtime's own.
      if (call.side !== "stage" || call.from.startsWith("/linux/sysctl")) continue;
      const path = String(call.args[1]);
      for (const place of mounted) {
        const isBelow = lookUps.includes(call.call) && call.args[0] !== "AT_FDCWD" && path.startsWith(`${place}/`);
        assert.ok(!isBelow, callText(call));
      }
      if (call.call !== "move_mount" && call.call !== "mount_fd") continue;
      const destination = mounts[Number(/^\/mounts\/(\d+)/.exec(call.from)?.[1] ?? -1)]?.destination.slice(1) ?? "";
      if (places.includes(destination)) mounted.add(destination);
    }
  });
}
