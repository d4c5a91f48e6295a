/**
 * Running a program as an ordinary user without any privilege, on a machine that needs no such user: a free uid, a
 * private mount namespace where /etc/passwd, /etc/subuid and /etc/subgid know it.
 * In: a directory of the user's, what it may map. Out: words to put before a command line, its environment.
 * @module
 */
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { afterMounting } from "./own_mounts.ts";
import { inSession, sessionCgroup, sessionUser, sessionWords } from "./session.ts";

/** Else nobody's id on Debian: above what adduser gives out, below what systemd takes. */
export const ordinaryId = inSession ? sessionUser.id : 59_001;
export const userName = inSession ? sessionUser.name : "bunkertest";

/** The line of /etc/subuid and /etc/subgid. */
export const ordinaryRange = { first: 300_000, count: 65_536 } as const;

export interface OrdinaryUser {
  /** Whether /etc/subuid and /etc/subgid hand ids to it. */
  hasRanges: boolean;
  /** Whether newuidmap and newgidmap can be executed. */
  hasHelpers: boolean;
  /** Lines of /etc/subuid and /etc/subgid in place of the usual one. */
  ranges?: string;
  /** Lines of /etc/subgid alone. */
  groupRanges?: string;
  /** Its group, where it has not the user's number. */
  group?: number;
  /** Groups it is in besides. */
  groups?: readonly number[];
}

/** As on a machine made ready for rootless containers. */
export const usualUser: OrdinaryUser = { hasRanges: true, hasHelpers: true };

/** As on a machine where nobody thought of them. */
export const noHelp: OrdinaryUser = { hasRanges: false, hasHelpers: false };

/** Files the helpers read, and a runtime directory as a login makes it, below `directory`. */
export function prepareUser(directory: string, user: OrdinaryUser): void {
  const { first, count } = ordinaryRange;
  const range = user.ranges ?? (user.hasRanges ? `${userName}:${first}:${count}\n` : "");
  const group = user.group ?? ordinaryId;
  const files = {
    passwd: `${readFileSync("/etc/passwd", "utf8")}${userName}:x:${ordinaryId}:${group}::/nonexistent:/bin/sh\n`,
    group: `${readFileSync("/etc/group", "utf8")}${userName}:x:${group}:\n`,
    subuid: range,
    subgid: user.groupRanges ?? range,
    nothing: "",
  };
  mkdirSync(`${directory}/etc`, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(`${directory}/etc/${name}`, text, { mode: 0o644 });
  mkdirSync(runtimeDirectory(directory), { recursive: true });
  chownSync(directory, ordinaryId, ordinaryId);
  chownSync(runtimeDirectory(directory), ordinaryId, ordinaryId);
  chmodSync(runtimeDirectory(directory), 0o700);
}

const runtimeDirectory = (directory: string): string => `${directory}/run`;

/** The whole environment that such a user's runtime can count on. */
export const userEnvironment = (directory: string): Record<string, string> => ({
  XDG_RUNTIME_DIR: runtimeDirectory(directory),
});

/**
 * Words that put the user's files in place, in a mount namespace of its own; what follows still runs as root. Each is
 * an exec: the pid stays. `program` is bound to a place that the user can reach, see `reachable`.
 */
export function userFiles(directory: string, user: OrdinaryUser, program: string): string[] {
  const over = (from: string, to: string): string => `mount --bind ${directory}/etc/${from} ${to}`;
  const mounts = [
    ...["passwd", "group", "subuid", "subgid"].map((name) => over(name, `/etc/${name}`)),
    ...(user.hasHelpers ? [] : ["newuidmap", "newgidmap"].map((name) => over("nothing", `$(command -v ${name})`))),
    `mount --bind ${program} ${reachable(directory)}`,
    ...(inSession ? [`echo $$ > ${sessionCgroup()}/cgroup.procs`] : []),
  ];
  writeFileSync(reachable(directory), "");
  return afterMounting(mounts.join(" && "));
}

/** Where the runtime's executable is for the user: the tree it was built in may be closed to others. */
export const reachable = (directory: string): string => `${directory}/etc/runtime`;

/** Words that become the user; see `asUser`. */
export function asUserOf({ group = ordinaryId, groups }: OrdinaryUser): readonly string[] {
  const [setpriv = "", uid = "", , cleared = "", ...rest] = asUser;
  const ids = [uid, `--regid=${group}`, groups === undefined ? cleared : `--groups=${groups.join(",")}`];
  return [setpriv, ...ids, ...rest, ...sessionWords];
}

/**
 * Words that give up every privilege. The bounding set stays: a login has it whole, and without it the set-user-id
 * helpers have no rights either.
 */
export const asUser: readonly string[] = [
  "setpriv",
  `--reuid=${ordinaryId}`,
  `--regid=${ordinaryId}`,
  "--clear-groups",
  "--inh-caps=-all",
  "--ambient-caps=-all",
];

/**
 * Gives everything of root's at and below `path` to another user. Files with several links are left alone: busybox in
 * a root file system is the machine's own.
 */
export function giveAway(path: string, owner: number, except: readonly string[] = []): void {
  if (except.includes(path)) return;
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  try {
    if (stat.uid === 0 && (stat.isDirectory() || stat.nlink === 1))
      lchownSync(path, owner, stat.gid === 0 ? owner : stat.gid);
    if (stat.isDirectory()) for (const name of readdirSync(path)) giveAway(`${path}/${name}`, owner, except);
  } catch (error) {
    // A container of the same test, just deleted.
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
}
