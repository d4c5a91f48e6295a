/**
 * Device rules around the plan of `update`: what is in force before, processes that stand still meanwhile where more would
 * be open on the way, what is put back after a failure, what the record says.
 * Input: StateDirectory, StateRecord, rules. Output: DevicesInForce; an operation within.
 * @module
 */
import { attachedPrograms, type HeldProgram, putBack, release } from "../cgroup/device_programs.ts";
import { readIfThere } from "../cgroup/files.ts";
import { freeze, thaw } from "../cgroup/freezer.ts";
import { PlanBuilder } from "../plan/builder.ts";
import { deviceProgramName, writeLines } from "../plan/cgroup_devices.ts";
import { deviceChanges, type DeviceState, deviceStateOf } from "../plan/device_changes.ts";
import type { Host } from "../plan/host.ts";
import { type DevicesInForce, keptState } from "../plan/update_devices.ts";
import { placed } from "../program/addresses.ts";
import { parseResources } from "../spec/mod.ts";
import type { DeviceRule } from "../spec/types.ts";
import { makeImage, runImage } from "../stage/program.ts";
import { addDeviceRules, type StateDirectory } from "../state/directory.ts";
import type { StateRecord } from "../state/record.ts";

/** The device rules of one container while they are exchanged. */
export class DeviceExchange {
  readonly inForce: DevicesInForce;
  readonly #cgroups: readonly string[];
  /** v1: where the rules' files are; v2: the cgroup. "": nowhere. */
  readonly #place: string;
  readonly #held: readonly HeldProgram[];
  readonly #before: DeviceState | undefined;

  constructor(record: StateRecord, host: Pick<Host, "cgroup">, cgroups: readonly string[], place: string) {
    this.#cgroups = cgroups;
    this.#place = place;
    const rules = rulesOf(record);
    const programName = deviceProgramName(record.id);
    const isLegacy = host.cgroup.layout === "v1";
    this.#held = isLegacy || place === "" ? [] : attachedPrograms(place);
    const list = isLegacy ? listIn(place) : "";
    this.#before = isLegacy ? deviceStateOf(list, keptState(rules)) : undefined;
    this.inForce = isLegacy ? { rules, list, programName } : { rules, programs: this.#held, programName };
  }

  /** What is in force after systemd wrote as well; undefined: nothing that it touches (v2). */
  again(): DevicesInForce | undefined {
    if (this.#before === undefined) return undefined;
    return { rules: undefined, list: listIn(this.#place), programName: this.inForce.programName };
  }

  /** Has the exchange made; what fails within is put back. @param standStill no process may go on meanwhile */
  run(directory: StateDirectory, rules: readonly DeviceRule[], standStill: boolean, change: () => void): void {
    // Whoever comes after an end in between must not take rules for those in force.
    addDeviceRules(directory, null);
    try {
      if (standStill) freeze(this.#cgroups);
      change();
    } catch (error) {
      const isUndone = this.#undo();
      if (isUndone && this.inForce.rules !== undefined) addDeviceRules(directory, this.inForce.rules);
      throw error;
    } finally {
      if (standStill) thaw(this.#cgroups);
    }
    addDeviceRules(directory, rules);
  }

  /** Lets go of what is kept for putting it back. */
  end(): void {
    release(this.#held);
  }

  /** Whether everything is as before. */
  #undo(): boolean {
    const { programName } = this.inForce;
    const before = this.#before;
    if (before === undefined) {
      const own = this.#held.find(({ name }) => name === programName);
      return putBack(this.#place, programName, own);
    }
    // What was denied by then is not known: to allow everything would be too much.
    if (before.exceptions === undefined) return false;
    const { lines } = deviceChanges(deviceStateOf(listIn(this.#place), before), before);
    const plan = new PlanBuilder();
    writeLines(plan, this.#place, lines);
    const { items, registers } = plan.build();
    return runImage(makeImage(placed(items), registers)).result >= 0;
  }
}

const listIn = (place: string): string => readIfThere(`${place}/devices.list`);

/** Rules as they were given last; undefined: an update was cut off. */
function rulesOf({ deviceRules, config }: StateRecord): readonly DeviceRule[] | undefined {
  if (deviceRules !== undefined) return deviceRules ?? undefined;
  const { linux } = config as { linux?: { resources?: { devices?: unknown } | null } | null };
  // They were checked at `create`, but stand there as they were written.
  return parseResources(JSON.stringify({ devices: linux?.resources?.devices })).devices ?? [];
}
