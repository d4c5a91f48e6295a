/**
 * Calls that switch on controllers for a cgroup v2 directory, in every one above it.
 *
 * Kernel: cgroups(7), "Cgroups v2 subtree control": a controller is there for a directory's children once it is in its
 *   cgroup.subtree_control, which takes those of its cgroup.controllers only
 * Errors: EBUSY processes are in the directory itself ("no internal processes"); ENOENT the one above does not hand the
 *   controller on
 * @module
 */
import type { PlanBuilder } from "./builder.ts";
import { type Missing, resourcesPointer } from "./cgroup_limits.ts";
import type { Setting } from "./cgroup_settings.ts";
import type { Host } from "./host.ts";
import { inRoot, parentOf } from "./paths.ts";

/** What engines read beside limits: they are switched on along with the ones that are needed, where that is possible. */
const counted = ["cpu", "io", "memory", "pids"];

/**
 * Switches on what the settings need; false if that is nothing.
 * @param directories from the top on, absolute, the cgroup's own left out
 */
export function enableControllers(
  plan: PlanBuilder,
  settings: readonly Setting[],
  controllers: readonly string[],
  directories: readonly string[],
): boolean {
  const needed: string[] = [];
  for (const { controller } of settings) {
    if (controller !== "" && !needed.includes(controller)) needed.push(controller);
  }
  if (needed.length === 0) return false;
  const more: string[] = [];
  for (const name of counted) if (controllers.includes(name) && !needed.includes(name)) more.push(name);
  plan.at(resourcesPointer);
  for (const directory of directories) enableIn(plan, directory, needed, more);
  return true;
}

/**
 * Switches on what engines read of a container without limits, as runc and crun do; what cannot be had is left.
 * On the way of every start, so nothing is looked up and nothing branches: 10 µs a directory where all are on.
 * @param directories as of enableControllers
 */
export function enableCounted(plan: PlanBuilder, directories: readonly string[]): void {
  plan.at("/linux/cgroupsPath");
  for (const directory of directories) {
    const path = `${directory}/cgroup.subtree_control`;
    const file = plan.open("openat", ["AT_FDCWD", path, "O_WRONLY|O_CLOEXEC", 0], notOurs);
    // A user has the first two nearly always, the others by the machine's configuration.
    plan.call("write", [file, "+memory +pids"], notHere);
    plan.call("write", [file, "+cpu"], notHere);
    plan.call("write", [file, "+io"], notHere);
    plan.call("close", [file], notOpen);
  }
}

const notOurs = { allow: ["ENOENT", "EACCES", "EPERM", "EROFS"], why: "what engines read, where it can be had" };
/** ENOENT, EINVAL the controller; EBUSY, EOPNOTSUPP processes are in the directory itself, or it is threaded. */
const notHere = { allow: ["ENOENT", "EINVAL", "EBUSY", "EOPNOTSUPP", "EBADF"] };
const notOpen = { allow: ["EBADF"] };

/**
 * The directories above a cgroup that hand controllers on to it: from the top, or from what was delegated on.
 * @param path within the hierarchy, without the leading slash
 */
export function directoriesAbove({ cgroup, systemd }: Pick<Host, "cgroup" | "systemd">, path: string): string[] {
  const { mountPoint, own } = cgroup.v2!;
  const directories: string[] = [];
  let first = cgroup.mayMake === "beside" ? parentOf(inRoot(own)) : "";
  if (systemd !== undefined && "controlGroup" in systemd) first = inRoot(systemd.controlGroup);
  for (let above = parentOf(path); ; above = parentOf(above)) {
    directories.unshift(above === "" ? mountPoint : `${mountPoint}/${above}`);
    if (above === first || above === "") return directories;
  }
}

const words = (controllers: readonly string[]): string => controllers.map((name) => `+${name}`).join(" ");

/** One directory. What is only wanted must not keep away what is needed. */
function enableIn(plan: PlanBuilder, directory: string, needed: readonly string[], more: readonly string[]): void {
  const path = `${directory}/cgroup.subtree_control`;
  const file = plan.open("openat", ["AT_FDCWD", path, "O_WRONLY|O_CLOEXEC", 0]);
  if (more.length > 0) {
    plan.alternative({
      attempt: () => plan.call("write", [file, words([...needed, ...more])]),
      branches: [
        {
          on: ["ENOENT", "EBUSY", "EINVAL", "EOPNOTSUPP"],
          why: "not all of them can be had here: those that limits need",
          items: () => plan.call("write", [file, words(needed)]),
        },
      ],
    });
  } else plan.call("write", [file, words(needed)]);
  plan.call("close", [file]);
}

/** What is said where a controller is not there. */
export function missingController({ cgroup, euid, systemd }: Pick<Host, "cgroup" | "euid" | "systemd">): Missing {
  const { controllers, mountPoint, own } = cgroup.v2!;
  const have = controllers.length === 0 ? "none" : controllers.join(" ");
  const manager = systemd !== undefined && "controlGroup" in systemd ? systemd : undefined;
  if (manager?.isUser !== true && (cgroup.mayMake === undefined || cgroup.mayMake === "anywhere")) {
    return {
      message: (controller) => `This machine has no "${controller}" controller of cgroup v2`,
      detail: [
        `because    ${mountPoint}/cgroup.controllers has: ${have}`,
        "try        the kernel's configuration and command line (cgroup_disable=); a controller mounted as v1 is not in v2",
      ],
    };
  }
  const above = manager?.controlGroup ?? own.slice(0, Math.max(0, own.lastIndexOf("/")));
  const isNowhere = manager === undefined && cgroup.mayMake === "nowhere";
  const detail = [
    isNowhere
      ? `because    no cgroup is delegated to uid ${euid}: ${mountPoint}${above}/cgroup.procs is not its to write`
      : `because    ${mountPoint}${above}/cgroup.controllers has: ${have}`,
    `try        Delegate=cpu cpuset io memory pids in the unit of the user's manager (systemctl edit user@.service)`,
  ];
  if (isNowhere) detail.push("try        systemd-run --user --scope --property=Delegate=yes COMMAND");
  return {
    message: (controller) => `The controller "${controller}" is not delegated to this user`,
    detail,
  };
}
