/**
 * Which security modules can give labels to processes. Input: this machine. Output: Host.securityModules.
 * Read only where a label is asked for.
 * @module
 */
import type { SecurityModules } from "../plan/labels.ts";
import { mayAccess } from "../stage/sys.ts";
import { textIn } from "./finding.ts";

/** Asks the kernel. */
export function probeSecurityModules(): SecurityModules {
  return {
    appArmor: textIn("/sys/module/apparmor/parameters/enabled")?.startsWith("Y") === true,
    selinux: mayAccess("/sys/fs/selinux/enforce", 0),
  };
}
