/**
 * Cuts a plan into the programs that execute it. Input: Plan. Output: its items by who runs them and when, each with
 * the address (line) of its first call in the whole plan.
 * @module
 */
import { PlanError } from "../errors.ts";
import type { Call, Item, Plan, Side } from "../plan/types.ts";
import { countCalls, type Placed } from "./addresses.ts";

export interface Split {
  /** The runtime's calls before the stage exists. */
  readonly prepare: readonly Placed[];
  /** What the thread that makes the stage enters beforehand. */
  readonly thread: readonly Placed[];
  /** It joins a user namespace. */
  readonly joinsUser: boolean;
  /** The clone3 that makes the stage. */
  readonly clone: Call;
  readonly cloneAddress: number;
  /** The unit that systemd makes, and whether for the stage's process: while that waits, before `mapping`. */
  readonly unit: { readonly call: Call; readonly isAfterClone: boolean } | undefined;
  /** The runtime's calls while the stage's process waits to execute: its id mappings. */
  readonly mapping: readonly Placed[];
  readonly stage: readonly Placed[];
  /** The runtime's calls while the stage runs: hooks in the runtime namespace. */
  readonly after: readonly Placed[];
  /** What tells the process that goes on in the stage's place, among `after`; undefined: it goes on itself. */
  readonly adopt: Call | undefined;
}

const firstPart = 44;
/** The rest is memory of the container's, and has to find room in a socket. */
const mostItems = 512;
const mostText = 16_384;

/**
 * How many items the stage starts with while the rest is being encoded, which takes the engine as long as they take the
 * kernel; 0: all of them go together, for they are few, or large, or wait for messages while the rest would be one.
 */
export function firstItems({ stage }: Pick<Split, "stage">): number {
  if (stage.length < 2 * firstPart || stage.length > mostItems) return 0;
  for (let i = 0; i < firstPart; i++) {
    const { item } = stage[i]!;
    if (item.kind === "call" && item.call.startsWith("wait")) return 0;
  }
  // The program's arguments and environment, which may be megabytes.
  const last = stage[stage.length - 1]!.item;
  return last.kind === "call" && hasMoreText(last, mostText) ? 0 : firstPart;
}

/** Whether a call's lists of texts have more characters than that. */
function hasMoreText({ args }: Call, most: number): boolean {
  let length = 0;
  for (const list of args) {
    if (!Array.isArray(list)) continue;
    for (const text of list as readonly unknown[]) if (typeof text === "string") length += text.length;
  }
  return length > most;
}

/** The side of an item: an alternative is on the side of its first call. */
export function sideOf(item: Item): Side {
  if (item.kind === "call") return item.side;
  const first = item.attempt[0];
  if (first === undefined) throw new PlanError("An alternative attempts nothing");
  return first.side;
}

/** Cuts at clone3. Errors: PlanError when there is none. */
export function splitPlan(plan: Plan): Split {
  const prepare: Placed[] = [];
  const thread: Placed[] = [];
  const mapping: Placed[] = [];
  const stage: Placed[] = [];
  const after: Placed[] = [];
  let clone: Call | undefined;
  let cloneAddress = 0;
  let address = 0;
  let joinsUser = false;
  let unit: Split["unit"];
  let adopt: Call | undefined;
  for (const item of plan.items) {
    const isCall = item.kind === "call";
    if (isCall && item.call === "clone3") {
      clone = item;
      cloneAddress = address;
    } else if (isCall && item.call === "start_unit") {
      unit = { call: item, isAfterClone: clone !== undefined };
    } else {
      const side = isCall ? item.side : sideOf(item);
      if (isCall && item.call === "adopt") adopt = item;
      if (side === "stage") stage.push({ item, address });
      else if (side === "thread") {
        thread.push({ item, address });
        if (isCall && item.call === "setns" && (item.args[1] as string).includes("CLONE_NEWUSER")) joinsUser = true;
      } else if (clone === undefined) prepare.push({ item, address });
      else if (stage.length === 0) mapping.push({ item, address });
      else after.push({ item, address });
    }
    address += isCall ? 1 : countCalls(item);
  }
  if (clone === undefined) throw new PlanError("The plan makes no process: clone3 is missing");
  return { prepare, thread, joinsUser, clone, cloneAddress, unit, mapping, stage, after, adopt };
}
