/**
 * Who opens and clones what is the host's, and when: one decision for the root, bind sources, devices and cgroup views.
 * In: Context. Out: booleans.
 *
 * Kernel: open_tree(2) clones mounts of the caller's own mount namespace only (EINVAL); a namespace owned by a user
 *   namespace holds copies of the host's mounts, locked (mount_namespaces(7))
 * Order: the runtime clones before clone3; the stage once the host's mounts are cut off, before anything is attached
 *   over "/": a recursive clone of "/" is to hold the host's mounts only
 * Seen: since Linux 6.8 mountinfo lists mounts by age, so that what was cloned early stands before a filesystem of the
 *   container's that it lies below (a bind at /dev/shm before /dev), although it is attached after it. Cloned again by the
 *   stage it would be younger, but a detached mount of another mount namespace is not cloned (EINVAL); and cloned by the
 *   stage in the first place, its path would be resolved again
 * @module
 */
import type { Context } from "./context.ts";
import type { Register } from "./types.ts";

/**
 * Whether the runtime opens and clones, before the stage exists. Else the stage does, with the rights of the
 * container's root; in a joined mount namespace it has to, for paths mean something else there.
 */
export function clonesEarly(c: Context): boolean {
  return c.cloner === "runtime" && !c.joined.has("mount");
}

/** The stage needs this descriptor: over its execve, unless it opened it itself. */
export function handOver(c: Context, register: Register): void {
  if (clonesEarly(c)) c.plan.inherit(register);
}

/** Whether the kernel treats the stage as a guest: no device nodes, and filesystems only of namespaces of its own. */
export function isGuest(c: Context): boolean {
  return c.hasUserNamespace || c.host.inUserNamespace;
}
