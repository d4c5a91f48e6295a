/**
 * Statistics of cgroup v1 hierarchies. Input: the container's directories. Output: runc's members.
 * Kernel: Documentation/admin-guide/cgroup-v1/
 * @module
 */
import { counter, counters, integerOf, numbersOf, sorted, unlessEmpty, unlessZero } from "./counters.ts";
import { childNames, readIfThere } from "./files.ts";
import type { Json } from "./statistics.ts";

/** The kernel counts processor time in these files by USER_HZ: 100 a second. */
const nanosecondsPerTick = 10_000_000n;

/** Everything that is counted; 0 where a hierarchy is not there. */
export function legacyStatistics(directories: readonly string[]): Json {
  /** The first directory that has the file, with a slash; "" where none has. */
  const having = (file: string): string => {
    for (const directory of directories) if (readIfThere(`${directory}/${file}`) !== "") return `${directory}/`;
    return "";
  };
  return {
    cpu: cpu(having("cpuacct.usage"), having("cpu.shares")),
    cpuset: cpuset(having("cpuset.sched_load_balance")),
    memory: memory(having("memory.limit_in_bytes")),
    pids: pids(having("pids.max")),
    blkio: blkio(having("blkio.throttle.io_serviced")),
    hugetlb: hugetlb(directories),
    intel_rdt: {},
    network_interfaces: null,
  };
}

function cpu(accounting: string, limits: string): Json {
  const ticks = counters(`${accounting}cpuacct.stat`);
  const throttling = counters(`${limits}cpu.stat`);
  const kernel: bigint[] = [];
  const user: bigint[] = [];
  for (const line of readIfThere(`${accounting}cpuacct.usage_all`).split("\n").slice(1)) {
    const [, inUser, inKernel] = line.split(" ").map((word) => integerOf(word));
    if (inUser === undefined || inKernel === undefined) continue;
    user.push(inUser);
    kernel.push(inKernel);
  }
  const each = readIfThere(`${accounting}cpuacct.usage_percpu`).trim().split(" ");
  return {
    usage: {
      total: unlessZero(counter(`${accounting}cpuacct.usage`)),
      percpu: unlessEmpty(each.flatMap((word) => integerOf(word) ?? [])),
      percpu_kernel: unlessEmpty(kernel),
      percpu_user: unlessEmpty(user),
      kernel: (ticks.get("system") ?? 0n) * nanosecondsPerTick,
      user: (ticks.get("user") ?? 0n) * nanosecondsPerTick,
    },
    throttling: {
      periods: unlessZero(throttling.get("nr_periods")),
      throttledPeriods: unlessZero(throttling.get("nr_throttled")),
      throttledTime: unlessZero(throttling.get("throttled_time")),
    },
  };
}

const cpusetCounters = ["mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab"];

/** The members of a cpuset, also where there is none. */
export function cpuset(place: string): Json {
  const list = (name: string): readonly bigint[] | undefined =>
    unlessEmpty(numbersOf(place === "" ? "" : readIfThere(`${place}cpuset.${name}`)));
  const at = (name: string): bigint => (place === "" ? 0n : counter(`${place}cpuset.${name}`));
  const members: Record<string, Json | undefined> = {
    cpus: list("cpus"),
    cpu_exclusive: at("cpu_exclusive"),
    mems: list("mems"),
  };
  for (const name of [...cpusetCounters, "memory_pressure", "sched_load_balance", "sched_relax_domain_level"]) {
    members[name] = at(name);
  }
  return members;
}

function memory(place: string): Json {
  const entry = (prefix: string): Json => ({
    limit: place === "" ? 0n : counter(`${place}${prefix}limit_in_bytes`),
    usage: unlessZero(place === "" ? 0n : counter(`${place}${prefix}usage_in_bytes`)),
    max: unlessZero(place === "" ? 0n : counter(`${place}${prefix}max_usage_in_bytes`)),
    failcnt: place === "" ? 0n : counter(`${place}${prefix}failcnt`),
  });
  const raw = place === "" ? new Map<string, bigint>() : counters(`${place}memory.stat`);
  return {
    cache: unlessZero(raw.get("cache")),
    usage: entry("memory."),
    swap: entry("memory.memsw."),
    kernel: entry("memory.kmem."),
    kernelTCP: entry("memory.kmem.tcp."),
    raw: sorted(raw),
  };
}

function pids(place: string): Json {
  if (place === "") return {};
  const limit = integerOf(readIfThere(`${place}pids.max`));
  return { current: unlessZero(counter(`${place}pids.current`)), limit: unlessZero(limit) };
}

/** From the scheduler with the most to tell to the one that is always there. */
const blkioPrefixes = ["blkio.", "blkio.bfq.", "blkio.throttle."];

function blkio(place: string): Json {
  const entries = (file: string): Json | undefined => {
    for (const prefix of place === "" ? [] : blkioPrefixes) {
      const found = blkioEntries(`${place}${prefix}${file}`);
      if (found.length > 0) return found;
    }
    return undefined;
  };
  return {
    ioServiceBytesRecursive: entries("io_service_bytes_recursive"),
    ioServicedRecursive: entries("io_serviced_recursive"),
    ioQueueRecursive: entries("io_queued_recursive"),
    ioServiceTimeRecursive: entries("io_service_time_recursive"),
    ioWaitTimeRecursive: entries("io_wait_time_recursive"),
    ioMergedRecursive: entries("io_merged_recursive"),
    ioTimeRecursive: entries("time_recursive"),
    sectorsRecursive: entries("sectors_recursive"),
  };
}

/** Lines "254:0 Read 4096"; the sum over all devices is left out. */
function blkioEntries(path: string): Json[] {
  const entries: Json[] = [];
  for (const line of readIfThere(path).split("\n")) {
    const [device = "", ...words] = line.split(" ");
    const [major, minor] = device.split(":").map((word) => integerOf(word));
    const value = integerOf(words.at(-1) ?? "");
    if (major === undefined || minor === undefined || value === undefined) continue;
    const op = words.length > 1 ? words[0] : undefined;
    entries.push({ major: unlessZero(major), minor: unlessZero(minor), op, value: unlessZero(value) });
  }
  return entries;
}

function hugetlb(directories: readonly string[]): Json {
  const sizes: Record<string, Json> = {};
  for (const directory of directories) {
    for (const name of childNames(directory)) {
      const [kind, size = "", rest] = name.split(".");
      if (kind !== "hugetlb" || rest !== "usage_in_bytes") continue;
      // Reservations since Linux 5.7.
      const isReserved = readIfThere(`${directory}/hugetlb.${size}.rsvd.usage_in_bytes`) !== "";
      const prefix = `${directory}/hugetlb.${size}.${isReserved ? "rsvd." : ""}`;
      sizes[size] = {
        usage: unlessZero(counter(`${prefix}usage_in_bytes`)),
        max: unlessZero(counter(`${prefix}max_usage_in_bytes`)),
        failcnt: counter(`${prefix}failcnt`),
      };
    }
  }
  return sizes;
}
