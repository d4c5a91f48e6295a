/** The operation `state`. Input: an id. Output: StateView. Spec: runtime.md#query-state @module */
import { closeStateDirectory, openStateDirectory } from "../state/directory.ts";
import { recordOf } from "./record.ts";
import type { RuntimeOptions, StateView } from "./types.ts";
import { viewOf } from "./view.ts";

export function state(rt: RuntimeOptions, id: string): StateView {
  const directory = openStateDirectory(rt.root, id);
  try {
    return viewOf(directory, recordOf(directory));
  } finally {
    closeStateDirectory(directory);
  }
}
