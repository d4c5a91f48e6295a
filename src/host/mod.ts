/**
 * Input: this machine. Output: Host, the facts a plan depends on.
 * On the hot path of every start: few calls, and never the mount table, which grows with the host.
 * @module
 */
import { has, parseCapabilitySet } from "../plan/capabilities.ts";
import { hasLimits } from "../plan/cgroup_limits.ts";
import { delegatesCgroup } from "../plan/cgroup_owner.ts";
import { isMachinesRoot } from "../plan/context.ts";
import type { Host } from "../plan/host.ts";
import { findNamespace } from "../spec/namespaces.ts";
import { arch, AT_FDCWD, flags, readLink, readText, stable, sys, textOf, tryReadText } from "../stage/sys.ts";
import type { Spec } from "../spec/types.ts";
import { probeCgroups, type WantedFacts } from "./cgroups.ts";
import { hasRootsDev, probeDevtmpfs } from "./devtmpfs.ts";
import { probeIdHelpers } from "./ids.ts";
import { liftedLimits } from "./lifted_limits.ts";
import { probeResctrl } from "./resctrl.ts";
import { probeSecurityModules } from "./security_modules.ts";
import { probeMissing } from "./missing.ts";
import { probeHostNamespaces } from "./namespaces.ts";

/** /proc/self/ns/user of the initial user namespace (linux/proc_ns.h PROC_USER_INIT_INO). */
const INITIAL_USER_NAMESPACE = "user:[4026531837]";
const NAMESPACE_BYTES = 64;
const UTSNAME_FIELD = 65;
const EPERM = 1;

/** No cgroup is to be made. */
const noCgroups: Host["cgroup"] = { layout: "none", v2: null, v1: [] };

/** Reads the facts. @param spec tells which of the rarer ones are wanted; undefined: the container exists already */
export function probeHost(spec: Spec | undefined, id?: string): Host {
  const capabilities = ownCapabilities();
  const permitted = parseCapabilitySet(capabilities.permitted);
  const inUserNamespace = isInUserNamespace();
  const euid = sys("geteuid");
  const release = kernelRelease();
  const mayMount = has(permitted, flags("CAP_SYS_ADMIN")) && (!inUserNamespace || ownsMounts());
  const mayMapIds = has(permitted, flags("CAP_SETUID")) && has(permitted, flags("CAP_SETGID"));
  const lifted = liftedLimits();
  const host: Host = {
    arch,
    kernel: release,
    euid,
    capabilities,
    lastCapability: lastCapability(),
    ...openFileLimits(),
    ...(lifted === undefined ? {} : { liftedLimits: lifted }),
    cgroup: spec === undefined ? noCgroups : probeCgroups(isMachinesRoot({ euid, inUserNamespace }), wantedOf(spec)),
    inUserNamespace,
    egid: sys("getegid"),
    mayMount,
    mayMapIds,
    missing: probeMissing(release, mayMount),
    idHelpers: spec !== undefined && !mayMapIds && needsMaps(spec, mayMount) ? probeIdHelpers(euid) : null,
  };
  const { process, linux, mounts } = spec ?? {};
  const isRare =
    joinsAny(linux) ||
    (spec !== undefined && hasRootsDev(mounts)) ||
    linux?.intelRdt !== undefined ||
    linux?.mountLabel !== undefined ||
    process?.apparmorProfile !== undefined ||
    process?.selinuxLabel !== undefined;
  return isRare ? { ...host, ...rarest(spec!, id) } : host;
}

function joinsAny(linux: Spec["linux"]): boolean {
  for (const { path } of linux?.namespaces ?? []) if (path !== undefined) return true;
  return false;
}

/** Facts for properties that hardly any config.json has. */
function rarest(
  { process, linux, mounts }: Spec,
  id: string | undefined,
): Pick<Host, "devtmpfs" | "hostNamespaces" | "resctrl" | "securityModules"> {
  const wantsLabels =
    process?.apparmorProfile !== undefined || process?.selinuxLabel !== undefined || linux?.mountLabel !== undefined;
  const rdt = linux?.intelRdt;
  const devtmpfs = hasRootsDev(mounts) ? probeDevtmpfs() : undefined;
  return {
    ...(devtmpfs === undefined ? {} : { devtmpfs }),
    ...(joinsAny(linux) ? { hostNamespaces: probeHostNamespaces(linux!) } : {}),
    ...(rdt === undefined || id === undefined ? {} : { resctrl: probeResctrl(rdt.closID, id) }),
    ...(wantsLabels ? { securityModules: probeSecurityModules() } : {}),
  };
}

