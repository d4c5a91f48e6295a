/**
 * Which calls of newer kernels are not to be had here: the kernel is too old for them (ENOSYS), or a seccomp filter
 * forbids them (EPERM, as profiles from before these calls do; newer ones say ENOSYS too).
 * In: facts. Out: names. Asks only where there can be any: an old kernel, or a filter.
 * @module
 */
import { type Host, type OptionalCall, optionalCalls } from "../plan/host.ts";
import { flags, kernel, sys } from "../stage/sys.ts";
import { ops } from "../../syscalls/ops.ts";

/** From Linux 5.12 on the kernel has them all. */
const newestMajor = 5;
const newestMinor = 12;

const EPERM = 1;
const ENOSYS = 38;
/** No call takes all of these. */
const wrongFlags = 0xffff_ffff;

/**
 * Each is made with arguments that it refuses before it does anything: EINVAL then says that it is there. openat2,
 * open_tree, mount_setattr, clone3 and close_range look at them before they look at rights, so EPERM is a filter's.
 */
function probe(call: OptionalCall): number {
  switch (call) {
    case "openat2":
      return sys(call, -1, "", null, 0);
    case "open_tree":
      return sys(call, -1, "", wrongFlags);
    case "fsopen":
      return sys(call, null, wrongFlags);
    case "mount_setattr":
      return sys(call, -1, "", wrongFlags, null, 0);
    case "move_mount":
      return sys(call, -1, "", -1, "", wrongFlags);
    case "clone3":
      return sys(call, null, 0);
    case "close_range":
      // The shim does it by hand then, and so never says EINVAL.
      return sys(call, 1, 0, wrongFlags) < 0 ? 0 : -ENOSYS;
  }
}

/** Those that are missing or forbidden. */
export function probeMissing(release: Host["kernel"], mayMount: boolean): OptionalCall[] {
  const isOld = release.major < newestMajor || (release.major === newestMajor && release.minor < newestMinor);
  const hasFilter = sys("prctl", flags("PR_GET_SECCOMP"), 0, 0, 0, 0) > 0;
  return isOld || hasFilter ? findMissing(mayMount) : [];
}

/** The same, asked in any case. */
export function findMissing(mayMount: boolean): OptionalCall[] {
  const missing: OptionalCall[] = [];
  // These two look at rights first. Without the right to mount, a process that has it in namespaces of its own is asked;
  // where there can be none, there will be no container either.
  const k = kernel();
  const hidden = mayMount ? 0 : k.call(ops.SHIM_PROBE_MOUNTS, k.stack, k.stackBytes, 0, 0, 0, 0);
  for (const call of optionalCalls) {
    const result = probe(call);
    const isAmbiguous = !mayMount && (call === "fsopen" || call === "move_mount");
    const isForbidden = isAmbiguous ? hidden > 0 && (hidden & (call === "fsopen" ? 1 : 2)) !== 0 : result === -EPERM;
    if (result === -ENOSYS || isForbidden) missing.push(call);
  }
  return missing;
}
