/**
 * Which of the namespaces that config.json joins by path are the host's, whatever their paths say.
 * In: Linux. Out: their types.
 *
 * Kernel: namespaces(7): a namespace is one inode of nsfs, so device and inode tell it, by a bind mount of its file or
 *   the link of any process in it; linux/nsfs.h (init_ns_ino): the machine's first ones have fixed numbers
 * @module
 */
import { ownNamespacePath } from "../plan/host_namespaces.ts";
import type { Linux, NamespaceType } from "../spec/types.ts";
import { AT_FDCWD, flags, stable, sys } from "../stage/sys.ts";

/** The machine's first namespaces: of all kinds since Linux 6.18, but for network and mount ones before. */
const firstInitial = 4026531832;
const lastInitial = 4026531839;

/** Those that are the runtime's own, or the machine's first one where the runtime has another. */
export function probeHostNamespaces(linux: Linux): NamespaceType[] {
  const found: NamespaceType[] = [];
  for (const { type, path } of linux.namespaces ?? []) {
    if (path === undefined) continue;
    const own = identityOf(ownNamespacePath(type));
    const joined = identityOf(path);
    // What cannot be looked at cannot be joined either, and the plan's first line about it says why.
    if (own === undefined || joined === undefined || joined.device !== own.device) continue;
    if (joined.inode === own.inode || (joined.inode >= firstInitial && joined.inode <= lastInitial)) found.push(type);
  }
  return found;
}

/** struct statx (linux/stat.h): stx_ino and stx_dev. */
function identityOf(path: string): { readonly device: string; readonly inode: number } | undefined {
  const buffer = stable(256);
  if (sys("statx", AT_FDCWD, path, 0, flags("STATX_BASIC_STATS"), buffer) < 0) return undefined;
  const view = new DataView(buffer.buffer);
  const inode = view.getUint32(32, true) + view.getUint32(36, true) * 2 ** 32;
  return { device: `${view.getUint32(136, true)}:${view.getUint32(140, true)}`, inode };
}
