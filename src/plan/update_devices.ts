/**
 * Device rules of a container that exists: those given take the place of those in force, with the meaning they have in
 * config.json.
 * In: rules, what is in force. Out: calls in the builder.
 *
 * Spec: config-linux.md#allowed-device-list
 * Kernel: v2 BPF_F_REPLACE since Linux 5.6: one step from one program to the other, so that at no moment none decides;
 *   of several programs all must allow, so that one more never opens anything. v1: device_changes.ts
 * Engines: containerd, and so Kubernetes, sends the whole list of config.json along with each change of another limit,
 *   every ten seconds with some settings. The same rules again change nothing, so that what a hook has added since (nvidia's
 *   opens GPUs behind the runtime's back: more lines on v1, a program of its own in the place of ours on v2) stays
 * Errors: ENOENT the program was exchanged by somebody else meanwhile; EPERM one is there that suffers no other, or (v1) the
 *   cgroup above allows less; EINVAL (v1) what holds for all devices cannot be turned round with other cgroups below
 * @module
 */
import type { DeviceRule } from "../spec/types.ts";
import type { PlanBuilder } from "./builder.ts";
import { attachProgram, deviceAccesses, keptRules, refuseUnkept, writeLines } from "./cgroup_devices.ts";
import { isMachinesRoot } from "./context.ts";
import { deviceChanges, type DeviceState, deviceStateOf } from "./device_changes.ts";
import { deviceExceptions } from "./device_exceptions.ts";
import type { Host } from "./host.ts";

/** A program attached to the container's cgroup itself. */
export interface AttachedProgram {
  /** The kernel's number for it. */
  readonly id: number;
  /** "": it was loaded without one. */
  readonly name: string;
}

/** What is in force. */
export interface DevicesInForce {
  /** Rules as they were given last, none where there were none; undefined: an update was cut off, so nobody knows. */
  readonly rules: readonly DeviceRule[] | undefined;
  /** v1: content of devices.list. */
  readonly list?: string;
  /** v2. */
  readonly programs?: readonly AttachedProgram[];
  /** The name of the container's own program (cgroup_devices.ts). */
  readonly programName: string;
}

/** What has to be known besides the calls. */
export interface DeviceUpdate {
  /** The rules given are to be those in force from now on. */
  readonly setsDevices: boolean;
  /** Processes must stand still meanwhile: on the way more devices are open than before and after. */
  readonly needsStandstill: boolean;
}

export const unchanged: DeviceUpdate = { setsDevices: false, needsStandstill: false };

/** Runtime. @param place of the container in v2, or in v1's hierarchy of devices; "": it has none there */
export function planDeviceUpdate(
  plan: PlanBuilder,
  host: Pick<Host, "cgroup" | "euid" | "inUserNamespace">,
  rules: readonly DeviceRule[],
  place: string,
  inForce: DevicesInForce | undefined,
): DeviceUpdate {
  // Whom nothing was enforced for at `create` nothing is enforced for now (planDeviceRules).
  if (rules.length === 0 || !isMachinesRoot(host) || inForce === undefined) return unchanged;
  plan.at("/linux/resources/devices");
  if (place === "") {
    refuseUnkept(plan);
    return unchanged;
  }
  const accesses = deviceAccesses(rules);
  const isSame =
    inForce.rules !== undefined && JSON.stringify(deviceAccesses(inForce.rules)) === JSON.stringify(accesses);
  if (host.cgroup.layout === "v1") {
    if (isSame) return unchanged;
    const [all, ...exceptions] = keptRules(plan, accesses);
    const from = deviceStateOf(inForce.list ?? "", keptState(inForce.rules));
    const { lines, turnsRound } = deviceChanges(from, { allow: all!.allow, exceptions });
    writeLines(plan, place, lines);
    return { setsDevices: true, needsStandstill: turnsRound };
  }
  const { programs = [], programName } = inForce;
  if (isSame && programs.length > 0) return unchanged;
  const directory = plan.open("openat", ["AT_FDCWD", place, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);
  const own = programs.find(({ name }) => name === programName);
  // What others attached is theirs to take away. It may deny what is allowed here, never allow what is denied: with ours
  // beside it no more is open than these rules say, whoever wrote it and whatever it was made from.
  for (const { id, name } of programs) {
    if (id === own?.id) continue;
    plan.warn(
      `/linux/resources/devices: program ${id} ${JSON.stringify(name)}, which is not this container's, decides on devices ` +
        "as well: what it denies stays denied",
    );
  }
  if (own === undefined) attachProgram(plan, directory, accesses, programName);
  else {
    const replaced = plan.open("bpf", ["BPF_PROG_GET_FD_BY_ID", { prog_id: own.id }]);
    attachProgram(plan, directory, accesses, programName, replaced);
    plan.call("close", [replaced]);
  }
  plan.call("close", [directory]);
  return { setsDevices: true, needsStandstill: false };
}

/** What the v1 controller was made to keep by rules; undefined: not known. */
export function keptState(rules: readonly DeviceRule[] | undefined): DeviceState | undefined {
  if (rules === undefined) return undefined;
  if (rules.length === 0) return { allow: true, exceptions: [] };
  const [all, ...exceptions] = deviceExceptions(deviceAccesses(rules), () => {});
  return { allow: all!.allow, exceptions };
}
