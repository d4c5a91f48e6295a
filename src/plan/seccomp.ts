/**
 * The seccomp filter of the container's processes: its lines, at the moment that filter_moment.ts has chosen.
 *
 * Spec: config-linux.md#seccomp
 * Kernel: seccomp(2): EACCES without CAP_SYS_ADMIN unless no_new_privs is set
 * Order: the puzzle is that loading takes a right which the process is not to have, and that giving it up is a call the
 *   filter may forbid. Its solution: execve(2) itself. What a program gets is worked out from the inheritable, the bounding
 *   and the ambient set (capabilities(7)), so what is permitted beyond them until then is gone with it. So ids and sets are
 *   the process's own first, with CAP_SYS_ADMIN besides; then the filter; then execve, and nothing in between. Only where
 *   others could take hold of a process with that right meanwhile, or something is still to be done under the filter, it is
 *   given up by a second capset behind the filter
 * @module
 */
import { SpecError } from "../errors.ts";
import type { Process } from "../spec/types.ts";
import { has, heldSets, planSets } from "./capabilities.ts";
import type { CapabilitySets } from "./capabilities.ts";
import type { Context } from "./context.ts";
import { type FilterMoment, filterOf, type PlannedFilter } from "./filter_moment.ts";
import { asksSupervisor, flagsOf, loadListened, loadSupervised } from "./supervisor.ts";
import { isVisible } from "./visible.ts";

/** Number of CAP_SYS_ADMIN. */
const administration = 21;

/** Longest path in struct sockaddr_un. */
const maxSocketPath = 107;

/** Runtime, before the stage exists: the connection to the supervisor, one for each process. */
export function connectSupervisor(c: Context): void {
  const seccomp = c.spec.linux?.seccomp;
  if (seccomp === undefined || c.spec.process === undefined || !asksSupervisor(seccomp)) return;
  const { plan } = c;
  const path = seccomp.listenerPath ?? "";
  const { length } = new TextEncoder().encode(path);
  if (length > maxSocketPath) {
    throw new SpecError(
      "/linux/seccomp/listenerPath",
      `Expected at most ${maxSocketPath} bytes but received ${length}`,
    );
  }
  plan.at("/linux/seccomp/listenerPath");
  c.supervisor = plan.open("socket", ["AF_UNIX", "SOCK_STREAM|SOCK_CLOEXEC", 0]);
  plan.call("connect", [c.supervisor, { sun_family: "AF_UNIX", sun_path: path }]);
  if (!isVisible(c)) plan.inherit(c.supervisor);
}

/**
 * The sets of a stage that is still to load the filter. @returns whether they hold more than they are to: CAP_SYS_ADMIN,
 * where the runtime has it; where not, loading fails, and says so.
 */
export function setsForFilter(c: Context, process: Process, sets: CapabilitySets): CapabilitySets {
  const filter = filterOf(c, process);
  if (filter === undefined || has(sets.effective, administration)) return sets;
  const isNeeded = process.noNewPrivileges !== true || filter.entersPid;
  if (!isNeeded || !has(heldSets(c).permitted, administration)) return sets;
  filter.rights = sets;
  const bit = { low: 1 << administration, high: 0 };
  const withBit = ({ low, high }: { low: number; high: number }) => ({ low: low | bit.low, high });
  return { ...sets, effective: withBit(sets.effective), permitted: withBit(sets.permitted) };
}

/** Stage: loads the filter, if there is one and this is its moment. */
export function planSeccomp(c: Context, process: Process, moment: FilterMoment): void {
  const filter = filterOf(c, process);
  if (filter === undefined || filter.moment !== moment) return;
  c.plan.at("/linux/seccomp");
  if (c.supervisor === undefined) load(c, filter);
  else if (isVisible(c)) loadListened(c, filter);
  else loadSupervised(c, filter);
  // execve takes the right away; what comes before it is not to have it.
  if (filter.rights !== undefined && moment !== "last" && moment !== "seen") {
    planSets(c, filter.rights, "without CAP_SYS_ADMIN, which loading the filter took");
  }
}

function load({ plan }: Context, { seccomp, program, why }: PlannedFilter): void {
  plan.call("seccomp", ["SECCOMP_SET_MODE_FILTER", flagsOf(seccomp, false), program], why === undefined ? {} : { why });
}
