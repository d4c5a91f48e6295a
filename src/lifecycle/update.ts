/**
 * The operation `update`: other limits and device rules for a container that exists. Input: an id, resources as JSON text.
 * Output: the files of its cgroups written, its device program exchanged, or an error; what was done before it is put back.
 * @module
 */
import { currentLimits } from "../cgroup/current.ts";
import { readIfThere, writeIfThere } from "../cgroup/files.ts";
import { managerOf } from "../cgroup/systemd.ts";
import { HostError, SpecError, SyscallError } from "../errors.ts";
import { probeCgroups } from "../host/cgroups.ts";
import { probeHost } from "../host/mod.ts";
import { probeResctrl } from "../host/resctrl.ts";
import { isMachinesRoot } from "../plan/context.ts";
import type { ResctrlChange } from "../plan/resctrl.ts";
import type { Plan } from "../plan/types.ts";
import { devicePlace, planUpdate } from "../plan/update.ts";
import { callsOf, placed } from "../program/addresses.ts";
import { printPlan } from "../program/print.ts";
import { parseResources } from "../spec/mod.ts";
import type { Resources, Spec } from "../spec/types.ts";
import { makeImage, runImage } from "../stage/program.ts";
import { AT_FDCWD, close, errnoName, errnoText, openAt, readAll, textOf } from "../stage/sys.ts";
import {
  closeStateDirectory,
  lockStateDirectory,
  openStateDirectory,
  type StateDirectory,
} from "../state/directory.ts";
import type { StateRecord } from "../state/record.ts";
import { debugBranches } from "./branches.ts";
import { failureError } from "./failure.ts";
import { requireCgroups } from "./own_cgroups.ts";
import { notRunning, recordOf } from "./record.ts";
import { currentStatus } from "./status.ts";
import type { RuntimeOptions, Status } from "./types.ts";
import { DeviceExchange } from "./update_devices.ts";
import { updateUnit } from "./update_unit.ts";

const patienceMs = 10_000;
const maxFileBytes = 16 * 1024 * 1024;

/**
 * Changes limits.
 * @param text like `linux.resources`
 * @param document where it comes from, for messages
 * @param change of the container's class of resctrl, which is no part of its resources
 */
export function update(
  rt: RuntimeOptions,
  id: string,
  text: string,
  document: string,
  change: ResctrlChange = {},
): void {
  const resources = parse(text, document);
  const directory = openStateDirectory(rt.root, id);
  try {
    lockStateDirectory(directory, patienceMs);
    const seen = recordOf(directory);
    const { record } = seen;
    const status = currentStatus(directory, seen);
    if (status === "stopped" || status === "creating") throw notRunning(record);
    apply(rt, directory, { record, status }, resources, document, change);
  } finally {
    closeStateDirectory(directory);
  }
}

/** The text of a file of resources; "-": standard input. Errors: HostError. */
export function readResources(path: string): string {
  try {
    if (path === "-") return textOf(readAll(0, maxFileBytes));
    const fd = openAt(AT_FDCWD, path, "O_RDONLY|O_CLOEXEC|O_NOCTTY");
    try {
      return textOf(readAll(fd, maxFileBytes));
    } finally {
      close(fd);
    }
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new HostError(`Cannot read "${path}": ${errnoName(error.errno)} (${errnoText(error.errno)})`);
  }
}

function parse(text: string, document: string): Resources {
  try {
    return parseResources(text);
  } catch (error) {
    throw error instanceof SpecError ? error.of(document) : error;
  }
}

