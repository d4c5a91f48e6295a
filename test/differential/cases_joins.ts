/**
 * Variations of joined namespaces: of a process that is no container's, and of another container (a pod).
 * @module
 */
import { type Config, withoutMounts, withoutNamespace } from "../support/config.ts";
import { hold, joinNamespaces, namespacePath, type NamespaceKind } from "../support/holders.ts";
import { mappedIds } from "../support/mode.ts";
import type { Bundle } from "../support/scope.ts";
import type { Case } from "./case.ts";

/** A case that joins namespaces of a waiting process. */
function joins(name: string, kinds: readonly NamespaceKind[], lines = "true", more: Partial<Case> = {}): Case {
  return {
    name: `joined ${name}`,
    prepare: async (bundle, scope) => {
      const holder = await hold(scope, kinds, { lines, ...(kinds.includes("user") ? { ids: mappedIds } : {}) });
      joinNamespaces(bundle.config, holder, kinds);
      return holder;
    },
    ...(kinds.includes("user") ? { ids: mappedIds } : {}),
    ...more,
  };
}

/** A case that joins namespaces of another container. */
function pod(name: string, kinds: readonly NamespaceKind[], more: Partial<Case> = {}): Case {
  return {
    name: `pod, ${name}`,
    prepare: async (bundle, scope, run) => {
      const change = (config: Config): void => {
        config.hostname = "the-pod";
        config.linux["sysctl"] = { "kernel.msgmax": "12345" };
      };
      const infra: Bundle = scope.bundle(["/bin/sleep", "1000"], change, { ids: more.ids ?? "none" });
      const pid = await run(infra);
      joinNamespaces(bundle.config, pid, kinds);
      return pid;
    },
    extra: "cat /proc/sys/kernel/msgmax",
    ...more,
  };
}

const refused = (name: string, path: (pid: number) => string): Case => ({
  name: `joined network namespace, ${name}`,
  args: ["/bin/true"],
  prepare: async (bundle, scope) => {
    const holder = await hold(scope, ["ipc"]);
    withoutNamespace(bundle.config, "network");
    bundle.config.linux.namespaces.push({ type: "network", path: path(holder) });
    return holder;
  },
});

export const joinCases: Case[] = [
  joins("network namespace", ["network"], "ip link set lo up; ip link add dummy0 type dummy 2>/dev/null"),
  joins("network namespace with its loopback down", ["network"]),
  joins("ipc namespace", ["ipc"], "echo 4321 > /proc/sys/kernel/msgmax", { extra: "cat /proc/sys/kernel/msgmax" }),
  joins("uts namespace", ["uts"], "hostname of-the-holder"),
  joins("pid namespace", ["pid"]),
  joins("cgroup namespace", ["cgroup"]),
  joins("time namespace", ["time"], "true", {
    without: { runc: "Debian 12's runc 1.1 knows no time namespaces", crun: "crun 1.8 fails to join one" },
  }),
  joins("mount namespace", ["mount"], "true", { extra: "true" }),
  joins("network, ipc and uts namespaces", ["network", "ipc", "uts"], "hostname together"),
  joins("network, ipc, uts and pid namespaces", ["network", "ipc", "uts", "pid"]),
  joins("user namespace", ["user"]),
  joins("user and network namespaces", ["user", "network"], "ip link set lo up"),
  joins("user, network, ipc, uts and pid namespaces", ["user", "network", "ipc", "uts", "pid"]),
  {
    ...joins("network namespace, another user", ["network"]),
    change: (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
    },
  },
  {
    ...joins("network namespace, sysfs left out", ["network"]),
    change: (config) => withoutMounts(config, "/sys"),
  },
  refused("the path of another type is refused", (pid) => namespacePath(pid, "ipc")),
  refused("a path that is not there is refused", () => "/not/there"),
  refused("an ordinary file is refused", () => "/etc/passwd"),
  pod("network, ipc and uts", ["network", "ipc", "uts"]),
  pod("pid", ["pid"], { extra: "true" }),
  pod("network, ipc, uts and pid", ["network", "ipc", "uts", "pid"]),
  pod("user, network, ipc and uts", ["user", "network", "ipc", "uts"], { ids: mappedIds }),
  pod("user, network, ipc, uts and pid", ["user", "network", "ipc", "uts", "pid"], { ids: mappedIds }),
];
