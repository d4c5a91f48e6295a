/**
 * Which alternatives of a plan were taken, for the debug log. Input: records. Output: lines.
 * @module
 */
import type { Alternative, Item, Plan } from "../plan/types.ts";
import { callText } from "../program/print.ts";
import { callAt } from "../program/addresses.ts";
import { errnoName } from "../stage/sys.ts";
import type { Loaded } from "./load.ts";
import type { RuntimeOptions } from "./types.ts";

/** Logs one line for each branch taken; costs nothing unless debugging. */
export function debugBranches(
  rt: RuntimeOptions,
  { plan }: Pick<Loaded, "plan">,
  taken: readonly { address: number; errno: number }[],
): void {
  if (!rt.log.debugging) return;
  for (const { address, errno } of taken) {
    const call = callAt(plan, address);
    if (call === undefined) continue;
    const name = errnoName(errno);
    const why = branchFor(plan, call, name);
    rt.log.debug(`line ${address}: ${callText(call)} = ${name}, so: ${why}`);
  }
}

function branchFor(plan: Plan, call: Item, errno: string): string {
  const search = (items: readonly Item[]): string | undefined => {
    for (const item of items) {
      if (item.kind === "call") continue;
      if ((item.attempt as readonly Item[]).includes(call)) return reason(item, errno);
      const inner = search(item.then) ?? item.branches.map(({ items: branch }) => search(branch)).find(Boolean);
      if (inner !== undefined) return inner;
    }
    return undefined;
  };
  return search(plan.items) ?? "expected";
}

function reason(item: Alternative, errno: string): string {
  return item.branches.find(({ on }) => on.includes(errno) || on.includes("*"))?.why ?? "expected";
}