function apply(
  rt: RuntimeOptions,
  directory: StateDirectory,
  { record, status }: { record: StateRecord; status: Status },
  resources: Resources,
  document: string,
  change: ResctrlChange,
): void {
  const facts = probeHost(undefined);
  const isRoot = isMachinesRoot(facts);
  const cgroup = probeCgroups(isRoot, { controllers: true, delegate: false });
  const cgroups = requireCgroups(record, "update container");
  const current = currentLimits(cgroups);
  const host = {
    cgroup,
    euid: facts.euid,
    inUserNamespace: facts.inUserNamespace,
    ...(record.unit === undefined ? {} : managerOf(record.unit, cgroup, !isRoot)),
  };
  const resctrl =
    change.l3CacheSchema === undefined && change.memBwSchema === undefined
      ? {}
      : {
          resctrl: {
            change,
            isMounted: probeResctrl(undefined, record.id).isMounted,
            group: record.resctrl?.groups[0],
          },
        };
  const rules = resources.devices ?? [];
  const place = devicePlace(host, cgroups);
  const exchange = rules.length > 0 && isRoot ? new DeviceExchange(record, host, cgroups, place) : undefined;
  const target = { ...current, ...resctrl };
  const inForce = exchange?.inForce;
  const plan = planUpdate(resources, host, inForce === undefined ? target : { ...target, devices: inForce }, document);
  if (rt.log.debugging) rt.log.debug(`plan of update:\n${printPlan(plan)}`);
  const [first] = plan.refusals;
  if (first !== undefined) throw new SpecError(first.pointer, first.message, first.detail, document);
  for (const warning of plan.warnings) rt.log.warn(warning);
  const isToldToSystemd = record.unit !== undefined && cgroup.layout === "v1";
  const make = (): void => {
    if (plan.items.length === 0 && !plan.setsDevices) return;
    carryOut(rt, plan, resources);
    if (record.unit === undefined) return;
    const told = plan.setsDevices ? resources : { ...resources, devices: [] };
    updateUnit(record.unit, told, host, current.current);
    // systemd rounds what it writes, and does not keep every rule.
    const again = exchange?.again();
    const rest = again !== undefined && plan.setsDevices ? { ...current, devices: again } : current;
    carryOut(rt, planUpdate(resources, host, rest, document), resources);
  };
  try {
    if (exchange === undefined || !plan.setsDevices) undoing(rt, plan, make);
    else {
      const standStill = (plan.needsStandstill || isToldToSystemd) && status !== "paused";
      exchange.run(directory, rules, standStill, () => undoing(rt, plan, make));
    }
  } finally {
    exchange?.end();
  }
}

/** Makes the calls. */
function carryOut(rt: RuntimeOptions, plan: Plan, resources: Resources): void {
  const { failed, result, branches, detail } = runImage(makeImage(placed(plan.items), plan.registers));
  debugBranches(rt, { plan }, branches);
  if (result >= 0) return;
  // The cause is read out of the files, so before anything is put back.
  const failure = { ...(failed ?? { address: -1, errno: -result, result }), detail };
  throw failureError(plan, { linux: { resources } } as Spec, failure);
}

/** After a failure the files are as before. */
function undoing(rt: RuntimeOptions, plan: Plan, make: () => void): void {
  const before = contentsOf(plan);
  try {
    make();
  } catch (error) {
    restore(rt, before);
    throw error;
  }
}

/** The files that the plan may write, as they are now. */
function contentsOf(plan: Plan): Map<string, string> {
  const contents = new Map<string, string>();
  for (const { call, args } of callsOf(plan)) {
    const path = args[1];
    if (call !== "openat" || typeof path !== "string" || path.endsWith("/cgroup.subtree_control")) continue;
    // Those of device rules are nobody's to read, and the directory of v2 holds none.
    if (args[2] !== "O_WRONLY|O_CLOEXEC" || path.endsWith("/devices.allow") || path.endsWith("/devices.deny")) continue;
    contents.set(path, readIfThere(path).trim());
  }
  return contents;
}

/** Puts back what has changed, last first, as far as one write can. */
function restore(rt: RuntimeOptions, contents: ReadonlyMap<string, string>): void {
  for (const [path, text] of [...contents].toReversed()) {
    if (text === "" || text.includes("\n") || readIfThere(path).trim() === text) continue;
    if (!writeIfThere(path, text)) rt.log.warn(`Cannot put "${text}" back into "${path}"`);
  }
}
