/** The operation `list`. Input: the root. Output: the state of every container below it. @module */
import { BunkerError } from "../errors.ts";
import { closeStateDirectory, findStateDirectory, listIds, readRecord } from "../state/directory.ts";
import type { RuntimeOptions, StateView } from "./types.ts";
import { viewOf } from "./view.ts";

/** One damaged container must not hide the others: it is left out with a warning. */
export function list(rt: RuntimeOptions): StateView[] {
  const views: StateView[] = [];
  for (const id of listIds(rt.root)) {
    try {
      const view = viewById(rt, id);
      if (view !== undefined) views.push(view);
    } catch (error) {
      if (!(error instanceof BunkerError)) throw error;
      rt.log.warn(`Left out of the list: ${error.message}`);
    }
  }
  return views;
}

/** Nothing for a container that is gone by now, or not there yet. */
function viewById(rt: RuntimeOptions, id: string): StateView | undefined {
  const directory = findStateDirectory(rt.root, id);
  if (directory === undefined) return undefined;
  try {
    const record = readRecord(directory);
    return record === undefined ? undefined : viewOf(directory, record);
  } finally {
    closeStateDirectory(directory);
  }
}
