/**
 * Calls that open or make a path inside the container's root, for every section that needs one.
 *
 * Kernel: openat2(2) since Linux 5.6; RESOLVE_IN_ROOT keeps symbolic links and ".." within the root,
 * RESOLVE_NO_MAGICLINKS refuses /proc/PID/fd/N and the like, which lead anywhere (CVE-2019-19921, CVE-2021-30465).
 * In: Context, in-root path (paths.ts). Out: register of an O_PATH descriptor.
 * @module
 */
import type { Context } from "./context.ts";
import type { Register, StructValue } from "./types.ts";

const inside = "RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS";
const insideStrict = "RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS";

const any: StructValue = { flags: "O_PATH|O_CLOEXEC", resolve: inside };
const directory: StructValue = { flags: "O_PATH|O_DIRECTORY|O_CLOEXEC", resolve: inside };
const strictDirectory: StructValue = { flags: "O_PATH|O_DIRECTORY|O_CLOEXEC", resolve: insideStrict };
const unfollowed: StructValue = { flags: "O_PATH|O_NOFOLLOW|O_CLOEXEC", resolve: inside };
const strictAny: StructValue = { flags: "O_PATH|O_CLOEXEC", resolve: insideStrict };

/** How a path is opened. */
export const how = {
  any,
  directory,
  /** A real directory: no symbolic link anywhere on the way. */
  strictDirectory,
  /** The last component itself, should it be a symbolic link. */
  unfollowed,
  strictAny,
} as const;

/** Why a path is made: said with the branch. */
const missing = "it does not exist";

/** Opens a directory, which is made if it is missing. "" is the root, for which no call is needed. */
export function openDirectory(c: Context, path: string, open: StructValue = how.directory): Register {
  if (path === "") return c.root;
  return openOrMake(c, path, open, (out) => {
    c.plan.into(out, "create_in_root", [c.root, path, "S_IFDIR|0755"]);
    // What was made stands below what was there: only a second look sees that no link was on the way.
    if (open === how.strictDirectory) c.plan.into(out, "openat2", [c.root, path, open]);
  });
}

/** Opens a path; where it is missing, `make` appends what makes it and leaves its descriptor in the register. */
export function openOrMake(c: Context, path: string, open: StructValue, make: (out: Register) => void): Register {
  const out = c.plan.register();
  c.plan.alternative({
    attempt: () => c.plan.into(out, "openat2", [c.root, path, open]),
    branches: [{ on: ["ENOENT"], why: missing, items: () => make(out) }],
  });
  return out;
}

/** Attaches the mount that a descriptor holds on top of what another descriptor names. */
export function attach(c: Context, mount: Register, target: Register, why?: string): void {
  c.plan.call(
    "move_mount",
    [mount, "", target, "", "MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH"],
    why === undefined ? {} : { why },
  );
}
