/**
 * Whether a record read back says what a record can say. In: JSON value, the id of its directory. Out: what is wrong.
 *
 * Only we write state.json, but whoever may write there decides by it which processes are killed, which directories are
 * removed and which programs run as hooks: so it is checked like any input, before anything of it is acted upon. That a
 * path of it is (still) a cgroup is asked of the kernel at each use (src/cgroup/filesystems.ts).
 * @module
 */
import { type Form, findFault } from "./forms.ts";

/** Where the hierarchies are mounted (src/host/cgroups.ts), and resctrl (src/plan/resctrl.ts). */
const cgroupMount = "/sys/fs/cgroup";
const resctrlMount = "/sys/fs/resctrl";
/** PID_MAX_LIMIT of a 64-bit kernel (include/linux/threads.h). */
const maxPid = 4_194_304;
const maxId = 0xffff_fffe;
/** unit_name_is_valid(): UNIT_NAME_MAX, and the letters of it. */
const maxUnitName = 255;
const unitLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";

/** Types; what they mean is looked at below. A function: a run has no use for it. */
function forms(): { record: Form; config: Form } {
  const hook = { path: "path", "args?": ["word"], "env?": ["word"], "timeout?": "count" } as const;
  const deviceRule = {
    allow: "flag",
    "type?": "text",
    "major?": "number",
    "minor?": "number",
    "access?": "text",
  } as const;
  const record = {
    id: "text",
    pid: "count",
    startTime: "count",
    bundle: "path",
    rootfs: "path",
    created: "text",
    owner: "count",
    annotations: { "*": "text" },
    cgroups: ["path"],
    "found?": ["path"],
    "resctrl?": { groups: ["path"], made: ["path"] },
    cgroupManager: "text",
    "unit?": { name: "word", socket: "word" },
    hooks: { "poststart?": [hook], "poststop?": [hook] },
    ociVersion: "text",
    noNewKeyring: "flag",
    "planned?": { host: { "*": "any" }, options: { id: "text", "notify?": "path" } },
    "deviceRules?": [deviceRule],
    config: { "*": "any" },
  } as const;
  return { record, config: configForm() };
}

/**
 * What of config.json is taken out of the record again without its schemas (src/spec/recorded.ts); the whole of it was
 * checked by them when the container was made.
 */
function configForm(): Form {
  const argument = { index: "count", value: "number", "valueTwo?": "number", op: "text" } as const;
  const rule = { names: ["text"], action: "text", "errnoRet?": "count", "args?": [argument] } as const;
  const process = {
    "terminal?": "flag",
    "user?": { "uid?": "count", "gid?": "count", "umask?": "count", "additionalGids?": ["count"] },
    args: ["word"],
    "env?": ["word"],
    cwd: "word",
    "capabilities?": { "*": ["text"] },
    "rlimits?": [{ type: "text", soft: "number", hard: "number" }],
    "noNewPrivileges?": "flag",
    "apparmorProfile?": "word",
    "selinuxLabel?": "word",
    "oomScoreAdj?": "number",
    "scheduler?": { policy: "text" },
    "ioPriority?": { class: "text", "priority?": "count" },
    "execCPUAffinity?": { "initial?": "text", "final?": "text" },
  } as const;
  return {
    "process?": process,
    "annotations?": { "*": "text" },
    "linux?": {
      "namespaces?": [{ type: "text", "path?": "word" }],
      "personality?": { domain: "text", "flags?": ["text"] },
      "seccomp?": {
        defaultAction: "text",
        "defaultErrnoRet?": "count",
        "architectures?": ["text"],
        "flags?": ["text"],
        "syscalls?": [rule],
      },
      "resources?": { "devices?": "any" },
    },
  };
}

/** What is wrong with a record, "" where nothing is. */
export function recordFault(record: unknown, id: string): string {
  const { record: form, config } = forms();
  return (
    findFault(record, form) ||
    findFault((record as Checked).config, config, "/config") ||
    meaningFault(record as Checked, id)
  );
}

interface Checked {
  readonly id: string;
  readonly pid: number;
  readonly startTime: number;
  readonly owner: number;
  readonly cgroups: readonly string[];
  readonly found?: readonly string[] | null;
  readonly resctrl?: { readonly groups: readonly string[]; readonly made: readonly string[] } | null;
  readonly cgroupManager: string;
  readonly unit?: { readonly name: string; readonly socket: string } | null;
  readonly config: unknown;
}

function meaningFault(record: Checked, id: string): string {
  const { pid, startTime, owner, cgroups, found, resctrl, cgroupManager, unit } = record;
  // Another container's record, under this one's name: what is done to one would be done to the other.
  if (record.id !== id) return `/id: expected "${id}"`;
  // Nobody's container is the first process of our own pid namespace.
  if (pid === 1 || pid > maxPid) return "/pid: expected a pid";
  if (pid === 0 && startTime !== 0) return "/startTime: expected 0 where there is no process";
  if (owner > maxId) return "/owner: expected a user's id";
  for (const path of cgroups) if (!isBelow(path, cgroupMount)) return `/cgroups: expected paths in ${cgroupMount}`;
  for (const path of found ?? []) if (!cgroups.includes(path)) return "/found: expected some of /cgroups";
  for (const path of resctrl?.groups ?? [])
    if (!isBelow(path, resctrlMount)) return `/resctrl: expected paths in ${resctrlMount}`;
  for (const path of resctrl?.made ?? [])
    if (!resctrl!.groups.includes(path)) return "/resctrl/made: expected some of /resctrl/groups";
  if (cgroupManager !== "cgroupfs" && cgroupManager !== "systemd" && cgroupManager !== "disabled")
    return "/cgroupManager: expected cgroupfs, systemd or disabled";
  if (unit !== undefined && unit !== null && !isUnit(unit)) return "/unit: expected a unit's name and a socket's path";
  return "";
}

/** The directory itself too: a container may be in the topmost cgroup, which nobody removes. */
const isBelow = (path: string, directory: string): boolean =>
  path === directory || (path.startsWith(`${directory}/`) && !`${path}/`.includes("/../"));

function isUnit({ name, socket }: NonNullable<Checked["unit"]>): boolean {
  if (name.length > maxUnitName || !(name.endsWith(".scope") || name.endsWith(".slice"))) return false;
  for (let i = 0; i < name.length; i++) if (!unitLetters.includes(name[i]!)) return false;
  return socket.startsWith("@") || socket.startsWith("/");
}
