/**
 * Causes about id mappings: maps the kernel or a helper refused, ids nobody mapped.
 * In: Failed. Out: Cause.
 * Kernel: user_namespaces(7), newuidmap(1), subuid(5)
 * @module
 */
import { loginName, rangesOf } from "../host/ids.ts";
import { findOverlap, parseMap } from "../plan/id_maps.ts";
import type { IdMapping } from "../spec/types.ts";
import { sys, tryReadText } from "../stage/sys.ts";
import { because, type Cause, errnoOf, errnoWords, type Failed, nothing } from "./cause_form.ts";
import { limitCause } from "./cause_namespace.ts";

/** Mirrors the steps of syscalls/user_namespace.h. */
const step = { clone: 1, setgroups: 2, uidMap: 3, gidMap: 4, open: 5 } as const;

/** make_user_namespace: which of its steps it was. */
export function makeNamespaceCause(failed: Failed): Cause {
  const { call, failure } = failed;
  const { result } = failure;
  if (result === step.clone) return limitCause(failed, "CLONE_NEWUSER");
  if (result === step.open || result === step.setgroups) {
    return because("the namespace is there, but /proc does not let the runtime at it");
  }
  const map = String(call.args[result === step.uidMap ? 0 : 1]);
  return mapTextCause(map, errnoOf(failed), result === step.uidMap ? "uid" : "gid");
}

/** A write to one of the files of /proc/PID that a new user namespace has. */
export function mapCause(failed: Failed): Cause {
  const { call, spec } = failed;
  const errno = errnoOf(failed);
  const text = String(call.args[1]);
  if (call.from.startsWith("/linux/timeOffsets")) {
    return errno === "ERANGE" ? because("a clock would be negative, or centuries ahead") : nothing;
  }
  const kind = call.from.startsWith("/linux/uidMappings") ? "uid" : "gid";
  if (call.from !== "/linux/uidMappings" && call.from !== "/linux/gidMappings") {
    return call.from.startsWith("/linux/sysctl/") && errnoOf(failed) === "EACCES" && spec.linux !== undefined
      ? because("the parameter belongs to the host, not to a namespace of the container's own")
      : nothing;
  }
  return mapTextCause(text, errno, kind);
}

function mapTextCause(text: string, errno: string, kind: "uid" | "gid"): Cause {
  const lines = parseMap(text);
  if (errno === "EINVAL") {
    if (lines.length > 340) return because(`the kernel takes at most 340 mappings but these are ${lines.length}`);
    if (text.length >= 4096) {
      return because(`the kernel takes less than 4096 bytes of mappings but these are ${text.length}`);
    }
    const overlap = overlapText(lines);
    return overlap === undefined
      ? because("a mapping reaches beyond the last id, 4294967294")
      : because(overlap, "map every id once, inside and outside");
  }
  if (errno !== "EPERM") return nothing;
  const own = parseMap(tryReadText(`/proc/self/${kind}_map`) ?? "");
  for (const { hostID, size } of lines) {
    const known = own.some((range) => hostID >= range.containerID && hostID + size <= range.containerID + range.size);
    if (!known) {
      return because(
        `${kind}s ${rangeText(hostID, size)} are not all mapped in the runtime's own user namespace, which has ` +
          own.map((range) => rangeText(range.containerID, range.size)).join(", "),
        "map only those, split where one of its ranges ends",
      );
    }
  }
  return because(
    `the runtime may map no other ${kind}s than its own (${sys(kind === "uid" ? "geteuid" : "getegid")}): that takes CAP_SET${kind.toUpperCase()}, or new${kind}map`,
  );
}

function overlapText(lines: readonly IdMapping[]): string | undefined {
  const overlap = findOverlap(lines);
  if (overlap === undefined) return undefined;
  const { index, earlier, key } = overlap;
  const [one, other] = [index, earlier].map((at) => rangeText(lines[at]![key], lines[at]!.size));
  return `ids are mapped twice: ${one} and ${other} ${key === "containerID" ? "inside" : "outside"}`;
}

/** "5" or "5-14". */
function rangeText(first: number, size: number): string {
  return size === 1 ? String(first) : `${first}-${first + size - 1}`;
}

/** newuidmap and newgidmap: what they allow stands in a file; what they said is on standard error already. */
export function helperCause(failed: Failed): Cause {
  const { call, failure } = failed;
  const path = String(call.args[0]);
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (errnoOf(failed) !== "ECHILD") return { ...nothing, message: `Cannot run "${path}": ${errnoWords(failed)}` };
  const file = name === "newgidmap" ? "/etc/subgid" : "/etc/subuid";
  const uid = sys("getuid");
  const user = loginName(uid);
  const given = rangesOf(file, user, uid).map(({ first, count }) => rangeText(first, count));
  const wanted = (Array.isArray(call.args[1]) ? call.args[1] : []).filter((word) => typeof word === "string").slice(1);
  return {
    message: `${name} ended with exit status ${failure.result}`,
    because: `asked for ${wanted.join(" ")} (inside, outside, how many); ${file} gives user ${user || uid} ${given.join(", ") || "nothing"}`,
    attempt: `map those and the user's own id, or have ${file} changed (usermod --add-sub${name === "newgidmap" ? "gids" : "uids"})`,
  };
}

/** Ranges of ids as config.json has them, for a sentence. */
export function mappingText(mappings: readonly IdMapping[] | undefined): string {
  return (mappings ?? []).map(({ containerID, size }) => rangeText(containerID, size)).join(", ");
}
