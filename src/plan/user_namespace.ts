/**
 * Calls about the container's user and time namespace: the runtime writes maps and offsets while the stage's process
 * waits, the stage takes the ids of the container's root.
 *
 * Spec: config-linux.md#user-namespace-mappings, config-linux.md#time-offsets, config.md#linux-process (oomScoreAdj)
 * Kernel: user_namespaces(7), time_namespaces(7); execve enters a new time namespace since Linux 6.1
 * Order: between clone3 and the stage's execve, for offsets are fixed by the first process that enters (timens), and
 *   the stage's first lines need ids
 * Errors: EPERM ids that are not the writer's to give; EINVAL overlapping or unmapped ids
 * @module
 */
import { type Context, isMachinesRoot } from "./context.ts";
import { type IdMap, isMapped, mapText, maySetGroups } from "./id_maps.ts";
import type { Register } from "./types.ts";

/** Runtime: everything below /proc/PID of the stage's process, while it waits. */
export function planMapping(c: Context, pid: Register): void {
  const { maps } = c;
  const offsets = timeOffsets(c);
  // Of another process that is not dumpable only the machine's root writes files below /proc: the score is inherited then.
  const isInherited = c.joined.has("user") && !isMachinesRoot(c.host);
  const oomScoreAdj = c.hasUserNamespace && !isInherited ? c.spec.process?.oomScoreAdj : undefined;
  if (maps === undefined && offsets === "" && oomScoreAdj === undefined) return;
  const { plan } = c;
  plan.on("runtime").at("/linux/namespaces");
  const { proc, digits, directory } = openProcess(c, pid);
  const write = (name: string, text: string): void => writeFile(c, directory, name, text);
  if (maps !== undefined) {
    const helpers = c.host.idHelpers;
    const map = ({ mappings, writer, pointer }: IdMap, file: string, name: string, path: string | null): void => {
      plan.at(pointer);
      if (writer !== "helper") {
        write(file, mapText(mappings));
        return;
      }
      // Refused before where the path is null.
      const argv: (string | Register)[] = [name, digits];
      for (const { containerID, hostID, size } of mappings) argv.push(`${containerID}`, `${hostID}`, `${size}`);
      plan.call("helper", [path ?? name, argv, []]);
    };
    if (maps.gid.writer === "single") {
      plan.at(maps.gid.pointer);
      // user_namespaces(7): who gave up setgroups may map a gid without privilege.
      write("setgroups", "deny");
    }
    map(maps.gid, "gid_map", "newgidmap", helpers?.newgidmap ?? null);
    map(maps.uid, "uid_map", "newuidmap", helpers?.newuidmap ?? null);
  }
  if (offsets !== "") {
    plan.at("/linux/timeOffsets");
    write("timens_offsets", offsets);
  }
  if (oomScoreAdj !== undefined) {
    // The stage, which is not dumpable, has no right to its own /proc files there: they belong to the host's root.
    plan.at("/process/oomScoreAdj");
    write("oom_score_adj", String(oomScoreAdj));
  }
  plan.at("").call("close", [directory]);
  plan.call("close", [proc]);
}

/** Runtime: `process.oomScoreAdj` alone, for a process that joins what exists. */
export function planOomScore(c: Context, pid: Register): void {
  const oomScoreAdj = c.spec.process?.oomScoreAdj;
  if (oomScoreAdj === undefined) return;
  const { plan } = c;
  plan.on("runtime").at("/process/oomScoreAdj");
  const { proc, directory } = openProcess(c, pid);
  writeFile(c, directory, "oom_score_adj", String(oomScoreAdj));
  plan.call("close", [directory]);
  plan.call("close", [proc]);
}

/**
 * Runtime: the same for itself, to be inherited. Files of a process that is not dumpable belong to the machine's root: an
 * ordinary user cannot write the stage's, and the runtime's own only while it still is dumpable. It keeps the score, for
 * it only waits for the process from then on.
 */
export function planOwnOomScore(c: Context): void {
  const oomScoreAdj = c.spec.process?.oomScoreAdj;
  if (oomScoreAdj === undefined) return;
  const { plan } = c;
  plan.on("runtime").at("/process/oomScoreAdj");
  const proc = openProc(c);
  writeFile(c, proc, "self/oom_score_adj", String(oomScoreAdj));
  plan.call("close", [proc]);
}

function openProc({ plan }: Context): Register {
  const proc = plan.open("openat", ["AT_FDCWD", "/proc", "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);
  plan.call("verify_fs", [proc, "PROC_SUPER_MAGIC"]);
  return proc;
}

/** /proc/PID, by a descriptor of /proc that is known to be one. */
function openProcess(c: Context, pid: Register): { proc: Register; digits: Register; directory: Register } {
  const { plan } = c;
  const proc = openProc(c);
  const digits = plan.open("number_text", [pid]);
  const directory = plan.open("openat", [proc, digits, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);
  return { proc, digits, directory };
}

function writeFile({ plan }: Context, directory: Register, name: string, text: string): void {
  const file = plan.open("openat", [directory, name, "O_WRONLY|O_CLOEXEC", 0]);
  plan.call("write", [file, text]);
  plan.call("close", [file]);
}

/** "" where no offset is asked for. */
function timeOffsets(c: Context): string {
  let text = "";
  if (!c.fresh.has("time")) return text;
  const { kernel } = c.host;
  if (kernel.major < 6 || (kernel.major === 6 && kernel.minor < 1)) {
    c.plan.refuse("/linux/namespaces", "a new time namespace needs Linux 6.1, where execve enters it");
  }
  const offsets = c.spec.linux?.timeOffsets;
  for (const clock of ["monotonic", "boottime"] as const) {
    const offset = offsets?.[clock];
    if (offset === undefined) continue;
    if (c.joined.has("user")) {
      c.plan.refuse("/linux/timeOffsets", "time offsets with a user namespace that is joined are not supported");
    }
    text += `${clock} ${offset.secs ?? 0} ${offset.nanosecs ?? 0}\n`;
  }
  return text;
}

/** Stage: the ids of the container's root or, where it has none, of the process it is to become. */
export function planRootIds(c: Context): void {
  if (!c.hasUserNamespace) return;
  const { plan, maps } = c;
  const user = c.spec.process?.user;
  const gid = maps === undefined || isMapped(maps.gid.mappings, 0) ? 0 : (user?.gid ?? 0);
  const uid = maps === undefined || isMapped(maps.uid.mappings, 0) ? 0 : (user?.uid ?? 0);
  if (maySetGroups(maps) && c.spec.annotations?.["run.oci.keep_original_groups"] !== "1") {
    // A joined namespace may have given setgroups up; what groups there are stays then, as none can be set.
    plan.at("/linux/namespaces").call("setgroups", [[]], maps === undefined ? { allow: ["EPERM"] } : {});
  }
  plan.at("/linux/gidMappings").call("setresgid", [gid, gid, gid]);
  plan.at("/linux/uidMappings").call("setresuid", [uid, uid, uid]);
}
