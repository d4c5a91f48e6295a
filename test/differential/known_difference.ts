/**
 * One known difference between bunker and a peer: where it shows, and why it is right or harmless.
 * @module
 */
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
