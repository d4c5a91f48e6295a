/**
 * `linux.sysctl`: which kernel parameters belong to a namespace, and where their files are.
 * In: key of the map. Out: path below /proc/sys, type of the namespace.
 * Spec: config-linux.md#sysctl. Keys in the two forms of sysctl.d(5).
 * @module
 */
import type { NamespaceType } from "./types.ts";

/** ipc_namespaces(7); files of fs/mqueue too. */
const ipcParameters = new Set([
  "kernel/msgmax",
  "kernel/msgmnb",
  "kernel/msgmni",
  "kernel/sem",
  "kernel/shmall",
  "kernel/shmmax",
  "kernel/shmmni",
  "kernel/shm_rmid_forced",
]);

/**
 * Path below /proc/sys of a key. The first separator decides: after a "." dots separate and slashes stand for
 * dots ("net.ipv4.conf.eth0/100.rp_filter"), after a "/" it is a path already.
 */
export function sysctlPath(key: string): string {
  const dot = key.indexOf(".");
  const slash = key.indexOf("/");
  if (slash < 0) return key.replaceAll(".", "/");
  if (dot < 0 || slash < dot) return key;
  return key
    .split(".")
    .map((step) => step.replaceAll("/", "."))
    .join("/");
}

/** Whether a path below /proc/sys stays there and names a file: no empty, "." or ".." step. */
export function isSysctlPath(path: string): boolean {
  for (const step of path.split("/")) if (step === "" || step === "." || step === "..") return false;
  return true;
}

/** The namespace a parameter belongs to; undefined: to the whole machine. */
export function sysctlNamespace(path: string): NamespaceType | undefined {
  if (ipcParameters.has(path) || path.startsWith("fs/mqueue/")) return "ipc";
  if (path.startsWith("net/")) return "network";
  if (path === "kernel/domainname" || path === "kernel/hostname") return "uts";
  if (path.startsWith("user/")) return "user";
  return undefined;
}
