/**
 * `linux.resources` as files of a cgroup v2 directory. Pure.
 * In: Resources, the limits in force. Out: Setting[] in the order of writing; what v2 cannot do is refused.
 *
 * Spec: config-linux.md#control-groups; values of v1 are converted as runc and crun do
 * Kernel: Documentation/admin-guide/cgroup-v2.rst
 * @module
 */
import { pointerTo } from "../spec/pointer.ts";
import type { JsonInteger } from "../spec/scalars.ts";
import type { Resources } from "../spec/types.ts";
import { cpuWeight, ioWeight, limitText } from "./cgroup_conversions.ts";
import type { AddSetting, CurrentLimits, Refuse, Setting } from "./cgroup_settings.ts";

/** Every file to write. @param current undefined: the cgroup is new */
export function unifiedSettings(resources: Resources, refuse: Refuse, current: CurrentLimits | undefined): Setting[] {
  const settings: Setting[] = [];
  const add: AddSetting = (controller, file, text, pointer, more) => {
    settings.push({ controller, file, text, pointer, ...more });
  };
  refuseLegacy(resources, refuse);
  if (resources.cpu !== undefined) cpu(add, resources.cpu, current);
  if (resources.memory !== undefined) memory(add, resources.memory, current);
  pids(add, resources.pids);
  if (resources.blockIO !== undefined) io(add, resources.blockIO);
  for (const [index, { pageSize, limit }] of (resources.hugepageLimits ?? []).entries()) {
    const pointer = pointerTo("hugepageLimits", index, "limit");
    // Usage, too, for MAP_NORESERVE reserves nothing; as runc.
    add("hugetlb", `hugetlb.${pageSize}.max`, String(limit), pointer);
    const otherwise = { why: "no limits on reservations before Linux 5.7: on usage alone" };
    add("hugetlb", `hugetlb.${pageSize}.rsvd.max`, String(limit), pointer, { otherwise });
  }
  rdma(add, resources.rdma);
  for (const [file, text] of Object.entries(resources.unified ?? {})) {
    const controller = file.slice(0, file.indexOf("."));
    // Files of several lines take one a write (io.max).
    for (const line of text.split("\n")) {
      if (line !== "") add(controller === "cgroup" ? "" : controller, file, line, pointerTo("unified", file));
    }
  }
  return settings;
}

/** What only version 1 has, named. */
function refuseLegacy({ memory: limits, cpu: times, blockIO, network }: Resources, report: Refuse): void {
  const refuse = (pointer: string, what: string): void =>
    report(pointer, `${what} exists in cgroup v1 only, and this machine has cgroup v2`);
  if (limits?.swappiness !== undefined) refuse("/memory/swappiness", "Swappiness of a cgroup");
  if (limits?.disableOOMKiller === true) refuse("/memory/disableOOMKiller", "Switching off the OOM killer");
  if ((times?.realtimeRuntime ?? 0) !== 0) refuse("/cpu/realtimeRuntime", "A limit on realtime processes");
  if ((times?.realtimePeriod ?? 0) !== 0) refuse("/cpu/realtimePeriod", "A limit on realtime processes");
  if ((blockIO?.leafWeight ?? 0) !== 0) refuse("/blockIO/leafWeight", "A weight against child cgroups");
  for (const [index, { leafWeight }] of (blockIO?.weightDevice ?? []).entries()) {
    if ((leafWeight ?? 0) !== 0) {
      refuse(pointerTo("blockIO", "weightDevice", index, "leafWeight"), "A weight against child cgroups");
    }
  }
  if ((network?.classID ?? 0) !== 0) refuse("/network/classID", "A class of network packets");
  if ((network?.priorities ?? []).length > 0) refuse("/network/priorities", "Priorities of network packets");
}

function cpu(add: AddSetting, given: NonNullable<Resources["cpu"]>, current: CurrentLimits | undefined): void {
  const { shares = 0, quota = 0, period = 0, burst, idle, cpus = "", mems = "" } = given;
  // First: an idle cgroup takes no weight.
  if (idle !== undefined) add("cpu", "cpu.idle", String(idle), "/cpu/idle", { isDefault: idle === 0 });
  if (shares !== 0) add("cpu", "cpu.weight", String(cpuWeight(shares)), "/cpu/shares");
  const addBurst = (isEarly: boolean): void => {
    if (burst === undefined) return;
    add("cpu", "cpu.max.burst", String(burst), "/cpu/burst", { isDefault: burst === 0, isEarly });
  };
  const isEarly = current !== undefined && quota !== 0;
  if (isEarly) addBurst(true);
  if (quota !== 0 || period !== 0) {
    const runtime = quota === 0 ? (current?.quota ?? "max") : limitText(quota);
    // Without a period the kernel keeps the one there is, 100 ms in a new cgroup.
    const text = period === 0 ? runtime : `${runtime} ${period}`;
    add("cpu", "cpu.max", text, quota === 0 ? "/cpu/period" : "/cpu/quota", { isDefault: runtime === "max" });
  }
  if (!isEarly) addBurst(false);
  if (cpus.trim() !== "") add("cpuset", "cpuset.cpus", cpus.trim(), "/cpu/cpus");
  if (mems.trim() !== "") add("cpuset", "cpuset.mems", mems.trim(), "/cpu/mems");
}

