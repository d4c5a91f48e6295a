/**
 * Host: the facts about this machine that a plan depends on, plain data, gathered by the room host/.
 * PlanOptions: what the command line adds. Both are golden-test inputs, so they are JSON throughout.
 * @module
 */
import type { NamespaceType } from "../spec/types.ts";

/** One mounted cgroup v1 hierarchy. */
export interface CgroupHierarchy {
  /** As in /proc/self/cgroup: ["cpu", "cpuacct"], or ["name=systemd"]. */
  readonly controllers: readonly string[];
  /** Where it is mounted, absolute. */
  readonly mountPoint: string;
  /** The runtime's own place in it, absolute within the hierarchy. */
  readonly own: string;
}

/** The cgroup v2 hierarchy. */
export interface UnifiedHierarchy {
  readonly mountPoint: string;
  /** The runtime's own place, absolute within the hierarchy. */
  readonly own: string;
  /**
   * The controllers that cgroups may have where the runtime makes them: of the hierarchy, or what was delegated.
   * Looked for only where limits are asked; else empty.
   */
  readonly controllers: readonly string[];
  /** Files that go along with a delegated cgroup; absent: not looked for, or a kernel before 4.15. */
  readonly delegate?: readonly string[];
}

/** The systemd that makes cgroups: the machine's, or a user's own. */
export interface SystemdManager {
  readonly isUser: boolean;
  /** As in UnitAddress. */
  readonly socket: string;
  /** 257 */
  readonly version: number;
  /** The top of what is its to give, within each hierarchy: "" or "/user.slice/user-1000.slice/user@1000.service". */
  readonly controlGroup: string;
}

/** Calls of newer kernels that a plan can do without. */
export const optionalCalls = [
  "openat2",
  "open_tree",
  "fsopen",
  "mount_setattr",
  "move_mount",
  "clone3",
  "close_range",
] as const;

export type OptionalCall = (typeof optionalCalls)[number];

/** Ids from `first` on that a user may hand out: one line of /etc/subuid or /etc/subgid. */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/** What an ordinary user has to map more ids than its own. */
export interface IdHelpers {
  /** Absolute paths of the set-user-id programs of that name; null: not installed. */
  readonly newuidmap: string | null;
  readonly newgidmap: string | null;
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
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
  /**
   * Limits whose soft one was raised for the engine, as the runtime was started with them, by name: decimal texts,
   * for a host is JSON and they have 64 bits. Absent: none.
   */
  readonly liftedLimits?: Readonly<Record<string, { readonly soft: string; readonly hard: string }>>;
  readonly cgroup: {
    readonly layout: "v2" | "v1" | "none";
    /** v2: a hybrid machine counts as v1. */
    readonly v2: UnifiedHierarchy | null;
    readonly v1: readonly CgroupHierarchy[];
    /**
     * Where the runtime may make cgroups: `anywhere` as root; `beside` its own place where that was delegated to its
     * user (v2); `nowhere` else. Absent: anywhere.
     */
    readonly mayMake?: "anywhere" | "beside" | "nowhere";
  };
  /** Runtime's user namespace is not the initial one. */
  readonly inUserNamespace: boolean;
  readonly egid: number;
  /** The runtime may clone and make mounts where it is: CAP_SYS_ADMIN over its mount namespace. */
  readonly mayMount: boolean;
  /** It may write id mappings of any kind (CAP_SETUID and CAP_SETGID): no helpers needed. */
  readonly mayMapIds: boolean;
  /** Which optional calls the kernel lacks or a seccomp filter forbids. */
  readonly missing: readonly OptionalCall[];
  /** Asked only where it is to make the cgroup; or why there was no answer. */
  readonly systemd?: SystemdManager | { readonly unreachable: string };
  /** Looked for only where ids are to be mapped and the runtime may not do so itself; else null. */
  readonly idHelpers: IdHelpers | null;
  /** Absent: no class of resctrl is asked for. */
  readonly resctrl?: { readonly isMounted: boolean; /** The class asked for exists. */ readonly hasGroup: boolean };
  /**
   * Types of the namespaces joined by path that are the host's: the runtime's own, or the machine's first. Absent: none
   * is joined.
   */
  readonly hostNamespaces?: readonly NamespaceType[];
  /** Device number of the machine's devtmpfs. Absent: not looked for, or not in sight. */
  readonly devtmpfs?: { readonly major: number; readonly minor: number };
  /** Which modules can give labels. Absent: no label is asked for. */
  readonly securityModules?: { readonly appArmor: boolean; readonly selinux: boolean };
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
  /** Directory, absolute host path, where the program can say that it is ready; absent: nobody asks. */
  readonly notify?: string;
  /** Who receives the terminal's master: the --console-socket, the foreground monitor, or nobody (no terminal). */
  readonly console: "socket" | "foreground" | "none";
}
