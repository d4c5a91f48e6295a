/**
 * The containers that a word on the command line names: one, or with --regex each whose id matches, as with crun.
 * Input: --root, the word. Output: what was done to each; the first failure, once all had their turn.
 * @module
 */
import { UsageError } from "../errors.ts";
import { listIds } from "../state/directory.ts";
import type { OptionTable } from "./arguments.ts";

export const regexOption = {
  regex: { type: "boolean", alias: "r", description: "ID is a regular expression: every container whose id matches" },
} as const satisfies OptionTable;

/** Acts on one container, or on those that match; none is no error. */
export function onMatching(root: string, word: string, isRegex: boolean, act: (id: string) => void): void {
  if (!isRegex) return act(word);
  const failures: unknown[] = [];
  const pattern = compile(word);
  for (const id of listIds(root)) {
    if (!pattern.test(id)) continue;
    try {
      act(id);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function compile(word: string): RegExp {
  try {
    return new RegExp(word);
  } catch (error) {
    throw new UsageError(`Invalid regular expression "${word}": ${(error as Error).message}`);
  }
}
