/**
 * One variation of config.json and how it is run. In: the case's parts. Out: types the runner reads.
 * @module
 */
import type { Config } from "../support/config.ts";
import type { Bundle, Scope } from "../support/scope.ts";

export interface Case {
  name: string;
  /** Edits the base configuration; `bundle` is on disk already, its files may be added to. */
  change?: (config: Config, bundle: Bundle, scope: Scope) => void;
  /** Shell lines appended to the probe; their output is compared line by line. */
  extra?: string;
  /** Program in the probe's place: its output and status are compared alone. */
  args?: readonly string[];
  /** Shell lines run in the runtime's own mount namespace before it (sources with mounts below them). */
  mounts?: (bundle: Bundle) => string;
  /** Unified cgroups unless said otherwise: crun starts on no hybrid machine. */
  view?: "v2" | "host";
  /** More to compare after the run: files the container or its hooks wrote. */
  collect?: (bundle: Bundle, scope: Scope) => Record<string, string>;
  /** Runtimes that this case is not about, each with the reason. */
  without?: Partial<Record<"runc" | "crun", string>>;
  /** Whether the runtime must refuse; then only that is compared. */
  fails?: boolean;
  /** Arguments of `run` before the id. */
  options?: readonly string[];
}
