/**
 * Configurations the tests of this room start from. Out: fresh plain objects, free to be changed.
 */

/** Plain JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** The least a container needs to start. */
export function smallConfig(): JsonObject {
  return {
    ociVersion: "1.3.0",
    root: { path: "rootfs" },
    process: { user: { uid: 0, gid: 0 }, args: ["/bin/true"], cwd: "/" },
  };
}

/** `smallConfig()` with a new namespace of each type but user, and further properties. */
export function configWith(changes: JsonObject): JsonObject {
  const types = ["pid", "network", "mount", "ipc", "uts", "cgroup", "time"];
  const { linux, process, ...rest } = changes;
  const small = smallConfig();
  return {
    ...small,
    process: { ...(small["process"] as JsonObject), ...(process as JsonObject) },
    linux: { namespaces: types.map((type) => ({ type })), ...(linux as JsonObject) },
    ...rest,
  };
}

/** Every property of runtime-spec 1.3 that Linux has, once. */
export function fullConfig(): JsonObject {
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const hook = [{ path: "/usr/bin/hook", args: ["hook", "now"], env: ["A=b"], timeout: 5 }];
  const throttle = [{ major: 8, minor: 0, rate: 1048576 }];
  return {
    ociVersion: "1.3.0",
    process: {
      terminal: true,
      consoleSize: { height: 24, width: 80 },
      user: { uid: 1000, gid: 1000, umask: 18, additionalGids: [5, 20] },
      args: ["sh", "-c", "id"],
      env: ["PATH=/bin", "EMPTY="],
      cwd: "/",
      capabilities: {
        bounding: ["CAP_KILL"],
        effective: ["CAP_KILL"],
        inheritable: ["CAP_KILL"],
        permitted: ["CAP_KILL"],
        ambient: ["CAP_KILL"],
      },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024, hard: 4096 }],
      noNewPrivileges: true,
      apparmorProfile: "profile",
      selinuxLabel: "system_u:system_r:svirt_lxc_net_t:s0:c124,c675",
      oomScoreAdj: 100,
      scheduler: {
        policy: "SCHED_DEADLINE",
        nice: 0,
        priority: 0,
        flags: ["SCHED_FLAG_RESET_ON_FORK"],
        runtime: 1000000,
        deadline: 2000000,
        period: 3000000,
      },
      ioPriority: { class: "IOPRIO_CLASS_BE", priority: 4 },
      execCPUAffinity: { initial: "0-1", final: "0,2" },
    },
    root: { path: "rootfs", readonly: true },
    hostname: "box",
    domainname: "example.org",
    mounts: [
      {
        destination: "/data",
        type: "bind",
        source: "/srv/data",
        options: ["bind", "ro"],
        uidMappings: structuredClone(mapping),
        gidMappings: structuredClone(mapping),
      },
    ],
    hooks: {
      prestart: structuredClone(hook),
      createRuntime: structuredClone(hook),
      createContainer: structuredClone(hook),
      startContainer: structuredClone(hook),
      poststart: structuredClone(hook),
      poststop: structuredClone(hook),
    },
    annotations: { "com.example.key": "value" },
    linux: {
      namespaces: [
        { type: "pid" },
        { type: "network", path: "/run/netns/a" },
        { type: "mount" },
        { type: "ipc" },
        { type: "uts" },
        { type: "user" },
        { type: "cgroup" },
        { type: "time" },
      ],
      uidMappings: structuredClone(mapping),
      gidMappings: structuredClone(mapping),
      timeOffsets: { monotonic: { secs: 10, nanosecs: 5 }, boottime: { secs: -10, nanosecs: 0 } },
      devices: [{ type: "c", path: "/dev/fuse", major: 10, minor: 229, fileMode: 438, uid: 0, gid: 0 }],
      netDevices: { eth1: { name: "eth0" } },
      cgroupsPath: "/box",
      resources: {
        devices: [{ allow: true, type: "c", major: 10, minor: 229, access: "rw" }],
        memory: {
          limit: 536870912,
          reservation: 268435456,
          swap: -1,
          kernel: -1,
          kernelTCP: -1,
          swappiness: 60,
          disableOOMKiller: false,
          useHierarchy: true,
          checkBeforeUpdate: true,
        },
        cpu: {
          shares: 1024,
          quota: 100000,
          burst: 0,
          period: 100000,
          realtimeRuntime: 950000,
          realtimePeriod: 1000000,
          cpus: "2-3",
          mems: "0-7",
          idle: 0,
        },
        pids: { limit: 32 },
        blockIO: {
          weight: 10,
          leafWeight: 10,
          weightDevice: [{ major: 8, minor: 0, weight: 500, leafWeight: 300 }],
          throttleReadBpsDevice: structuredClone(throttle),
          throttleWriteBpsDevice: structuredClone(throttle),
          throttleReadIOPSDevice: structuredClone(throttle),
          throttleWriteIOPSDevice: structuredClone(throttle),
        },
        hugepageLimits: [{ pageSize: "2MB", limit: 209715200 }],
        network: { classID: 1048577, priorities: [{ name: "eth0", priority: 500 }] },
        rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 } },
        unified: { "memory.high": "1073741824" },
      },
      intelRdt: {
        closID: "guaranteed",
        l3CacheSchema: "L3:0=7f0;1=1f",
        memBwSchema: "MB:0=20;1=70",
        schemata: ["L3:0=7f0"],
        enableMonitoring: true,
      },
      memoryPolicy: { mode: "MPOL_INTERLEAVE", nodes: "0-1", flags: ["MPOL_F_STATIC_NODES"] },
      sysctl: { "net.ipv4.ip_forward": "1", "net/core/somaxconn": "256" },
      seccomp: {
        defaultAction: "SCMP_ACT_ERRNO",
        defaultErrnoRet: 38,
        architectures: ["SCMP_ARCH_X86_64"],
        flags: ["SECCOMP_FILTER_FLAG_LOG"],
        listenerPath: "/run/agent.sock",
        listenerMetadata: "opaque",
        syscalls: [
          {
            names: ["clone"],
            action: "SCMP_ACT_ERRNO",
            errnoRet: 1,
            args: [{ index: 0, value: 2114060288, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
          },
        ],
      },
      rootfsPropagation: "rslave",
      maskedPaths: ["/proc/kcore"],
      readonlyPaths: ["/proc/sys"],
      mountLabel: "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811",
      personality: { domain: "LINUX32", flags: [] },
    },
    vm: {
      hypervisor: { path: "/usr/bin/vmm", parameters: ["a"] },
      kernel: { path: "/boot/vmlinux", parameters: ["quiet"], initrd: "/boot/initrd" },
      image: { path: "/srv/disk.raw", format: "raw" },
    },
  };
}
