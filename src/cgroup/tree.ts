/**
 * Walking a cgroup and all below it, by descriptors. Input: an absolute directory. Output: calls with open directories.
 *
 * Whoever may write to a container's cgroup decides what is below it: how deep, with how long names. A path of it may be longer
 * than the kernel takes (PATH_MAX), a descriptor a level may be more than there are. So one descriptor goes down by a name
 * and up by "..", which in a cgroup hierarchy is always the one above: cgroups are renamed in their place only.
 * @module
 */
import { AT_FDCWD, close, errnoName, flags, sys, syscallError } from "../stage/sys.ts";
import { namesIn } from "../state/folder.ts";

export interface Visitor {
  /** A directory, before those below it. */
  readonly enter?: (fd: number) => void;
  /** A directory below the first one, by its name in the one above, when all below it were visited. */
  readonly leave?: (above: number, name: string) => void;
}

const openDirectory = "O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC";
/** It is gone, or it is no directory any more. */
const absent = ["ENOENT", "ENODEV", "ENOTDIR", "ELOOP"];

/** Visits a directory and every one below it; those that are gone are left out. Errors: SyscallError. */
export function walkTree(directory: string, { enter, leave }: Visitor): void {
  let fd = open(AT_FDCWD, directory);
  if (fd === undefined) return;
  try {
    /** Of each level: the name it has in the one above, and those below it that are still to come. */
    const levels: { readonly name: string; readonly pending: string[] }[] = [];
    const arrive = (name: string): void => {
      enter?.(fd!);
      levels.push({ name, pending: namesIn(fd!, true) });
    };
    const move = (to: number): void => {
      close(fd!);
      fd = to;
    };
    arrive("");
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const name = level.pending.pop();
      if (name !== undefined) {
        const below = open(fd, name);
        if (below === undefined) continue;
        move(below);
        arrive(name);
        continue;
      }
      levels.pop();
      if (levels.length === 0) return;
      const above = open(fd, "..");
      // The one above was removed, so all of it was.
      if (above === undefined) return;
      move(above);
      leave?.(fd, level.name);
    }
  } finally {
    close(fd);
  }
}

function open(dirfd: number, name: string): number | undefined {
  const fd = sys("openat", dirfd, name, flags(openDirectory));
  if (fd >= 0) return fd;
  if (absent.includes(errnoName(-fd))) return undefined;
  throw syscallError(`open "${name}"`, -fd);
}
