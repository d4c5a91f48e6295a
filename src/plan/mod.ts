/**
 * Input: Spec, Host, PlanOptions        Output: Plan
 * Pure: no I/O, no clock, no randomness, no numbers of any one architecture.
 * May import: spec types, syscalls names, errors.
 * @module
 */
import { type Compile, compileSeccomp } from "../seccomp/mod.ts";
import type { Spec } from "../spec/types.ts";
import { PlanBuilder } from "./builder.ts";
import { clonesEarly, isGuest } from "./cloning.ts";
import { type Cgroups, joinCgroups, planCgroups, planLateLimits } from "./cgroups.ts";
import { type Context, freshNamespaces, joinedNamespaces } from "./context.ts";
import { cloneDevices } from "./device_clones.ts";
import { type DeviceClones, planDevices } from "./devices.ts";
import { openHookOutput, planCreateHooks } from "./hooks.ts";
import type { Host, PlanOptions } from "./host.ts";
import { refuseHostNamespaces } from "./host_namespaces.ts";
import { hasParameters, planGuestParameters, planKernelParameters } from "./kernel_parameters.ts";
import { planLockedTrees, takeLockedTrees } from "./locked_trees.ts";
import type { PreparedMount } from "./mount_entry.ts";
import { withoutMissing } from "./lower.ts";
import { dropMasks, planMaskedPaths, planMasks, planReadonlyPaths } from "./masked_paths.ts";
import { mountsByDescriptor } from "./missing.ts";
import { finishMounts, planMounts, prepareMounts, verifyMounts } from "./mounts.ts";
import { checkProcessIds, idMapsOf } from "./id_maps.ts";
import {
  enterStageNamespaces,
  planClone,
  planEarlyNamespaces,
  planJoins,
  planSecrecy,
  planStagesMapping,
} from "./namespaces.ts";
import { planRootIds } from "./user_namespace.ts";
import { planNetDevices } from "./net_devices.ts";
import { withNotify } from "./notify.ts";
import { planProcess, planStart, planWorkingDirectory } from "./process.ts";
import { joinResctrl, planResctrl } from "./resctrl.ts";
import { planRefusals } from "./refusals.ts";
import { enterRoot } from "./root_entry.ts";
import {
  attachRootfs,
  finishPropagation,
  hasMountingHooks,
  isolateMounts,
  openRootfs,
  planReadonlyRoot,
} from "./rootfs.ts";
import { planUsualAffinity } from "./scheduling.ts";
import { connectSupervisor } from "./seccomp.ts";
import { planScope } from "./systemd.ts";
import { planIdentity, planKeyring, planOrdinaryMask, planStage } from "./stage.ts";
import { planSession, planTerminal } from "./terminal.ts";
import type { Plan } from "./types.ts";
import { isVisible, openBirth } from "./visible.ts";

/** What is the host's and is to be in the container: bind sources, device nodes. */
function openSources(c: Context, cgroups: Cgroups): { mounts: PreparedMount[]; devices: DeviceClones } {
  const mounts = prepareMounts(c, cgroups);
  return { mounts, devices: isGuest(c) ? cloneDevices(c, mounts) : new Map() };
}

/**
 * The plan of `create` and `run`. @param compile where seccomp filters come from  Errors: SpecError for what no host could do.
 * Sections that usually have nothing to do are not entered then: entering one for the first time takes the engine some
 * 10 us, and there is only a first time.
 */