/** What config.json makes worth looking for about cgroups. */
const wantedOf = (spec: Spec): WantedFacts => ({
  controllers: hasLimits(spec.linux?.resources),
  delegate: delegatesCgroup(spec) && (spec.process?.user.uid !== 0 || findNamespace(spec.linux, "user") !== undefined),
});

function kernelRelease(): Host["kernel"] {
  const buffer = stable(6 * UTSNAME_FIELD);
  sys("uname", buffer); // ignored: it fails for a wrong address only
  const field = buffer.subarray(2 * UTSNAME_FIELD, 3 * UTSNAME_FIELD);
  const release = textOf(field.subarray(0, field.indexOf(0)));
  const [major, minor] = release.split(".", 2);
  return { release, major: Number.parseInt(major!, 10), minor: Number.parseInt(minor!, 10) };
}

/** /proc/self/status shows both sets as 16 hexadecimal digits; one read instead of a prctl for each capability. */
function ownCapabilities(): Host["capabilities"] {
  const status = readText(AT_FDCWD, "/proc/self/status");
  const digits = (name: string) => {
    const at = status.indexOf(name) + name.length;
    return status.slice(at, at + 16);
  };
  return { bounding: digits("CapBnd:\t"), permitted: digits("CapPrm:\t") };
}

/** PR_CAPBSET_READ answers EINVAL for the first capability this kernel does not know; 40 since Linux 5.9. */
function lastCapability(): number {
  const knows = (capability: number) => sys("prctl", flags("PR_CAPBSET_READ"), capability, 0, 0, 0) >= 0;
  let last = 40;
  while (knows(last + 1)) last++;
  while (!knows(last)) last--;
  return last;
}

/**
 * The caller's limits on open files. The engine raises its own soft limit before our first statement, so the parent's
 * is read instead: ours was a copy of it, unless one was set between (`ulimit` and `exec` in one shell). Another user's
 * parent (su, setpriv) is asked through /proc, where everybody may read it. Where neither is allowed, the kernel's
 * default for a new login (1024) stands in.
 */
function openFileLimits(): { softNoFile: number; hardNoFile: number } {
  const limit = stable(16);
  const view = new DataView(limit.buffer);
  const read = (pid: number) => sys("prlimit64", pid, flags("RLIMIT_NOFILE"), null, limit) === 0;
  const parent = sys("getppid");
  const soft = read(parent) ? view.getUint32(0, true) : softLimitOf(parent);
  const hardNoFile = read(0) ? view.getUint32(8, true) : soft;
  return { softNoFile: Math.min(soft, hardNoFile), hardNoFile };
}

/** proc_pid_limits(5): "Max open files            1024                 524288               files". */
function softLimitOf(pid: number): number {
  const text = tryReadText(`/proc/${pid}/limits`) ?? "";
  const at = text.indexOf("Max open files");
  const soft = Number.parseInt(text.slice(at + 14), 10);
  return at < 0 || Number.isNaN(soft) ? 1024 : soft;
}

/** Whether a user namespace is to be made: asked for, or because nothing else is allowed (plan/context.ts). */
function needsMaps(spec: Spec, mayMount: boolean): boolean {
  const user = findNamespace(spec.linux, "user");
  return user === undefined ? !mayMount : user.path === undefined;
}

/**
 * In a user namespace every capability may count for nothing here: the mount namespace can be an outer one's. umount2
 * asks for the right to mount before it sees that there is no mount point (EINVAL).
 */
function ownsMounts(): boolean {
  return sys("umount2", "/proc/self/fd", 0) !== -EPERM;
}

function isInUserNamespace(): boolean {
  const namespace = readLink("/proc/self/ns/user", NAMESPACE_BYTES);
  // A kernel without that kind has no such file.
  return typeof namespace === "string" && namespace !== INITIAL_USER_NAMESPACE;
}
