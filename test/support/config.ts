/**
 * The config.json that every test starts from: what a runtime's `spec` prints, without a terminal and without
 * limits. In: nothing. Out: a fresh object that the test changes as it likes.
 * @module
 */

/** A mount entry as config.json spells it. */
export interface MountEntry {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
}

/** One hook as config.json spells it. */
export interface HookEntry {
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}

/** The six kinds, in the order of the life cycle. */
export const hookKinds = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;
export type HookKind = (typeof hookKinds)[number];

/** config.json with the parts that tests change typed, the rest open. */
export interface Config {
  ociVersion: string;
  process: {
    terminal: boolean;
    user: { uid: number; gid: number; additionalGids?: number[]; umask?: number };
    args: string[];
    env: string[];
    cwd: string;
    capabilities: Record<string, string[]>;
    rlimits: { type: string; hard: number | bigint; soft: number | bigint }[];
    noNewPrivileges: boolean;
    [key: string]: unknown;
  };
  root: { path: string; readonly: boolean };
  hostname?: string;
  mounts: MountEntry[];
  hooks?: Partial<Record<HookKind, HookEntry[]>>;
  annotations?: Record<string, string>;
  linux: {
    namespaces: { type: string; path?: string }[];
    maskedPaths?: string[];
    readonlyPaths?: string[];
    cgroupsPath?: string;
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

const defaultCapabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

/** A fresh base configuration: every namespace but user and time, the default mounts, busybox as the program. */
export function baseConfig(args: readonly string[] = ["/bin/true"]): Config {
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: [...args],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: {
        bounding: [...defaultCapabilities],
        effective: [...defaultCapabilities],
        permitted: [...defaultCapabilities],
      },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: false },
    hostname: "tested",
    mounts: defaultMounts(),
    linux: {
      namespaces: ["pid", "network", "ipc", "uts", "mount", "cgroup"].map((type) => ({ type })),
      maskedPaths: [
        "/proc/acpi",
        "/proc/asound",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/scsi",
        "/sys/firmware",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

function defaultMounts(): MountEntry[] {
  return [
    { destination: "/proc", type: "proc", source: "proc" },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
    },
  ];
}

/** JSON text of a configuration; a bigint becomes the number that JSON has room for and JavaScript has not. */
export function configText(config: Config): string {
  const text = JSON.stringify(
    config,
    (_key, value: unknown) => (typeof value === "bigint" ? `bigint:${value}` : value),
    2,
  );
  return text.replaceAll(/"bigint:(\d+)"/g, "$1");
}

/** A range of ids as config.json spells it. */
export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

/** Adds a user namespace of these ids, or replaces the one that is there. */
export function withUserNamespace(config: Config, uids: readonly IdMapping[], gids: readonly IdMapping[] = uids): void {
  withoutNamespace(config, "user");
  config.linux.namespaces.unshift({ type: "user" });
  config.linux["uidMappings"] = [...uids];
  config.linux["gidMappings"] = [...gids];
}

/** Takes a namespace away, so that the container inherits the runtime's. */
export function withoutNamespace(config: Config, type: string): void {
  config.linux.namespaces = config.linux.namespaces.filter((entry) => entry.type !== type);
}

/** Takes away the mounts at or below a destination. */
export function withoutMounts(config: Config, destination: string): void {
  config.mounts = config.mounts.filter(
    (entry) => entry.destination !== destination && !entry.destination.startsWith(`${destination}/`),
  );
}
