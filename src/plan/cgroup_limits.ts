/**
 * Calls that apply `linux.resources` but for device rules: limits kept by the controllers of cgroups.
 *
 * Spec: config-linux.md#control-groups; a limit that nothing keeps is an error, never left out (runtime.md#create)
 * Order: after the directories are made, before any process is in them; on v2 the controllers are switched on first
 * Errors: ENOENT the file is not there; EINVAL, ERANGE the kernel does not take the value; EBUSY more is in use already
 * @module
 */
import type { Resources } from "../spec/types.ts";
import type { PlanBuilder } from "./builder.ts";
import { legacySettings } from "./cgroup_limits_v1.ts";
import { unifiedSettings } from "./cgroup_limits_v2.ts";
import type { CurrentLimits, Refuse, Setting } from "./cgroup_settings.ts";
import type { CgroupHierarchy, Host } from "./host.ts";
import type { Register } from "./types.ts";

/** Where limits stand in config.json. */
export const resourcesPointer = "/linux/resources";

/** Whether there is anything beside device rules. On the way of every start: one look a key. */
export function hasLimits(resources: Resources | undefined): boolean {
  for (const key in resources) if (key !== "devices") return true;
  return false;
}

/** The files to write, in their order; what they cannot do is refused. @param current undefined: the cgroup is new */
export function settingsOf(
  plan: PlanBuilder,
  host: Pick<Host, "cgroup">,
  resources: Resources,
  current?: CurrentLimits,
): Setting[] {
  const refuse: Refuse = (pointer, message) => plan.refuse(`${resourcesPointer}${pointer}`, message);
  const settings = host.cgroup.layout === "v1" ? legacySettings : unifiedSettings;
  return settings(resources, refuse, current);
}

/** What has no effect on any kernel that this runtime runs on is said, not done: runc and crun ignore it, too. */
export function warnOfIgnored(plan: PlanBuilder, { memory }: Resources): void {
  for (const key of ["kernel", "kernelTCP"] as const) {
    if ((memory?.[key] ?? 0) > 0) {
      plan.warn(`${resourcesPointer}/memory/${key} is not applied: limits on kernel memory are obsolete`);
    }
  }
}

/** What a refusal says of the place: which controllers there are, and why no others. */
export interface Missing {
  readonly message: (controller: string) => string;
  readonly detail?: readonly string[];
}

/** The settings that can be made; those whose controller is missing are refused, unless they ask for nothing. */
export function available(
  plan: PlanBuilder,
  settings: readonly Setting[],
  controllers: readonly string[],
  missing: Missing,
): Setting[] {
  const left: Setting[] = [];
  const lacking: Setting[] = [];
  for (const setting of settings) {
    const isThere = setting.controller === "" || controllers.includes(setting.controller);
    (isThere ? left : lacking).push(setting);
  }
  refuseSettings(plan, lacking, missing);
  return left;
}

/** Refuses settings by their fields, each once; those that ask for nothing are no matter. */
export function refuseSettings(plan: PlanBuilder, settings: readonly Setting[], missing: Missing): void {
  let last = "";
  for (const { controller, pointer, isDefault } of settings) {
    if (isDefault === true || pointer === last) continue;
    last = pointer;
    plan.refuse(`${resourcesPointer}${pointer}`, missing.message(controller), missing.detail);
  }
}

/** v1: the settings whose hierarchy is there. */
export function availableLegacy(
  plan: PlanBuilder,
  settings: readonly Setting[],
  hierarchies: readonly CgroupHierarchy[],
): Setting[] {
  const controllers: string[] = [];
  for (const hierarchy of hierarchies) controllers.push(...hierarchy.controllers);
  return available(plan, settings, controllers, {
    message: (controller) => `This machine has no "${controller}" controller of cgroup v1`,
    detail: [`because    /proc/self/cgroup has ${controllers.join(" ")}, as far as they are mounted in /sys/fs/cgroup`],
  });
}

/** Which file: a path below a directory that is open, or an absolute one. */
export type Place = { readonly directory: Register } | { readonly path: string };

/** Writes settings in order. @param placeOf where the files of a controller are */
export function writeSettings(
  plan: PlanBuilder,
  settings: readonly Setting[],
  placeOf: (controller: string) => Place,
): void {
  const early: Setting[] = [];
  const write = (setting: Setting): void => {
    plan.at(`${resourcesPointer}${setting.pointer}`);
    writeSetting(plan, setting, placeOf(setting.controller));
  };
  for (const setting of settings) {
    if (setting.isEarly === true) early.push(setting);
    else {
      writeAround(plan, early.splice(0), setting, [], write, placeOf);
    }
  }
}

/**
 * Writes `last` after those that go before it where the kernel lets them. Each pair must be valid at every moment, and
 * only the kernel knows the values in force (runc tries in the same order).
 */
function writeAround(
  plan: PlanBuilder,
  [first, ...rest]: readonly Setting[],
  last: Setting,
  late: readonly Setting[],
  write: (setting: Setting) => void,
  placeOf: (controller: string) => Place,
): void {
  if (first === undefined) {
    write(last);
    for (const setting of late) write(setting);
    return;
  }
  const file = plan.register();
  plan.alternative({
    attempt: () => {
      plan.at(`${resourcesPointer}${first.pointer}`);
      openInto(plan, file, placeOf(first.controller), first.file);
      plan.call("write", [file, first.text]);
    },
    then: () => {
      plan.call("close", [file]);
      writeAround(plan, rest, last, late, write, placeOf);
    },
    branches: [
      {
        on: ["EINVAL"],
        why: "it does not fit the quota or runtime in force: after the new one",
        items: () => {
          plan.call("close", [file]);
          writeAround(plan, rest, last, [...late, first], write, placeOf);
        },
      },
    ],
  });
}

function writeSetting(plan: PlanBuilder, { file, text, otherwise }: Setting, place: Place): void {
  const register = plan.register();
  const put = (content: string): void => {
    plan.call("write", [register, content]);
    plan.call("close", [register]);
  };
  if (otherwise === undefined) {
    openInto(plan, register, place, file);
    put(text);
    return;
  }
  const { instead, why } = otherwise;
  const items = (): void => {
    if (instead === undefined) return;
    openInto(plan, register, place, instead.file);
    put(instead.text);
  };
  plan.alternative({
    attempt: () => openInto(plan, register, place, file),
    then: () => put(text),
    branches: [{ on: ["ENOENT"], why, items }],
  });
}

function openInto(plan: PlanBuilder, register: Register, place: Place, file: string): void {
  if ("directory" in place) plan.into(register, "openat", [place.directory, file, "O_WRONLY|O_CLOEXEC", 0]);
  else plan.into(register, "openat", ["AT_FDCWD", `${place.path}/${file}`, "O_WRONLY|O_CLOEXEC", 0]);
}
