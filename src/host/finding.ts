/**
 * What is found out about this machine for `check`, one fact at a time, and how the answers of probes are read.
 * In: results of system calls, files. Out: Finding. Every probe is a call that is refused before it does anything.
 * @module
 */
import { errnoName, tryReadText } from "../stage/sys.ts";

/** One line of `bunker check`. */
export interface Finding {
  readonly group: string;
  readonly name: string;
  /** `unknown`: only more rights could tell. `info`: neither good nor bad. */
  readonly state: "yes" | "no" | "unknown" | "info";
  /** What was found, where that is more than yes or no. */
  readonly value?: string;
  /** What does not work, or works another way, for want of it. */
  readonly cost?: string;
  /** Nothing runs without it. */
  readonly isFatal?: boolean;
}

/** Appends findings of one group. */
export class Findings {
  readonly list: Finding[] = [];
  #group = "";

  group(name: string): void {
    this.#group = name;
  }

  /** A fact with two sides. @param cost said unless it is there */
  is(name: string, isThere: boolean | undefined, cost: string, value = ""): void {
    const state = isThere === undefined ? "unknown" : isThere ? "yes" : "no";
    this.#add({ name, state, ...(value === "" ? {} : { value }), ...(isThere === true ? {} : { cost }) });
  }

  /** A fact without which no container runs. */
  needs(name: string, isThere: boolean, cost: string, value = ""): void {
    this.is(name, isThere, cost, value);
    if (!isThere) this.list.push({ ...this.list.pop()!, isFatal: true });
  }

  says(name: string, value: string): void {
    this.#add({ name, state: "info", value });
  }

  #add(finding: Omit<Finding, "group">): void {
    this.list.push({ group: this.#group, ...finding });
  }
}

const EINVAL = 22;
const ENOSYS = 38;

/** Whether a call made with arguments it must refuse knows what it was asked: neither EINVAL nor ENOSYS. */
export const isKnown = (result: number): boolean => result !== -EINVAL && result !== -ENOSYS;

/** Whether a call is there at all. A seccomp filter of an outer container may say EPERM as well. */
export const isThere = (result: number): boolean => result !== -ENOSYS;

/** "EPERM", for the value of a finding; "" where the call went well. */
export const errnoOf = (result: number): string => (result < 0 ? errnoName(-result) : "");

/** Text of a small file without its last newline; undefined where it cannot be read. */
export const textIn = (path: string): string | undefined => tryReadText(path)?.trim();
