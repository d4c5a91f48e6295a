/**
 * The lines of a plan: each call has an address, its number in the order `explain` prints. Input: Items. Output: calls,
 * addresses.
 * @module
 */
import type { Call, Item, Plan } from "../plan/types.ts";

/** An item with the address of its first call in the whole plan. */
export interface Placed {
  readonly item: Item;
  readonly address: number;
}

/** Address of what the stage does besides the plan's lines. */
export const noLine = 0xffff_ffff;

/** Number of calls in an item: what it advances the plan's addresses by. */
export function countCalls(item: Item): number {
  if (item.kind === "call") return 1;
  let count = item.attempt.length;
  for (const inner of item.then) count += countCalls(inner);
  for (const branch of item.branches) for (const inner of branch.items) count += countCalls(inner);
  return count;
}

/** Items that a plan starts with. */
export function placed(items: readonly Item[]): Placed[] {
  const found: Placed[] = [];
  let address = 0;
  for (const item of items) {
    found.push({ item, address });
    address += countCalls(item);
  }
  return found;
}

/** Every call, also those of alternatives, in the order of addresses. */
export function callsOf({ items }: Pick<Plan, "items">): Call[] {
  const calls: Call[] = [];
  const visit = (item: Item): void => {
    if (item.kind === "call") {
      calls.push(item);
      return;
    }
    item.attempt.forEach(visit);
    item.then.forEach(visit);
    for (const branch of item.branches) branch.items.forEach(visit);
  };
  items.forEach(visit);
  return calls;
}

/** The call at an address; undefined beyond the plan's end. */
export function callAt(plan: Plan, address: number): Call | undefined {
  return callsOf(plan)[address];
}

/** The calls before an address, however far. */
export function callsBefore(plan: Plan, address: number): Call[] {
  return callsOf(plan).slice(0, Math.max(0, address));
}
