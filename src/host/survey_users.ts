/**
 * User namespaces, their limits, and what an ordinary user has to map ids. Input: this machine. Output: findings.
 * Kernel: user_namespaces(7), namespaces(7) /proc/sys/user/
 * @module
 */
import { ops } from "../../syscalls/ops.ts";
import type { Host, IdRange } from "../plan/host.ts";
import { AT_FDCWD, flags, kernel, stable, sys } from "../stage/sys.ts";
import { errnoOf, type Findings, textIn } from "./finding.ts";
import { probeIdHelpers } from "./ids.ts";

const namespaces = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"] as const;

/** Switches of distributions, the value that forbids, and how to change it. */
const switches = [
  { file: "/proc/sys/kernel/unprivileged_userns_clone", forbids: "0", name: "kernel.unprivileged_userns_clone" },
  {
    file: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    forbids: "1",
    name: "kernel.apparmor_restrict_unprivileged_userns",
  },
] as const;

export function surveyUsers(found: Findings, host: Host): void {
  found.group("users");
  const k = kernel();
  const made = k.call(ops.SHIM_PROBE_MOUNTS, k.stack, k.stackBytes, 0, 0, 0, 0);
  const cost = "containers with a user namespace fail, and ordinary users run none";
  if (host.mayMount) found.is("user namespaces", made >= 0, cost, errnoOf(made));
  else found.needs("user namespaces", made >= 0, cost, errnoOf(made));
  for (const { file, forbids, name } of switches) {
    const value = textIn(file);
    if (value === undefined) continue;
    const isOpen = value !== forbids;
    found.is(`${name} = ${value}`, isOpen, `ordinary users are refused; sysctl ${name}=${forbids === "0" ? 1 : 0}`);
  }
  for (const type of namespaces) {
    const limit = textIn(`/proc/sys/user/max_${type}_namespaces`);
    if (limit === undefined) continue;
    const mayBeMade = limit !== "0";
    found.is(`user.max_${type}_namespaces`, mayBeMade, `a new ${type} namespace fails with ENOSPC`, limit);
  }
  surveyHelpers(found, host);
}

function surveyHelpers(found: Findings, host: Host): void {
  const { newuidmap, newgidmap, uids, gids } = probeIdHelpers(host.euid);
  const whose = host.mayMapIds ? " (not needed with the rights at hand)" : "";
  for (const [name, path] of [
    ["newuidmap", newuidmap],
    ["newgidmap", newgidmap],
  ] as const) {
    const cost = `an ordinary user maps no ids but its own; Debian's package is uidmap${whose}`;
    const hasRights = path !== null && isPrivileged(path);
    found.is(
      name,
      hasRights,
      cost,
      path === null ? "" : hasRights ? path : `${path} without set-user-id or capabilities`,
    );
  }
  const text = (ranges: readonly IdRange[]): string => ranges.map(({ first, count }) => `${first}+${count}`).join(" ");
  for (const [name, ranges] of [
    ["/etc/subuid", uids],
    ["/etc/subgid", gids],
  ] as const) {
    const cost = `no subordinate ids for uid ${host.euid}: usermod --add-sub${name.slice(-3)}s 100000-165535 USER${whose}`;
    found.is(name, ranges.length > 0, cost, text(ranges));
  }
}

const S_ISUID = 0o4000;

/** Set-user-id, or with file capabilities (capabilities(7)). */
function isPrivileged(path: string): boolean {
  const status = stable(256);
  if (sys("statx", AT_FDCWD, path, 0, flags("STATX_BASIC_STATS"), status) < 0) return false;
  if ((new DataView(status.buffer).getUint16(28, true) & S_ISUID) !== 0) return true;
  return sys("getxattr", path, "security.capability", stable(64), 64) > 0;
}
