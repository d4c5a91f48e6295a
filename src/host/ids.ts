/**
 * What an ordinary user has to map ids: helpers and subordinate ids. Input: this machine. Output: IdHelpers.
 * Read only where a user namespace is to be made without privilege.
 * @module
 */
import type { IdHelpers, IdRange } from "../plan/host.ts";
import { environment, mayAccess, tryReadText } from "../stage/sys.ts";

const defaultPath = "/usr/sbin:/usr/bin:/sbin:/bin";
const X_OK = 1;

/** Reads the facts for a user. @param uid of the host, as the runtime sees itself */
export function probeIdHelpers(uid: number): IdHelpers {
  const user = loginName(uid);
  return {
    newuidmap: findProgram("newuidmap"),
    newgidmap: findProgram("newgidmap"),
    uids: rangesOf("/etc/subuid", user, uid),
    gids: rangesOf("/etc/subgid", user, uid),
  };
}

/** The first absolute path in PATH that may be executed: these programs are set-user-id, so none of ours. */
export function findProgram(name: string): string | null {
  const path = environment("PATH");
  for (const directory of (path === undefined || path === "" ? defaultPath : `${path}:${defaultPath}`).split(":")) {
    if (!directory.startsWith("/")) continue;
    const candidate = `${directory}/${name}`;
    if (mayAccess(candidate, X_OK)) return candidate;
  }
  return null;
}

/** Lines of a colon-separated file; none where it cannot be read. */
function linesOf(path: string): string[] {
  return tryReadText(path)?.split("\n") ?? [];
}

/** Login name by /etc/passwd; "" where it knows none. */
export function loginName(uid: number): string {
  for (const line of linesOf("/etc/passwd")) {
    const fields = line.split(":");
    if (fields[2] === String(uid)) return fields[0]!;
  }
  return "";
}

/** Of a user: subuid(5), `name or uid:first:count`; what is no number is no range. */
export function rangesOf(path: string, user: string, uid: number): IdRange[] {
  const ranges: IdRange[] = [];
  for (const line of linesOf(path)) {
    const fields = line.split(":");
    if (fields.length !== 3 || (fields[0] !== String(uid) && (user === "" || fields[0] !== user))) continue;
    const [first, count] = [Number(fields[1]), Number(fields[2])];
    if (Number.isSafeInteger(first) && Number.isSafeInteger(count) && count > 0) ranges.push({ first, count });
  }
  return ranges;
}
