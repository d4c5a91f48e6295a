/**
 * What a filter returns. In: an action of config.json. Out: the 32-bit value of seccomp(2), and back to words.
 *
 * Spec: config-linux.md#seccomp. Kernel: SECCOMP_RET_* of linux/seccomp.h, the same on every architecture
 * @module
 */
import type { SeccompAction } from "../spec/types.ts";

export const RETURN_KILL_THREAD = 0;
export const RETURN_ALLOW = 0x7fff_0000;
const RETURN_KILL_PROCESS = 0x8000_0000;
const RETURN_TRAP = 0x0003_0000;
export const RETURN_ERRNO = 0x0005_0000;
export const RETURN_USER_NOTIF = 0x7fc0_0000;
const RETURN_TRACE = 0x7ff0_0000;
export const RETURN_LOG = 0x7ffc_0000;

/** EPERM and ENOSYS, the same on every architecture this runs on. */
export const EPERM = 1;
export const ENOSYS = 38;
export const RETURN_ENOSYS = RETURN_ERRNO | ENOSYS;

/** The value for an action; EPERM where it carries a number and the profile gives none. */
export function returnValue(action: SeccompAction, errnoRet = EPERM): number {
  switch (action) {
    case "SCMP_ACT_KILL":
    case "SCMP_ACT_KILL_THREAD":
      return RETURN_KILL_THREAD;
    case "SCMP_ACT_KILL_PROCESS":
      return RETURN_KILL_PROCESS;
    case "SCMP_ACT_TRAP":
      return RETURN_TRAP;
    case "SCMP_ACT_ERRNO":
      return RETURN_ERRNO | (errnoRet & 0xffff);
    case "SCMP_ACT_TRACE":
      return RETURN_TRACE | (errnoRet & 0xffff);
    case "SCMP_ACT_ALLOW":
      return RETURN_ALLOW;
    case "SCMP_ACT_LOG":
      return RETURN_LOG;
    case "SCMP_ACT_NOTIFY":
      return RETURN_USER_NOTIF;
  }
}

/** A returned value in words: "ALLOW", "ERRNO 38". */
export function returnText(value: number): string {
  const data = value & 0xffff;
  switch ((value & 0xffff_0000) >>> 0) {
    case RETURN_KILL_THREAD:
      return "KILL_THREAD";
    case RETURN_KILL_PROCESS:
      return "KILL_PROCESS";
    case RETURN_TRAP:
      return "TRAP";
    case RETURN_ERRNO:
      return `ERRNO ${data}`;
    case RETURN_TRACE:
      return `TRACE ${data}`;
    case RETURN_ALLOW:
      return "ALLOW";
    case RETURN_LOG:
      return "LOG";
    case RETURN_USER_NOTIF:
      return "NOTIFY";
    default:
      return `0x${value.toString(16)}`;
  }
}