function memory(add: AddSetting, given: NonNullable<Resources["memory"]>, current: CurrentLimits | undefined): void {
  const { limit = 0, reservation = 0, swap = 0 } = given;
  const most = swapMax(limit === 0 ? (current?.memory ?? 0) : limit, swap);
  if (most !== undefined) {
    const isNothing = most === "max" || most === "0";
    const otherwise = { why: "this kernel has no swap to limit" };
    const more = { isDefault: most === "max", ...(isNothing ? { otherwise } : {}) };
    add("memory", "memory.swap.max", most, swap === 0 ? "/memory/limit" : "/memory/swap", more);
  }
  if (limit !== 0) add("memory", "memory.max", limitText(limit), "/memory/limit", { isDefault: limit < 0 });
  if (reservation !== 0) {
    // "No protection" is 0, but runc and crun take -1 for "max" here too.
    add("memory", "memory.low", limitText(reservation), "/memory/reservation", { isDefault: reservation < 0 });
  }
}

/** Swap alone, out of memory and swap together; undefined: as it is. Which pairs are impossible: validate_resources. */
function swapMax(limit: JsonInteger, swap: JsonInteger): string | undefined {
  if (swap < 0 || (limit === -1 && swap === 0)) return "max";
  return swap === 0 ? undefined : difference(swap, limit);
}

/** The limit in force is a number, of whole pages: exact as far as the kernel counts. */
function difference(from: JsonInteger, less: JsonInteger): string {
  if (typeof from === "number" && typeof less === "number") return String(from - less);
  return String(BigInt(from) - BigInt(less));
}

function pids(add: AddSetting, given: Resources["pids"]): void {
  if (given?.limit === undefined) return;
  // As on version 1: 0 is a limit, and with runc none at all.
  add("pids", "pids.max", limitText(given.limit), "/pids/limit", { isDefault: given.limit <= 0 });
}

/** The keys of io.max. */
const throttles = {
  throttleReadBpsDevice: "rbps",
  throttleWriteBpsDevice: "wbps",
  throttleReadIOPSDevice: "riops",
  throttleWriteIOPSDevice: "wiops",
} as const;

function io(add: AddSetting, given: NonNullable<Resources["blockIO"]>): void {
  const weigh = (weight: number, device: string, pointer: string): void => {
    add("io", "io.bfq.weight", `${device}${weight}`, pointer, {
      otherwise: {
        why: "no device uses the BFQ scheduler: the weight of the cost model",
        instead: { file: "io.weight", text: `${device}${ioWeight(weight)}` },
      },
    });
  };
  if ((given.weight ?? 0) !== 0) weigh(given.weight!, "", "/blockIO/weight");
  for (const [index, { major, minor, weight = 0 }] of (given.weightDevice ?? []).entries()) {
    if (weight !== 0) weigh(weight, `${major}:${minor} `, pointerTo("blockIO", "weightDevice", index, "weight"));
  }
  for (const key in throttles) {
    const name = key as keyof typeof throttles;
    for (const [index, { major, minor, rate }] of (given[name] ?? []).entries()) {
      const text = `${major}:${minor} ${throttles[name]}=${rate === 0 ? "max" : rate}`;
      add("io", "io.max", text, pointerTo("blockIO", name, index), { isDefault: rate === 0 });
    }
  }
}

function rdma(add: AddSetting, given: Resources["rdma"]): void {
  for (const [device, limits] of Object.entries(given ?? {})) {
    add("rdma", "rdma.max", rdmaText(device, limits), pointerTo("rdma", device));
  }
}

/** One line of rdma.max, the same in v1. */
export function rdmaText(device: string, limits: NonNullable<Resources["rdma"]>[string]): string {
  let text = device;
  if (limits.hcaHandles !== undefined) text += ` hca_handle=${limits.hcaHandles}`;
  if (limits.hcaObjects !== undefined) text += ` hca_object=${limits.hcaObjects}`;
  return text;
}
