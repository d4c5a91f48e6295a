/**
 * `linux.resources` as files of cgroup v1 hierarchies. Pure.
 * In: Resources, the limits in force. Out: Setting[] in the order of writing; what v1 cannot do is refused.
 *
 * Spec: config-linux.md#control-groups
 * Kernel: Documentation/admin-guide/cgroup-v1/
 * @module
 */
import { pointerTo } from "../spec/pointer.ts";
import type { JsonInteger } from "../spec/scalars.ts";
import type { Resources } from "../spec/types.ts";
import { rdmaText } from "./cgroup_limits_v2.ts";
import type { AddSetting, CurrentLimits, Refuse, Setting } from "./cgroup_settings.ts";

/** Every file to write. @param current undefined: the cgroup is new */
export function legacySettings(resources: Resources, refuse: Refuse, current: CurrentLimits | undefined): Setting[] {
  const settings: Setting[] = [];
  const add: AddSetting = (controller, file, text, pointer, more) => {
    settings.push({ controller, file, text, pointer, ...more });
  };
  for (const file in resources.unified) {
    refuse(pointerTo("unified", file), "This is a file of cgroup v2, and this machine has cgroup v1");
  }
  if (resources.cpu !== undefined) cpu(add, resources.cpu, current !== undefined, refuse);
  if (resources.memory !== undefined) memory(add, resources.memory, current);
  const limit = resources.pids?.limit;
  if (limit !== undefined) {
    // 0 is a limit (config-linux.md#pids), and with runc none at all: where nobody keeps it, nothing is missing.
    add("pids", "pids.max", limit < 0 ? "max" : String(limit), "/pids/limit", { isDefault: limit <= 0 });
  }
  if (resources.blockIO !== undefined) blockIO(add, resources.blockIO);
  for (const [index, huge] of (resources.hugepageLimits ?? []).entries()) {
    const text = String(huge.limit);
    const pointer = pointerTo("hugepageLimits", index, "limit");
    // Usage, too, for MAP_NORESERVE reserves nothing; as runc.
    add("hugetlb", `hugetlb.${huge.pageSize}.limit_in_bytes`, text, pointer);
    const otherwise = { why: "no limits on reservations before Linux 5.7: on usage alone" };
    add("hugetlb", `hugetlb.${huge.pageSize}.rsvd.limit_in_bytes`, text, pointer, { otherwise });
  }
  for (const [device, limits] of Object.entries(resources.rdma ?? {})) {
    add("rdma", "rdma.max", rdmaText(device, limits), pointerTo("rdma", device));
  }
  const { classID = 0, priorities = [] } = resources.network ?? {};
  if (classID !== 0) add("net_cls", "net_cls.classid", String(classID), "/network/classID");
  for (const [index, { name, priority }] of priorities.entries()) {
    const pointer = pointerTo("network", "priorities", index);
    add("net_prio", "net_prio.ifpriomap", `${name} ${priority}`, pointer, { isDefault: priority === 0 });
  }
  return settings;
}

/** The kernel takes what lies outside for the nearest end, silently. */
const shareRange = { min: 2, max: 262_144 };

function cpu(add: AddSetting, given: NonNullable<Resources["cpu"]>, isUpdate: boolean, refuse: Refuse): void {
  const { shares = 0, quota = 0, period = 0, burst, idle, cpus = "", mems = "" } = given;
  const { realtimePeriod = 0, realtimeRuntime = 0 } = given;
  // First: an idle cgroup takes no shares.
  if (idle !== undefined) add("cpu", "cpu.idle", String(idle), "/cpu/idle", { isDefault: idle === 0 });
  if (shares !== 0) {
    if (shares < shareRange.min || shares > shareRange.max) {
      const range = `from ${shareRange.min} to ${shareRange.max}`;
      refuse("/cpu/shares", `Expected an integer ${range} but received ${shares}`);
    }
    add("cpu", "cpu.shares", String(shares), "/cpu/shares");
  }
  const addBurst = (early: boolean): void => {
    if (burst === undefined) return;
    const more = { isDefault: burst === 0, isEarly: early };
    add("cpu", "cpu.cfs_burst_us", String(burst), "/cpu/burst", more);
  };
  // In a new cgroup this order always fits.
  const isEarly = isUpdate && quota !== 0;
  if (period !== 0) {
    add("cpu", "cpu.cfs_period_us", String(period), "/cpu/period", { isEarly });
  }
  if (isEarly) addBurst(true);
  if (quota !== 0) {
    add("cpu", "cpu.cfs_quota_us", quota < 0 ? "-1" : String(quota), "/cpu/quota", { isDefault: quota < 0 });
  }
  if (!isEarly) addBurst(false);
  if (realtimePeriod !== 0) {
    const more = { isEarly: isUpdate && realtimeRuntime !== 0 };
    add("cpu", "cpu.rt_period_us", String(realtimePeriod), "/cpu/realtimePeriod", more);
  }
  if (realtimeRuntime !== 0) add("cpu", "cpu.rt_runtime_us", String(realtimeRuntime), "/cpu/realtimeRuntime");
  if (cpus.trim() !== "") add("cpuset", "cpuset.cpus", cpus.trim(), "/cpu/cpus");
  if (mems.trim() !== "") add("cpuset", "cpuset.mems", mems.trim(), "/cpu/mems");
}

