/**
 * The config.json that `bunker spec` writes. In: rootless or not. Out: plain object, in the order it is written.
 * Same content as `runc spec`, so that whoever edits one finds the same in the other.
 * @module
 */

const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

const maskedPaths = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/sys/firmware",
  "/proc/scsi",
];

const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/**
 * A shell in a read-only root, with its own namespaces and few rights. `isRootless`: a user namespace in which
 * `uid` and `gid` of the runtime's namespace are root. `isUnified`: the machine has cgroup v2 alone.
 */
export function defaultSpec(isRootless: boolean, uid = 0, gid = 0, isUnified = false): object {
  return {
    ociVersion: "1.3.0",
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
        // runc lists ambient ones too; without inheritable ones the kernel grants none of them (capabilities(7)).
      },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "bunker",
    mounts: defaultMounts(isRootless),
    linux: {
      // Limits need a cgroup the user may write to, so the rootless form asks for none.
      ...(isRootless ? {} : { resources: { devices: [{ allow: false, access: "rwm" }] } }),
      ...(isRootless
        ? {
            uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
            gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
          }
        : {}),
      namespaces: namespaceTypes(isRootless, isUnified).map((type) => ({ type })),
      maskedPaths,
      readonlyPaths,
    },
  };
}

/** Rootless shares the network, which it could not configure, and has a user namespace. */
function namespaceTypes(isRootless: boolean, isUnified: boolean): readonly string[] {
  const types = isRootless ? ["pid", "ipc", "uts", "mount", "user"] : ["pid", "network", "ipc", "uts", "mount"];
  // As runc: without it /sys/fs/cgroup shows the machine's tree; on v1 it shows the container's own cgroups alone.
  return isUnified ? [...types, "cgroup"] : types;
}

function defaultMounts(isRootless: boolean): readonly object[] {
  const closed = ["nosuid", "noexec", "nodev"];
  const devpts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
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
      // Group 5 (tty) is not mapped in a user namespace of one id.
      options: isRootless ? devpts : [...devpts, "gid=5"],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...closed, "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: closed },
    // sysfs shows a network namespace, so only its owner may mount a new one.
    isRootless
      ? { destination: "/sys", type: "none", source: "/sys", options: ["rbind", ...closed, "ro"] }
      : { destination: "/sys", type: "sysfs", source: "sysfs", options: [...closed, "ro"] },
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: [...closed, "relatime", "ro"],
    },
  ];
}
