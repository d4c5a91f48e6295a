/**
 * seccomp and the security modules. Input: this machine. Output: findings.
 * Kernel: seccomp(2); Documentation/admin-guide/LSM
 * @module
 */
import { flags, stable, sys } from "../stage/sys.ts";
import { errnoOf, type Findings, isThere, textIn } from "./finding.ts";
import { probeSecurityModules } from "./security_modules.ts";

const actions = [
  ["SECCOMP_RET_KILL_PROCESS", "4.14"],
  ["SECCOMP_RET_KILL_THREAD", "3.5"],
  ["SECCOMP_RET_TRAP", "3.5"],
  ["SECCOMP_RET_ERRNO", "3.5"],
  ["SECCOMP_RET_USER_NOTIF", "5.0"],
  ["SECCOMP_RET_TRACE", "3.5"],
  ["SECCOMP_RET_LOG", "4.14"],
  ["SECCOMP_RET_ALLOW", "3.5"],
] as const;

/** A flag that is only taken beside another stands with it. */
const filterFlags = [
  ["TSYNC", "SECCOMP_FILTER_FLAG_TSYNC", "3.17"],
  ["LOG", "SECCOMP_FILTER_FLAG_LOG", "4.14"],
  ["SPEC_ALLOW", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "4.17"],
  ["NEW_LISTENER", "SECCOMP_FILTER_FLAG_NEW_LISTENER", "5.0"],
  ["WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_NEW_LISTENER|SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "5.19"],
] as const;

const EFAULT = 14;

export function surveySeccomp(found: Findings): void {
  found.group("seccomp");
  // A filter nowhere in memory: EFAULT comes after the flags were looked at, and before anything is done.
  const set = (expression: string): number =>
    sys("seccomp", flags("SECCOMP_SET_MODE_FILTER"), expression === "" ? 0 : flags(expression), null);
  const filters = set("");
  found.is(
    "filters",
    filters === -EFAULT,
    "containers with linux.seccomp fail",
    filters === -EFAULT ? "" : errnoOf(filters),
  );
  if (filters !== -EFAULT) return;
  const missing: string[] = [];
  const value = stable(4);
  for (const [name, since] of actions) {
    new DataView(value.buffer).setUint32(0, flags(name), true);
    const short = name.slice("SECCOMP_RET_".length);
    if (sys("seccomp", flags("SECCOMP_GET_ACTION_AVAIL"), 0, value) < 0) missing.push(`${short} (Linux ${since})`);
  }
  found.is(
    "actions",
    missing.length === 0,
    `filters with these fail: ${missing.join(", ")}`,
    missing.length === 0 ? "all" : "",
  );
  for (const [name, expression, since] of filterFlags) {
    found.is(`flag ${name}`, set(expression) === -EFAULT, `since Linux ${since}; filters do without it`);
  }
  const own = sys("prctl", flags("PR_GET_SECCOMP"), 0, 0, 0, 0);
  if (own > 0)
    found.says("own filter", "bunker itself runs under one: calls it forbids are forbidden to containers, too");
}

export function surveyLabels(found: Findings): void {
  found.group("security modules");
  const modules = textIn("/sys/kernel/security/lsm");
  found.says("active", modules ?? "not known: /sys/kernel/security is not mounted");
  const { appArmor: hasAppArmor, selinux: hasSelinux } = probeSecurityModules();
  found.is("AppArmor", hasAppArmor, "process.apparmorProfile is an error", hasAppArmor ? ownLabel("apparmor/") : "");
  found.is(
    "SELinux",
    hasSelinux,
    "process.selinuxLabel and linux.mountLabel are errors",
    hasSelinux ? ownLabel("") : "",
  );
  const landlock = sys("landlock_create_ruleset", null, 0, 1);
  found.is(
    "Landlock",
    landlock > 0,
    "nothing of bunker's; programs in containers may want it",
    landlock > 0 ? `ABI ${landlock}` : "",
  );
  found.is(
    "no_new_privs",
    isThere(sys("prctl", flags("PR_GET_NO_NEW_PRIVS"), 0, 0, 0, 0)),
    "process.noNewPrivileges fails",
  );
}

/** What bunker itself is confined by. */
function ownLabel(directory: string): string {
  const label = textIn(`/proc/self/attr/${directory}current`) ?? textIn("/proc/self/attr/current");
  return label === undefined ? "" : `own label "${label.replaceAll("\0", "")}"`;
}
