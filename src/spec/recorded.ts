/**
 * Parts of a config.json that was checked when the container was made, out of its record: plain JSON by now.
 * In: JSON values of the record. Out: Process, Seccomp, as the schemas would give them, without checking them again.
 * @module
 */
import { readJsonExactly } from "./json.ts";
import { dropAbsent, settleProcess } from "./normalize.ts";
import type { Process, Seccomp } from "./types.ts";

/**
 * The process of a config.json that was checked before and read again as plain JSON (the state keeps it so): only what
 * the schemas add is added.
 * @param again the record's text, for a process with numbers that were rounded
 */
export function recordedProcess(recorded: unknown, again: () => string): Process {
  let { process } = dropAbsent({ process: recorded }, `null ""`) as { process: Process };
  if (hasRoundedLimits(process)) ({ process } = exactConfig(again()) as { process: Process });
  const { user, ioPriority } = process;
  const whole: Process = { ...process, user: Object.assign({ uid: 0, gid: 0 }, user) };
  if (ioPriority !== undefined) whole.ioPriority = Object.assign({ priority: 0 }, ioPriority);
  return settleProcess(whole);
}

/**
 * The same of `linux.seccomp`, whose numbers are compared bit by bit.
 * @param again the record's text, for a profile with numbers that were rounded
 */
export function recordedSeccomp(recorded: unknown, again: () => string): Seccomp {
  const { linux } = dropAbsent({ linux: { seccomp: recorded } }, `null ""`) as { linux: { seccomp: Seccomp } };
  if (!hasRounded(linux.seccomp)) return linux.seccomp;
  return (exactConfig(again()) as { linux: { seccomp: Seccomp } }).linux.seccomp;
}

/** config.json out of a record's text, with all digits. */
function exactConfig(text: string): unknown {
  return dropAbsent((readJsonExactly(text) as { config: unknown }).config, `null ""`);
}

/** Everything of a process that may have 64 bits. */
function hasRoundedLimits({ rlimits, scheduler }: Process): boolean {
  for (const { soft, hard } of rlimits ?? []) {
    if (!Number.isSafeInteger(soft) || !Number.isSafeInteger(hard)) return true;
  }
  const { runtime = 0, deadline = 0, period = 0 } = scheduler ?? {};
  return !Number.isSafeInteger(runtime) || !Number.isSafeInteger(deadline) || !Number.isSafeInteger(period);
}

function hasRounded({ syscalls }: Seccomp): boolean {
  for (const { args } of syscalls ?? []) {
    for (const { value, valueTwo } of args ?? []) {
      if (!Number.isSafeInteger(value) || (valueTwo !== undefined && !Number.isSafeInteger(valueTwo))) return true;
    }
  }
  return false;
}
