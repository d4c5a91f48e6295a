/**
 * Which attributes of its source a bind mount keeps. In: Context, options read. Out: what to set and to clear.
 *
 * Spec: config.md#linux-mount-options says what an option sets or clears, not what becomes of the source's others.
 * mount(2) replaced them all together, and engines' users have got used to it: with runc a bind for which any attribute is
 * named has those named and no others; where none is, it is as its source. In a user namespace the source's are locked,
 * and runc keeps them; crun clones outside and clears them there, too. What each makes of nosuid, nodev, noexec of a source:
 *
 *                               no user namespace            user namespace              the caller's own, locked
 *   named                       crun     runc     ours       crun     runc     ours      crun     runc     ours
 *   none (or propagation)       cleared  kept     kept       cleared  kept     kept      kept     kept     kept
 *   rw                          cleared  cleared  cleared    cleared  kept     kept      kept     kept     kept
 *   ro                          kept     cleared  cleared    kept     kept     kept      kept     kept     kept
 *   nosuid (of the other two)   cleared  cleared  cleared    cleared  kept     kept      kept     kept     kept
 *   relatime (the source is)    cleared  cleared  cleared    cleared  kept     kept      kept     kept     kept
 *   noatime (it is not)         cleared  cleared  cleared    cleared  error    kept      error    error    error
 *   exec (of the other two)     cleared  cleared  cleared    cleared  error    kept      kept     error    error
 *   rro and the like            kept     kept     kept       kept     kept     kept      kept     kept     kept
 *
 * `rw` without a user namespace is what CRI asks for a pod's /dev/shm, podman for every volume. Ours differs from both in
 * one: a source that is read-only becomes writable by `rw` alone, not by any other option: engines name it, and
 * nobody else is given to write what the host's administrator has protected. nosymfollow (which takes Linux 5.14 to clear)
 * and nodiratime stay. An option with an r before it is for what lies below, too, and clears what it names.
 * @module
 */
import { isGuest } from "./cloning.ts";
import type { Context } from "./context.ts";
import type { Attributes } from "./mount_options.ts";

const replaced = ["MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV", "MOUNT_ATTR_NOEXEC"];

/** What is to change of the source's attributes. */
export function bindAttributes(c: Context, own: Attributes): Attributes {
  const isNamed = own.set.length > 0 || own.clear.length > 0 || own.atime !== "";
  return isNamed && !isGuest(c) ? withoutOthers(own) : own;
}

function withoutOthers({ set, clear, atime }: Attributes): Attributes {
  const others: string[] = [];
  for (const flag of clear) others.push(flag);
  for (const flag of replaced) if (!set.includes(flag) && !clear.includes(flag)) others.push(flag);
  return { set, clear: others, atime };
}
