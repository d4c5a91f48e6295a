/**
 * What the command line hands to the operations and what they hand back. Plain data.
 * @module
 */
import type { Logger } from "../log.ts";
import type { ProcessChanges } from "../spec/change_process.ts";

/** What every operation needs to know. */
export interface RuntimeOptions {
  /** Absolute path of the directory that holds the containers' state directories. */
  readonly root: string;
  readonly cgroupManager: "cgroupfs" | "systemd" | "disabled";
  readonly debug: boolean;
  readonly log: Logger;
}

export interface CreateOptions {
  readonly id: string;
  /** As given: may be relative to the working directory. */
  readonly bundle: string;
  /** File read in place of the bundle's config.json. */
  readonly config?: string;
  readonly pidFile?: string;
  /** Receives a descriptor of the process. */
  readonly pidfdSocket?: string;
  readonly consoleSocket?: string;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  /** Descriptors passed on, beyond stdio and those of LISTEN_FDS. */
  readonly preserveFds: number;
}

export interface RunOptions extends CreateOptions {
  readonly detach: boolean;
  readonly keep: boolean;
  readonly noSubreaper: boolean;
}

export interface ExecOptions {
  readonly id: string;
  /** File to read the process from; without one it is the container's own, changed. */
  readonly processFile?: string;
  readonly changes: ProcessChanges;
  readonly detach: boolean;
  readonly ignorePaused: boolean;
  readonly pidFile?: string;
  /** Receives a descriptor of the process. */
  readonly pidfdSocket?: string;
  readonly consoleSocket?: string;
  readonly preserveFds: number;
  readonly cgroups: readonly SubCgroup[];
}

/** A place below the container's cgroup. */
export interface SubCgroup {
  /** Of version 1; none: all of them, or version 2. */
  readonly controllers: readonly string[];
  readonly path: string;
}

export type Status = "creating" | "created" | "running" | "paused" | "stopped";

/** The state as `state` and `list` print it: the specification's members and runc's. */
export interface StateView {
  readonly ociVersion: string;
  readonly id: string;
  /** 0 when stopped. */
  readonly pid: number;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly created: string;
  /** Name of the user that created it; the number where /etc/passwd knows none. */
  readonly owner: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The unit of systemd's that its cgroup belongs to; as crun. */
  readonly "systemd-scope"?: string;
}

/** A line of `list`. `damaged`: its record says what no record can say; `unknown`: it could not be read. */
export interface ListedView extends Omit<StateView, "status"> {
  readonly status: Status | "damaged" | "unknown";
}
