/**
 * The operation `features`: what this version does, never what is planned; independent of the machine.
 * Input: version facts. Output: the structure of features.md.
 *
 * Spec: features.md, features-linux.md
 * @module
 */
import { capabilityNames } from "../plan/capabilities.ts";
import { knownMountOptions } from "../plan/mount_options.ts";
import { knownArchitectures } from "../seccomp/architectures.ts";
import {
  memoryPolicyFlags,
  memoryPolicyModes,
  namespaceTypes,
  seccompActions,
  seccompFlags,
  seccompOperators,
} from "../spec/enumerations.ts";

export function features(product: { readonly version: string; readonly commit: string }): object {
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: "1.3.0",
    hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    mountOptions: knownMountOptions(),
    linux: {
      namespaces: namespaceTypes.toSorted(),
      capabilities: capabilityNames,
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: seccompFeatures(),
      apparmor: { enabled: true },
      selinux: { enabled: true },
      memoryPolicy: { modes: memoryPolicyModes, flags: memoryPolicyFlags },
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

function seccompFeatures(): object {
  return {
    enabled: true,
    actions: seccompActions.toSorted(),
    operators: seccompOperators.toSorted(),
    archs: knownArchitectures(),
    knownFlags: seccompFlags,
    supportedFlags: seccompFlags,
  };
}
