/**
 * Host: the facts about this machine that a plan depends on, plain data, gathered by the room host/.
 * PlanOptions: what the command line adds. Both are golden-test inputs, so they are JSON throughout.
 * @module
 */

/** One mounted cgroup v1 hierarchy. */
export interface CgroupHierarchy {
  /** As in /proc/self/cgroup: ["cpu", "cpuacct"], or ["name=systemd"]. */
  readonly controllers: readonly string[];
  /** Where it is mounted, absolute. */
  readonly mountPoint: string;
  /** The runtime's own place in it, absolute within the hierarchy. */
  readonly own: string;
}

export interface Host {
  readonly arch: "x86_64" | "aarch64";
  /** uname -r, and its first two numbers. */
  readonly kernel: { readonly release: string; readonly major: number; readonly minor: number };
  readonly euid: number;
  /** The runtime's own sets, as hexadecimal text like /proc/self/status shows them. */
  readonly capabilities: { readonly bounding: string; readonly permitted: string };
  /** Number of the last capability the kernel knows. */
  readonly lastCapability: number;
  /** Soft limit on open files the runtime was started with (the JavaScript engine raises its own). */
  readonly softNoFile: number;
  /** Its hard limit, which nobody changed. RLIM_INFINITY in either is Number.MAX_SAFE_INTEGER. */
  readonly hardNoFile: number;
  readonly cgroup: {
    readonly layout: "v2" | "v1" | "none";
    /** v2: the mount point and the runtime's own place. A hybrid machine counts as v1. */
    readonly v2: { readonly mountPoint: string; readonly own: string; readonly controllers: readonly string[] } | null;
    readonly v1: readonly CgroupHierarchy[];
  };
  /** Runtime's user namespace is not the initial one. */
  readonly inUserNamespace: boolean;
}

export interface PlanOptions {
  readonly verb: "create" | "run";
  readonly id: string;
  /** Absolute path of the bundle. */
  readonly bundle: string;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  /** How many descriptors from 3 on the container gets (LISTEN_FDS included). */
  readonly preserveFds: number;
  /** LISTEN_FDS the runtime was given; 0: none. */
  readonly listenFds: number;
  readonly cgroupManager: "cgroupfs" | "systemd" | "disabled";
  /** Who receives the terminal's master: the --console-socket, the foreground monitor, or nobody (no terminal). */
  readonly console: "socket" | "foreground" | "none";
}
