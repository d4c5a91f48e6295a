/**
 * Failures of what stands in for missing calls (plan/lower.ts), in the form of the call they stand for: what is known of
 * a call's failures (cause_*.ts) then holds for both ways.
 * In: Failed. Out: Failed.
 * @module
 */
import type { Call, Value } from "../plan/types.ts";
import { because, type Cause, errnoOf, errnoWords, type Failed, makerOf } from "./cause_form.ts";

/** The namespace that a filesystem shows: without one of the container's own mount(2) says EPERM, as fsopen does. */
const namespaceShown: Readonly<Record<string, string>> = { proc: "pid", sysfs: "network" };

/** The same failure of the call that is missing; of any other call, as it is. */
export function asNewer(failed: Failed): Failed {
  const newer = newerCall(failed);
  return newer === undefined ? failed : { ...failed, call: newer };
}

function newerCall(failed: Failed): Call | undefined {
  const { call, plan, spec } = failed;
  if (plan.notes.length === 0) return undefined;
  const { args } = call;
  switch (call.call) {
    case "resolve":
      return { ...call, call: "openat2" };
    case "bind_fd": {
      const path = makerOf(failed, args[2])?.args[1] ?? "";
      const flags = String(args[3]).includes("MS_REC") ? "OPEN_TREE_CLONE|AT_RECURSIVE" : "OPEN_TREE_CLONE";
      return { ...call, call: "open_tree", args: ["AT_FDCWD", path, flags] };
    }
    case "openat":
      return isSource(call) || isDevice(call)
        ? { ...call, call: "open_tree", args: ["AT_FDCWD", args[1]!, "OPEN_TREE_CLONE"] }
        : undefined;
    case "new_mount": {
      const owner = /(?:^|,)(uid|gid)=(\d+)(?:,|$)/.exec(String(args[5] ?? ""));
      if (errnoOf(failed) === "EINVAL" && owner !== null) {
        return { ...call, call: "fsconfig", args: [args[0]!, "FSCONFIG_SET_STRING", owner[1]!, owner[2]!, 0] };
      }
      // mount(2) does at once what four calls do, each of which has its own reasons for an EPERM.
      const shown = namespaceShown[String(args[3])];
      const isOwn = spec.linux?.namespaces?.some(({ type, path }) => type === shown && path === undefined) === true;
      const isRevealing = errnoOf(failed) === "EPERM" && isOwn;
      return { ...call, call: isRevealing ? "fsmount" : "fsopen", args: [args[3]!, "0", "0"] };
    }
    case "remount_tree":
    case "remount_fd": {
      const set = attributes(args[1]);
      const cleared = attributes(args[2]);
      // One field, which mount_setattr clears before it sets one.
      const attr_clr = set.includes("ATIME") ? `${cleared}|MOUNT_ATTR__ATIME` : cleared;
      return { ...call, call: "mount_setattr", args: [args[0]!, "", "AT_EMPTY_PATH", { attr_set: set, attr_clr }] };
    }
    default:
      return undefined;
  }
}

/** By the stage, to bind it: the path of a mount's source. */
const isSource = ({ side, from }: Call): boolean => side === "stage" && /^\/mounts\/\d+\/source/.test(from);

/** A node of the host's, for a container that cannot make its own. */
const isDevice = ({ from, args }: Call): boolean =>
  (from === "" || from.startsWith("/linux/devices/")) && String(args[1]).startsWith("/dev/");

/** "MS_NOSUID|MS_NOATIME" → "MOUNT_ATTR_NOSUID|MOUNT_ATTR_NOATIME". */
function attributes(flags: Value | undefined): string {
  return String(flags ?? "").replaceAll("MS_", "MOUNT_ATTR_");
}

/** What only the second way suffers from. */
export function missingCause(failed: Failed): Cause | undefined {
  const { call, plan, spec } = failed;
  const [reason] = plan.notes;
  if (reason === undefined || call.side !== "stage") return undefined;
  const errno = errnoOf(failed);
  const isRoot = call.from === "/root/path";
  if (call.call === "openat" && (errno === "EACCES" || errno === "EPERM") && (isRoot || isSource(call))) {
    const mount = isRoot ? undefined : spec.mounts?.[Number(call.from.split("/")[2])];
    const message = isRoot
      ? `Cannot open the root filesystem "${spec.root?.path ?? ""}": ${errnoWords(failed)}`
      : `mounts[${call.from.split("/")[2]}] "${mount?.destination ?? ""}": Cannot open bind source "${mount?.source ?? ""}": ${errnoWords(failed)}`;
    return {
      message,
      because: `in a user namespace the way there is closed, and nobody outside can open it for the container (${reason})`,
      attempt: `a way there that is open to others (chmod o+x on the directories above)`,
    };
  }
  if (call.call === "remount_tree" && errno === "EBUSY") {
    return because(`one of the mounts below is covered by another, and only mount_setattr reaches it (${reason})`);
  }
  return undefined;
}
