/**
 * One variation of config.json and how it is run. In: the case's parts. Out: types the runner reads.
 * @module
 */
import type { Config } from "../support/config.ts";
import type { Bundle, BundleOptions, Scope } from "../support/scope.ts";
import type { OrdinaryUser } from "../support/user.ts";

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
  /** Ids of a user namespace, which the root file system then belongs to. */
  ids?: BundleOptions["ids"];
  /** Who calls the runtime; root unless given. */
  user?: OrdinaryUser;
  /**
   * Makes what must be there first and edits the configuration by it; `run` calls the same runtime. Gives the pid of a
   * process whose namespaces show as "joined" in the view.
   */
  prepare?: (bundle: Bundle, scope: Scope, run: RunRuntime) => Promise<number>;
  /** The container only waits; the probe runs by `exec` with these options before the id. */
  exec?: (bundle: Bundle, scope: Scope) => readonly string[];
}

/** Starts a container of the case's runtime and gives its process's pid. */
export type RunRuntime = (bundle: Bundle) => Promise<number>;
