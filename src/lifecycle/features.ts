/**
 * The operation `features`: what this version does, never what is planned; independent of the machine.
 * Input: version facts. Output: the structure of features.md.
 *
 * Spec: features.md, features-linux.md
 * @module
 */
import { constants } from "../../syscalls/generated/constants.ts";
import { knownMountOptions } from "../plan/mount_options.ts";
import { knownArchitectures } from "../seccomp/architectures.ts";

export function features(product: { readonly version: string; readonly commit: string }): object {
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: "1.3.0",
    hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    mountOptions: knownMountOptions(),
    linux: {
      namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
      capabilities: capabilityNames(),
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: seccompFeatures(),
      apparmor: { enabled: true },
      selinux: { enabled: true },
      memoryPolicy: memoryPolicyFeatures(),
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: { "io.bunker.version": product.version, "io.bunker.commit": product.commit },
    // What changes more than a description: callers that let strangers write annotations filter these (CVE-2024-3154).
    potentiallyUnsafeConfigAnnotations: [
      "org.systemd.property.",
      "run.oci.hooks.stderr",
      "run.oci.hooks.stdout",
      "run.oci.keep_original_groups",
      "run.oci.mount_context_type",
    ],
  };
}

function memoryPolicyFeatures(): object {
  return {
    modes: [
      "MPOL_DEFAULT",
      "MPOL_BIND",
      "MPOL_INTERLEAVE",
      "MPOL_WEIGHTED_INTERLEAVE",
      "MPOL_PREFERRED",
      "MPOL_PREFERRED_MANY",
      "MPOL_LOCAL",
    ],
    flags: ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"],
  };
}

function seccompFeatures(): object {
  const flags = [
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
  ];
  return {
    enabled: true,
    actions: [
      "SCMP_ACT_ALLOW",
      "SCMP_ACT_ERRNO",
      "SCMP_ACT_KILL",
      "SCMP_ACT_KILL_PROCESS",
      "SCMP_ACT_KILL_THREAD",
      "SCMP_ACT_LOG",
      "SCMP_ACT_NOTIFY",
      "SCMP_ACT_TRACE",
      "SCMP_ACT_TRAP",
    ],
    operators: [
      "SCMP_CMP_EQ",
      "SCMP_CMP_GE",
      "SCMP_CMP_GT",
      "SCMP_CMP_LE",
      "SCMP_CMP_LT",
      "SCMP_CMP_MASKED_EQ",
      "SCMP_CMP_NE",
    ],
    archs: knownArchitectures(),
    knownFlags: flags,
    supportedFlags: flags,
  };
}

/** In the kernel's order. */
function capabilityNames(): string[] {
  return Object.keys(constants())
    .filter((name) => name.startsWith("CAP_") && name !== "CAP_LAST_CAP")
    .sort((a, b) => constants()[a]! - constants()[b]!);
}
