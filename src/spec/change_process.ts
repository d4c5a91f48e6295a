/**
 * The process of `exec`: the container's changed by options, a file's completed by the container's.
 * In: Process, ProcessChanges. Out: Process. Pure.
 * What is not mentioned stays: the container's own process is the pattern, as with runc.
 * @module
 */
import type { Capabilities, Process } from "./types.ts";

export interface ProcessChanges {
  readonly args?: readonly string[];
  readonly terminal?: true;
  readonly user?: { readonly uid: number; readonly gid?: number };
  /** Those below are added to what there is. */
  readonly additionalGids: readonly number[];
  readonly capabilities: readonly string[];
  readonly env: readonly string[];
  readonly cwd?: string;
  readonly noNewPrivileges?: true;
  readonly selinuxLabel?: string;
  readonly apparmorProfile?: string;
}

/**
 * A process file's, with what confines the container's where the file names none: labels and capabilities as runc and
 * crun, the user as crun. Limits are of the same kind, though both leave the caller's.
 * @param namesUser the user is the file's, not the root that the schema fills in
 */
export function completeProcess(process: Process, own: Process, namesUser: boolean): Process {
  const { apparmorProfile, selinuxLabel, capabilities, rlimits } = own;
  const completed: Process = { ...process, user: namesUser ? process.user : own.user };
  if (capabilities !== undefined) completed.capabilities ??= capabilities;
  if (apparmorProfile !== undefined) completed.apparmorProfile ??= apparmorProfile;
  if (selinuxLabel !== undefined) completed.selinuxLabel ??= selinuxLabel;
  if (rlimits !== undefined && (process.rlimits ?? []).length === 0) completed.rlimits = rlimits;
  return completed;
}

/** The changed process. */
export function changeProcess(process: Process, changes: ProcessChanges): Process {
  const changed: Process = { ...process, user: { ...process.user } };
  if (changes.args !== undefined) changed.args = [...changes.args];
  if (changes.terminal !== undefined) changed.terminal = changes.terminal;
  if (changes.cwd !== undefined) changed.cwd = changes.cwd;
  if (changes.noNewPrivileges !== undefined) changed.noNewPrivileges = changes.noNewPrivileges;
  if (changes.selinuxLabel !== undefined) changed.selinuxLabel = changes.selinuxLabel;
  if (changes.apparmorProfile !== undefined) changed.apparmorProfile = changes.apparmorProfile;
  if (changes.user !== undefined) {
    changed.user.uid = changes.user.uid;
    if (changes.user.gid !== undefined) changed.user.gid = changes.user.gid;
  }
  if (changes.additionalGids.length > 0) {
    changed.user.additionalGids = [...(process.user.additionalGids ?? []), ...changes.additionalGids];
  }
  // Of two entries for one name the later counts.
  if (changes.env.length > 0) changed.env = [...(process.env ?? []), ...changes.env];
  if (changes.capabilities.length > 0) {
    changed.capabilities = withCapabilities(process.capabilities ?? {}, changes.capabilities);
  }
  return changed;
}

/**
 * Never into the inheritable set (CVE-2022-29162): a program with file capabilities would pass them on. Without it
 * nothing can be ambient; where config.json made some inheritable, the new ones are ambient, as with runc.
 */
function withCapabilities(sets: Capabilities, added: readonly string[]): Capabilities {
  const isAmbient = (sets.inheritable ?? []).length > 0;
  const changed: Capabilities = { ...sets };
  for (const set of ["bounding", "effective", "permitted"] as const) changed[set] = [...(sets[set] ?? []), ...added];
  if (isAmbient) changed.ambient = [...(sets.ambient ?? []), ...added];
  return changed;
}
