/**
 * Differences between bunker and its peers that are meant or harmless, each with its reason.
 * In: nothing. Out: the list that the differential test checks every difference against.
 * @module
 */
import type { Difference } from "./view.ts";

export interface KnownDifference {
  peer: "runc" | "crun";
  /** Cases it may appear in; everywhere unless given. */
  cases?: RegExp;
  /** "section name" of the view. */
  key: RegExp;
  ours?: RegExp;
  theirs?: RegExp;
  /** Why it is right that bunker differs, or why it does not matter. */
  why: string;
}

export const knownDifferences: readonly KnownDifference[] = [];

/** The entry that explains a difference, if one does. */
export function explanation(
  peer: string,
  caseName: string,
  { key, ours, theirs }: Difference,
): KnownDifference | undefined {
  return knownDifferences.find(
    (known) =>
      known.peer === peer &&
      (known.cases?.test(caseName) ?? true) &&
      known.key.test(key) &&
      (known.ours?.test(ours ?? "") ?? true) &&
      (known.theirs?.test(theirs ?? "") ?? true),
  );
}
