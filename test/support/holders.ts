/**
 * Processes that hold namespaces open for others to join: util-linux's unshare around a sleep.
 * In: types. Out: the pid, whose /proc/PID/ns names them.
 * @module
 */
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { type Config, type IdMapping, withoutNamespace } from "./config.ts";
import { until } from "./execute.ts";
import type { Scope } from "./scope.ts";

/** Types of config.json → name below /proc/PID/ns, option of unshare(1). */
const kinds = {
  mount: ["mnt", "--mount"],
  pid: ["pid", "--pid"],
  network: ["net", "--net"],
  ipc: ["ipc", "--ipc"],
  uts: ["uts", "--uts"],
  user: ["user", "--user"],
  cgroup: ["cgroup", "--cgroup"],
  time: ["time", "--time"],
} as const;
export type NamespaceKind = keyof typeof kinds;
export const namespaceKinds = Object.keys(kinds) as NamespaceKind[];

/** The path that config.json joins. */
export const namespacePath = (pid: number, kind: NamespaceKind): string => `/proc/${pid}/ns/${kinds[kind][0]}`;

/** What identifies a namespace, as "net:[4026531840]". */
export const namespaceOf = (pid: number | "self", kind: NamespaceKind): string =>
  readlinkSync(`/proc/${pid}/ns/${kinds[kind][0]}`);

/** Replaces the namespaces of these kinds by those of a process. */
export function joinNamespaces(config: Config, pid: number, kinds: readonly NamespaceKind[]): void {
  for (const kind of kinds) {
    withoutNamespace(config, kind);
    config.linux.namespaces.push({ type: kind, path: namespacePath(pid, kind) });
  }
  if (kinds.includes("uts")) delete config.hostname;
  if (kinds.includes("mount")) {
    config.mounts = [];
    delete config.linux.maskedPaths;
    delete config.linux.readonlyPaths;
  }
}

export interface HolderOptions {
  /** Maps of a user namespace, written by root. */
  ids?: readonly IdMapping[];
  /** Shell lines that the holder runs inside before it sleeps. */
  lines?: string;
  /** More words for unshare(1). */
  options?: readonly string[];
  /** Words before unshare. */
  before?: readonly string[];
  timeoutMs?: number;
}

/** Starts a process in new namespaces of these kinds; it ends with the test. */
export async function hold(
  scope: Scope,
  wanted: readonly NamespaceKind[],
  { ids, lines = "true", options = [], before = [], timeoutMs = 100_000 }: HolderOptions = {},
): Promise<number> {
  const then = `${lines}; echo held; exec sleep 1000`;
  const asRoot = ["setpriv", "--reuid=0", "--regid=0", "--clear-groups", "/bin/sh", "-c", then];
  const program =
    ids === undefined
      ? ["/bin/sh", "-c", then]
      : // Capabilities are kept over the exec for a caller that is nobody until the maps are written.
        ["/bin/sh", "-c", 'until grep -q . /proc/self/gid_map; do sleep 0.01; done; exec "$@"', "sh", ...asRoot];
  const more = ids === undefined ? [] : ["--keep-caps"];
  // Forked always: unshare(1) stays outside of pid and time namespaces, and its child is the holder.
  const flags = [...wanted.map((kind) => kinds[kind][1]), ...options, ...more, "--fork", "--kill-child"];
  const running = scope.start([...before, "unshare", ...flags, ...program], { timeoutMs });
  const pid = await until("the holder", () => {
    try {
      return Number(readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, "utf8").trim());
    } catch {
      return 0;
    }
  });
  if (ids !== undefined) {
    const text = ids.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
    for (const name of ["uid_map", "gid_map"]) writeFileSync(`/proc/${pid}/${name}`, text);
  }
  await until(`the holder to be ready, which says ${running.errors()}`, () => running.output().includes("held"));
  return pid;
}