function memory(add: AddSetting, given: NonNullable<Resources["memory"]>, current: CurrentLimits | undefined): void {
  const { limit = 0, reservation = 0, swap = 0, swappiness } = given;
  if (given.useHierarchy === true) {
    // Since Linux 5.11 there is nothing else.
    add("memory", "memory.use_hierarchy", "1", "/memory/useHierarchy", { isDefault: true });
  }
  const addLimit = (): void => {
    if (limit !== 0) add("memory", "memory.limit_in_bytes", text(limit), "/memory/limit", { isDefault: limit < 0 });
  };
  const addSwap = (): void => {
    if (swap !== 0) add("memory", "memory.memsw.limit_in_bytes", text(swap), "/memory/swap", { isDefault: swap < 0 });
    else if (limit < 0 && current !== undefined) {
      const otherwise = { why: "this kernel keeps no account of swap" };
      add("memory", "memory.memsw.limit_in_bytes", "-1", "/memory/limit", { isDefault: true, otherwise });
    }
  };
  // Memory alone may never be more than memory and swap together, at any moment.
  const raises = current !== undefined && (limit < 0 || swap < 0 || current.memory < swap);
  if (raises) addSwap();
  addLimit();
  if (!raises) addSwap();
  if (reservation !== 0) {
    const isDefault = reservation < 0;
    add("memory", "memory.soft_limit_in_bytes", text(reservation), "/memory/reservation", { isDefault });
  }
  if (given.disableOOMKiller === true) add("memory", "memory.oom_control", "1", "/memory/disableOOMKiller");
  if (swappiness !== undefined) add("memory", "memory.swappiness", String(swappiness), "/memory/swappiness");
}

const text = (value: JsonInteger): string => (value < 0 ? "-1" : String(value));

const throttles = {
  throttleReadBpsDevice: "blkio.throttle.read_bps_device",
  throttleWriteBpsDevice: "blkio.throttle.write_bps_device",
  throttleReadIOPSDevice: "blkio.throttle.read_iops_device",
  throttleWriteIOPSDevice: "blkio.throttle.write_iops_device",
} as const;

function blockIO(add: AddSetting, given: NonNullable<Resources["blockIO"]>): void {
  // Files of the CFQ scheduler, gone since Linux 5.0; BFQ has the same scale. It has no weights of leaves.
  const weigh = (file: string, value: string, pointer: string): void => {
    const instead = { file: `blkio.bfq.${file}`, text: value };
    add("blkio", `blkio.${file}`, value, pointer, {
      otherwise: { why: "CFQ is gone since Linux 5.0: the weight of BFQ", instead },
    });
  };
  if ((given.weight ?? 0) !== 0) weigh("weight", String(given.weight), "/blockIO/weight");
  if ((given.leafWeight ?? 0) !== 0) {
    add("blkio", "blkio.leaf_weight", String(given.leafWeight), "/blockIO/leafWeight");
  }
  for (const [index, device] of (given.weightDevice ?? []).entries()) {
    const { major, minor, weight = 0, leafWeight = 0 } = device;
    const at = (key: string): string => pointerTo("blockIO", "weightDevice", index, key);
    if (weight !== 0) weigh("weight_device", `${major}:${minor} ${weight}`, at("weight"));
    if (leafWeight !== 0) {
      add("blkio", "blkio.leaf_weight_device", `${major}:${minor} ${leafWeight}`, at("leafWeight"));
    }
  }
  for (const key in throttles) {
    const name = key as keyof typeof throttles;
    for (const [index, { major, minor, rate }] of (given[name] ?? []).entries()) {
      const line = `${major}:${minor} ${rate}`;
      add("blkio", throttles[name], line, pointerTo("blockIO", name, index), { isDefault: rate === 0 });
    }
  }
}
