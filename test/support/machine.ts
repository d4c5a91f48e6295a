/**
 * What this machine offers a test, and the views of it that a runtime can be given. In: needs by name.
 * Out: options for node:test with a reason to skip, wrappers to put before a command line.
 * @module
 */
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { mode } from "./mode.ts";
import { patience } from "./patience.ts";
import { afterMounting } from "./own_mounts.ts";
import { busyboxPath } from "./rootfs.ts";
import { asUser } from "./user.ts";

/**
 * How the runtime sees the cgroups: `host` as they are; `v2` with the unified hierarchy mounted over
 * /sys/fs/cgroup in a mount namespace of its own (as on a machine without version 1); `none` with an empty tmpfs.
 */
export type View = "host" | "v2" | "none";

/** Words to put before a command line so that it runs under the view. Each is an exec: the pid stays. */
export function viewPrefix(view: View): string[] {
  if (view === "v2") return afterMounting("mount -t cgroup2 cgroup2 /sys/fs/cgroup");
  if (view === "none") return afterMounting("mount -t tmpfs tmpfs /sys/fs/cgroup");
  return [];
}

/** The program's path, or undefined. */
export function findProgram(name: string): string | undefined {
  const places = [...(process.env["PATH"] ?? "").split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"];
  return places
    .map((place) => `${place}/${name}`)
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const tries = (argv: readonly string[]): boolean => {
  try {
    execFileSync(argv[0]!, argv.slice(1), { stdio: "ignore", timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
};

/** Each check gives the reason why the test cannot run, or undefined. */
const checks = {
  root: () =>
    process.getuid?.() === 0 && tries(["unshare", "-mpf", "true"])
      ? undefined
      : "needs root with CAP_SYS_ADMIN: namespaces cannot be made here",
  busybox: () => (busyboxPath === undefined ? "needs busybox-static for the root file system" : undefined),
  cgroup2: () =>
    tries([...viewPrefix("v2"), "true"]) ? undefined : "the kernel does not mount cgroup2 in a mount namespace here",
  /** Not beside version 1, which has them all else. */
  cgroup2Controllers: () => {
    const path = "/sys/fs/cgroup/cgroup.controllers";
    const have = existsSync(path) ? readFileSync(path, "utf8").trim().split(" ") : [];
    const lacking = ["cpu", "cpuset", "io", "memory", "pids"].filter((name) => !have.includes(name));
    return lacking.length === 0 ? undefined : `cgroup v2 has no ${lacking.join(", ")} controller on this machine`;
  },
  cgroup1: () =>
    existsSync("/sys/fs/cgroup/pids/cgroup.procs") ? undefined : "no cgroup version 1 hierarchy is mounted here",
  userNamespaces: () =>
    tries(["unshare", "-U", "true"]) ? undefined : "user namespaces cannot be made here (user.max_user_namespaces)",
  ordinaryUser: () =>
    tries([...asUser, "unshare", "-Urmp", "-f", "true"])
      ? undefined
      : "an ordinary user cannot make user namespaces here (setpriv of util-linux, or what the machine forbids)",
  newuidmap: () => helpersCheck(),
  deviceNodes: () => (mode === "root" ? undefined : "a user namespace makes no device nodes"),
  notMapped: () => (mode === "root" ? undefined : "what it joins belongs to the machine's own user namespace"),
  hostMounts: () =>
    mode === "rootless" ? "the test's ordinary user calls the runtime in a mount namespace of its own" : undefined,
  ownCgroups: () => (mode === "rootless" ? "the test's ordinary user may make no cgroups" : undefined),
  systemd: () => (tries(["systemctl", "show", "--property=Version"]) ? undefined : "systemd does not run this machine"),
  lingering: () => (existsSync("/run/user/1000/bus") ? undefined : "no user with id 1000 has a session that lingers"),
  unified: () =>
    existsSync("/sys/fs/cgroup/cgroup.controllers") ? undefined : "cgroup version 2 is not the machine's only one",
  noSysResource: () => (hasCapability(24) ? "has CAP_SYS_RESOURCE: every limit is granted here" : undefined),
  twoProcessors: () =>
    /^Cpus_allowed_list:\s*\d+$/m.test(readFileSync("/proc/self/status", "utf8"))
      ? "the tests are held to one processor"
      : undefined,
  runc: () => programCheck("runc"),
  crun: () => programCheck("crun"),
  ip: () => programCheck("ip"),
  strace: () =>
    programCheck("strace") ?? (tries(["strace", "-o", "/dev/null", "true"]) ? undefined : "ptrace is not allowed here"),
  tmux: () => programCheck("tmux"),
  hyperfine: () => programCheck("hyperfine"),
  mmdebstrap: () => programCheck("mmdebstrap"),
  compiler: () => undefined,
} satisfies Record<string, () => string | undefined>;

export type Need = keyof typeof checks;

const programCheck = (name: string): string | undefined =>
  findProgram(name) === undefined ? `${name} is not installed` : undefined;

/** The files are bound over by those of the test's user, so they must be there. */
const helpersCheck = (): string | undefined => {
  const setUserId = 0o4000;
  for (const name of ["newuidmap", "newgidmap"]) {
    const path = findProgram(name);
    if (path === undefined) return `${name} is not installed (Debian: uidmap)`;
    if ((statSync(path).mode & setUserId) === 0) return `${path} is not set-user-id`;
  }
  return ["/etc/subuid", "/etc/subgid"]
    .map((path) => (existsSync(path) ? undefined : `there is no ${path}`))
    .find(Boolean);
};

const known = new Map<Need, string | undefined>();

/** The first reason why a test with these needs cannot run here. */
export function missing(...needs: readonly Need[]): string | undefined {
  for (const need of needs) {
    if (!known.has(need)) known.set(need, checks[need]());
    const reason = known.get(need);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Options of node:test for a test of a container. */
export const limits = { timeout: 120_000 * patience } as const;

/** Whether this process holds a capability in its effective set. */
export function hasCapability(bit: number): boolean {
  const line = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return ((BigInt(`0x${line}`) >> BigInt(bit)) & 1n) === 1n;
}
