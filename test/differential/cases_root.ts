/**
 * Variations over the root file system: read-only, propagation, masked and read-only paths, how it is entered.
 * @module
 */
import { mkdirSync, readFileSync } from "node:fs";
import { withoutNamespace } from "../support/config.ts";
import type { Bundle } from "../support/scope.ts";
import type { Case } from "./case.ts";
import { source } from "./cases_mounts.ts";

export const rootCases: Case[] = [
  {
    name: "read-only root",
    extra: "touch /new 2>/dev/null && echo writable; touch /dev/shm/x && echo shm",
    change: (config) => {
      config.root.readonly = true;
    },
  },
  {
    name: "absolute root path",
    change: (config, bundle) => {
      config.root.path = bundle.rootfs;
    },
  },
  ...["shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate"].map((propagation): Case => ({
    name: `rootfsPropagation ${propagation}`,
    change: (config) => {
      config.linux["rootfsPropagation"] = propagation;
    },
  })),
  {
    name: "masked paths: file, directory, missing, symbolic link",
    extra:
      "cat /etc/hosts | wc -c; ls -A /var/lib | wc -l; cat /etc/link 2>&1 | wc -c; echo x 2>/dev/null > /etc/hosts && echo w",
    change: (config, bundle) => {
      mkdirSync(`${bundle.rootfs}/var/lib/inner`);
      config.linux.maskedPaths = ["/etc/hosts", "/var/lib", "/not/there", "/proc/kcore"];
    },
  },
  {
    name: "read-only paths: file, directory, missing",
    extra: "for f in /etc/hosts /var/lib/x; do echo x 2>/dev/null > $f && echo $f writable; done; true",
    change: (config) => {
      config.linux.readonlyPaths = ["/etc/hosts", "/var/lib", "/not/there", "/proc/sys"];
    },
  },
  {
    name: "no masked and no read-only paths",
    change: (config) => {
      delete config.linux.maskedPaths;
      delete config.linux.readonlyPaths;
    },
  },
  {
    name: "no pivot",
    options: ["--no-pivot"],
  },
  {
    name: "inherited mount namespace",
    change: (config) => {
      withoutNamespace(config, "mount");
      config.mounts = [];
      delete config.linux.maskedPaths;
      delete config.linux.readonlyPaths;
    },
  },
  {
    name: "files made in the root for mount points",
    extra: "true",
    change: (config, bundle) => {
      config.mounts.push({ destination: "/a/b/c", source: source(bundle), options: ["bind"] });
      config.mounts.push({ destination: "/a/f", source: `${source(bundle)}/file`, options: ["bind"] });
    },
    collect: (bundle) => ({ modes: modes(bundle, ["a", "a/b", "a/b/c", "a/f"]) }),
  },
];

function modes(bundle: Bundle, names: string[]): string {
  return names.map((name) => `${name} ${kindOf(`${bundle.rootfs}/${name}`)}`).join("; ");
}

function kindOf(path: string): string {
  try {
    readFileSync(path);
    return "file";
  } catch (error) {
    return (error as { code?: string }).code ?? "error";
  }
}
