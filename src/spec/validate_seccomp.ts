/**
 * Rules within `linux.seccomp`. In: Seccomp. Out: nothing, or a SpecError.
 * Spec: config-linux.md#seccomp
 * @module
 */
import { SpecError } from "../errors.ts";
import { pointerTo } from "./pointer.ts";
import type { Seccomp, SeccompAction } from "./types.ts";

/** Actions whose result carries a number. */
const takesErrno = (action: SeccompAction): boolean => action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";

/** All rules of a profile. */
export function validateSeccomp(seccomp: Seccomp): void {
  const at = (...keys: readonly (string | number)[]): string => pointerTo("linux", "seccomp", ...keys);
  if (seccomp.defaultAction === "SCMP_ACT_NOTIFY") {
    // The supervisor's own calls would wait for the supervisor.
    throw new SpecError(at("defaultAction"), 'Expected another default action but received "SCMP_ACT_NOTIFY"');
  }
  if (seccomp.defaultErrnoRet !== undefined && !takesErrno(seccomp.defaultAction)) {
    throw new SpecError(
      at("defaultErrnoRet"),
      `Expected it only with an action that takes it but received "${seccomp.defaultAction}"`,
    );
  }
  if (seccomp.listenerMetadata !== undefined && seccomp.listenerPath === undefined) {
    throw new SpecError(at("listenerMetadata"), "Expected it only with listenerPath");
  }
  for (const rule of seccomp.syscalls ?? []) {
    if (rule.action === "SCMP_ACT_NOTIFY" && seccomp.listenerPath === undefined) {
      throw new SpecError(at("listenerPath"), "Required where a rule asks a supervisor (SCMP_ACT_NOTIFY) but missing");
    }
    for (const { index } of rule.args ?? []) {
      if (index < 6) continue;
      throw new SpecError(
        at("syscalls", seccomp.syscalls?.indexOf(rule) ?? 0, "args"),
        `Expected the index of one of 6 arguments but received ${index}`,
      );
    }
    if (rule.errnoRet === undefined || takesErrno(rule.action)) continue;
    throw new SpecError(
      at("syscalls", seccomp.syscalls?.indexOf(rule) ?? 0, "errnoRet"),
      `Expected it only with an action that takes it but received "${rule.action}"`,
    );
  }
}
