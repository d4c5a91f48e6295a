/**
 * Calls that open or make a path inside the container's root, for every section that needs one.
 *
 * Kernel: openat2(2) since Linux 5.6; RESOLVE_IN_ROOT keeps symbolic links and ".." within the root, RESOLVE_BENEATH
 * within a mount of ours (places.ts); RESOLVE_NO_MAGICLINKS refuses /proc/PID/fd/N and the like, which lead anywhere
 * (CVE-2019-19921, CVE-2021-30465).
 * In: Context, in-root path (paths.ts). Out: register of an O_PATH descriptor.
 * @module
 */
import type { Context } from "./context.ts";
import { type Hows, isStrict, type Way, wayFromRoot, wayTo } from "./places.ts";
import type { Register } from "./types.ts";

/** Why a path is made: said with the branch. */
const missing = "it does not exist";

/** Opens a directory, which is made if it is missing. "" is the root, for which no call is needed. */
export function openDirectory(c: Context, path: string, open: keyof Hows = "directory"): Register {
  return path === "" ? c.root : openDirectoryBy(c, wayTo(c, path), open);
}

/**
 * The same, the way to it known. @param check appended once the descriptor is there, for each way that was gone
 * @param found appended where it was there already
 */
export function openDirectoryBy(c: Context, way: Way, open: keyof Hows, check?: Check, found?: Found): Register {
  return openOrMake(
    c,
    way,
    open,
    (out, { from, rest, how }) => {
      c.plan.into(out, "create_in_root", [from, rest, "S_IFDIR|0755"]);
      // What was made stands below what was there: only a second look sees that no link was on the way.
      if (open === "strictDirectory") c.plan.into(out, "openat2", [from, rest, how[open]]);
    },
    check,
    found,
  );
}

/** Appends what looks at the place that was opened. */
export type Check = (out: Register, way: Way) => void;
export type Found = (out: Register) => void;

/** Opens a path; where it is missing, `make` appends what makes it and leaves its descriptor in the register. */
export function openOrMake(
  c: Context,
  way: Way,
  open: keyof Hows,
  make: (out: Register, way: Way) => void,
  check?: Check,
  found?: Found,
): Register {
  // The mount itself: nothing can be looked up more surely.
  if (way.rest === "") {
    found?.(way.from);
    return way.from;
  }
  const out = c.plan.register();
  goThere(c, out, way, open, make, check, found);
  return out;
}

function goThere(
  c: Context,
  out: Register,
  way: Way,
  open: keyof Hows,
  make: (out: Register, way: Way) => void,
  check: Check | undefined,
  found: Found | undefined,
): void {
  const { plan } = c;
  const branches = [{ on: ["ENOENT"], why: missing, items: () => make(out, way) }];
  if (way.mayLeave && !isStrict(open)) {
    const items = (): void => goThere(c, out, wayFromRoot(c, way.path), open, make, check, found);
    branches.push({ on: ["EXDEV"], why: leaving, items });
  }
  plan.alternative({
    attempt: () => plan.into(out, "openat2", [way.from, way.rest, way.how[open]]),
    ...(found === undefined ? {} : { then: () => found(out) }),
    branches,
  });
  check?.(out, way);
}

/** Opens what has to be there. */
export function openWay(c: Context, way: Way, open: keyof Hows): Register {
  if (way.rest === "") return way.from;
  const out = c.plan.register();
  const attempt = (by: Way): void => c.plan.into(out, "openat2", [by.from, by.rest, by.how[open]]);
  if (!way.mayLeave || isStrict(open)) attempt(way);
  else {
    const items = (): void => attempt(wayFromRoot(c, way.path));
    c.plan.alternative({ attempt: () => attempt(way), branches: [{ on: ["EXDEV"], why: leaving, items }] });
  }
  return out;
}

/** Why a path is looked up from the root although it lies in a mount of ours. */
export const leaving = "a link leads out of the mount";

/** Attaches the mount that a descriptor holds on top of what another descriptor names. */
export function attach(c: Context, mount: Register, target: Register, why?: string): void {
  c.plan.call(
    "move_mount",
    [mount, "", target, "", "MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH"],
    why === undefined ? {} : { why },
  );
}