export function planCreate(config: Spec, host: Host, options: PlanOptions, compile: Compile = compileSeccomp): Plan {
  const spec = options.notify === undefined ? config : withNotify(config, options);
  const plan = new PlanBuilder();
  const fresh = freshNamespaces(spec, host);
  const joined = joinedNamespaces(spec);
  const maps = fresh.has("user") ? idMapsOf({ plan, spec, host, fresh }) : undefined;
  const c: Context = {
    plan,
    spec,
    host,
    options,
    compile,
    fresh,
    joined,
    hasUserNamespace: fresh.has("user") || joined.has("user"),
    maps,
    cloner: host.mayMount && mountsByDescriptor(host) ? "runtime" : "stage",
    root: { register: 0 },
    places: { list: [], certainFrom: 0, isFilled: false },
    stacked: 0,
  };
  planRefusals(c);
  if (host.hostNamespaces !== undefined && host.hostNamespaces.length > 0) refuseHostNamespaces(c);
  if (maps !== undefined) checkProcessIds(c, maps);
  planEarlyNamespaces(c);
  if (spec.hooks !== undefined && spec.annotations !== undefined) openHookOutput(c);
  // Whatever needs paths of the host is opened once: by the runtime's own process, or first of all by the stage.
  const isEarly = clonesEarly(c);
  if (isEarly) c.root = openRootfs(c);
  const cgroups = planCgroups(c);
  if (spec.linux?.seccomp !== undefined) connectSupervisor(c);
  const classes = spec.linux?.intelRdt === undefined ? undefined : planResctrl(c);
  let sources = isEarly ? openSources(c, cgroups) : undefined;
  if (sources !== undefined && c.hasUserNamespace) planLockedTrees(c, sources.mounts);
  planSecrecy(c);
  const namespaces = joined.size === 0 ? undefined : planJoins(c);
  if (spec.process !== undefined && isVisible(c)) openBirth(c);
  const container = planClone(c, cgroups.directory);
  if (cgroups.unit !== undefined) planScope(c, cgroups, container);
  if (c.hasUserNamespace || fresh.has("time")) planStagesMapping(c, container);
  if (cgroups.late.length > 0) planLateLimits(c, cgroups);
  // The stage, in the new namespaces, the host's mounts still below "/".
  plan.on("stage");
  planStage(c);
  if (namespaces !== undefined) enterStageNamespaces(c, namespaces);
  if (c.hasUserNamespace) planRootIds(c);
  planKeyring(c);
  joinCgroups(c, cgroups);
  planUsualAffinity(c);
  if (classes !== undefined) joinResctrl(c, classes);
  isolateMounts(c);
  if (sources === undefined) {
    c.root = openRootfs(c);
    sources = openSources(c, cgroups);
  }
  const { mounts, devices } = sources;
  const over = c.hasUserNamespace ? takeLockedTrees(c, mounts) : undefined;
  const isHooked = hasMountingHooks(c);
  let masks = isHooked ? undefined : planMasks(c, "/");
  attachRootfs(c, over);
  planMounts(c, mounts, cgroups);
  planDevices(c, mounts, devices);
  const terminal = planTerminal(c, mounts);
  planOrdinaryMask(c);
  if (spec.linux?.netDevices !== undefined) planNetDevices(c, container);
  if (spec.hooks !== undefined) planCreateHooks(c, container);
  if (isHooked) masks = planMasks(c, "/dev");
  // Last of all in the root: what only takes away.
  const cwd = planWorkingDirectory(c);
  planMaskedPaths(c, masks);
  planReadonlyPaths(c);
  finishMounts(c, mounts);
  if (spec.root.readonly === true) planReadonlyRoot(c);
  if (hasParameters(c)) planGuestParameters(c);
  dropMasks(c, masks);
  enterRoot(c, masks?.isStacked === true ? 1 : 0);
  if (spec.linux?.rootfsPropagation !== undefined) finishPropagation(c);
  // The host is out of reach.
  planIdentity(c);
  if (hasParameters(c)) planKernelParameters(c);
  planSession(c, terminal);
  if (c.places.list.length > 0) verifyMounts(c);
  const hasTerminal = terminal !== undefined;
  const program =
    spec.process === undefined || cwd === undefined ? undefined : planProcess(c, spec.process, cwd, hasTerminal);
  planStart(c, spec.process, program);
  return host.missing.length === 0 ? plan.build() : withoutMissing(plan.build(), host);
}
