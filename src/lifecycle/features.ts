/**
 * The operation `features`: what this version does, never what is planned; independent of the machine.
 * Input: version facts. Output: the structure of features.md.
 *
 * Spec: features.md, features-linux.md
 * @module
 */
import { constants } from "../../syscalls/generated/constants.ts";
import { knownMountOptions } from "../plan/mount_options.ts";

export function features(product: { readonly version: string; readonly commit: string }): object {
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: "1.3.0",
    hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    mountOptions: knownMountOptions(),
    linux: {
      namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
      capabilities: capabilityNames(),
      cgroup: { v1: true, v2: true, systemd: false, systemdUser: false, rdma: true },
      seccomp: { enabled: false },
      apparmor: { enabled: false },
      selinux: { enabled: false },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: false },
    },
    annotations: { "io.bunker.version": product.version, "io.bunker.commit": product.commit },
  };
}

/** In the kernel's order. */
function capabilityNames(): string[] {
  return Object.keys(constants())
    .filter((name) => name.startsWith("CAP_") && name !== "CAP_LAST_CAP")
    .sort((a, b) => constants()[a]! - constants()[b]!);
}
