/** The operation `list`. Input: the root. Output: the state of every container below it. @module */
import { BunkerError } from "../errors.ts";
import { closeStateDirectory, findStateDirectory, listIds, readRecord } from "../state/directory.ts";
import { DamagedRecord } from "../state/record_file.ts";
import { printable } from "./host_facts.ts";
import type { ListedView, RuntimeOptions, StateView } from "./types.ts";
import { viewOf } from "./view.ts";

/** One container that cannot be read must not hide the others, nor be hidden: it has its line, and a warning says why. */
export function list(rt: RuntimeOptions): ListedView[] {
  const views: ListedView[] = [];
  for (const id of listIds(rt.root)) {
    try {
      const view = viewById(rt, id);
      if (view !== undefined) views.push(view);
    } catch (error) {
      if (!(error instanceof BunkerError)) throw error;
      rt.log.warn(`Only the name of container "${printable(id)}" is known: ${error.message}`);
      views.push(unreadable(id, error));
    }
  }
  return views;
}

/** Nothing for a container that is gone by now, or not there yet. */
function viewById(rt: RuntimeOptions, id: string): StateView | undefined {
  const directory = findStateDirectory(rt.root, id);
  if (directory === undefined) return undefined;
  try {
    const seen = readRecord(directory);
    return seen === undefined ? undefined : viewOf(directory, seen);
  } finally {
    closeStateDirectory(directory);
  }
}

/** Nothing of what it says is believed. The time is Go's zero, for those who read the list by its time package. */
function unreadable(id: string, error: BunkerError): ListedView {
  return {
    ociVersion: "",
    id: printable(id),
    pid: 0,
    status: error instanceof DamagedRecord ? "damaged" : "unknown",
    bundle: "",
    rootfs: "",
    created: "0001-01-01T00:00:00Z",
    owner: "",
  };
}
