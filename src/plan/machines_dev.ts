/**
 * The machine's own /dev, which a container may be shown: with "/" as its root, a clone of it or not, by a bind mount, in
 * a mount namespace that is joined. Nothing is made there, and what is there stays as it is: everybody on the machine
 * uses it. A device that is missing there is an error.
 * In: Context, a directory. Out: calls.
 *
 * Kernel: devtmpfs is one filesystem, however often it is mounted; its statfs(2) says tmpfs, so its device number tells
 * Order: the number is taken by the stage first of all, while "/dev" is the runtime's; compared at each directory that
 *   something is to be made in, by the descriptor it is made by
 * Errors: EXDEV it is the machine's
 * @module
 */
import type { Context } from "./context.ts";
import { type PreparedMount } from "./mount_entry.ts";
import { isWithin } from "./paths.ts";
import type { Register } from "./types.ts";

/** Stage, before it enters another mount namespace. A runtime without /dev has none to spoil. */
export function planProtection({ plan, host: { devtmpfs } }: Context): void {
  plan.call("protect", ["/dev"], { allow: ["ENOENT"], why: "the machine's own: nothing is made in it" });
  if (devtmpfs !== undefined) plan.call("protect_device", [devtmpfs], { why: "devtmpfs, should that be another" });
}

/**
 * Makes something in a directory, or does something else where that is the machine's.
 * @param isNew it was mounted for the container: should it be the machine's all the same, that is an error
 */
export function unlessMachines(
  { plan }: Context,
  directory: Register,
  isNew: boolean,
  make: () => void,
  instead: () => void,
): void {
  const attempt = (): void => plan.call("verify_unprotected", [directory]);
  if (isNew) {
    attempt();
    make();
    return;
  }
  plan.alternative({
    attempt,
    then: make,
    branches: [{ on: ["EXDEV"], why: "the machine's own /dev: nothing is made in it", items: instead }],
  });
}

/** A filesystem that is the machine's own wherever it is mounted, and filled by the kernel. */
export const isDevtmpfs = ({ isBind, mount }: PreparedMount): boolean => !isBind && mount.type === "devtmpfs";

/** Whether an in-root path is on a filesystem that config.json has mounted anew. */
export function isMountedAnew(prepared: readonly PreparedMount[], path: string): boolean {
  let isNew = false;
  for (const entry of prepared) {
    if (entry.options.remount || !isWithin(path, entry.path)) continue;
    isNew = !entry.isBind && !isDevtmpfs(entry);
  }
  return isNew;
}
