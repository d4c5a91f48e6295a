/**
 * Statistics of a cgroup v2 directory. Input: the directory. Output: runc's members, as far as version 2 counts them.
 * Kernel: Documentation/admin-guide/cgroup-v2.rst, Documentation/accounting/psi.rst
 * @module
 */
import { counter, counters, integerOf, sorted, unlessEmpty, unlessZero, unlimited } from "./counters.ts";
import { childNames, readIfThere } from "./files.ts";
import type { Json } from "./statistics.ts";
import { cpuset } from "./statistics_v1.ts";

const nanosecondsPerMicrosecond = 1000n;

/** Everything that is counted; members of controllers that are not switched on are 0 or left out. */
export function unifiedStatistics(directory: string): Json {
  return {
    cpu: cpu(directory),
    // What a cpuset of version 1 says; runc has it here, too.
    cpuset: cpuset(""),
    memory: memory(directory),
    pids: pids(directory),
    blkio: io(directory),
    hugetlb: hugetlb(directory),
    intel_rdt: {},
    network_interfaces: null,
  };
}

function cpu(directory: string): Json {
  const stat = counters(`${directory}/cpu.stat`);
  const time = (name: string): bigint => (stat.get(name) ?? 0n) * nanosecondsPerMicrosecond;
  return {
    usage: { total: unlessZero(time("usage_usec")), kernel: time("system_usec"), user: time("user_usec") },
    throttling: {
      periods: unlessZero(stat.get("nr_periods")),
      throttledPeriods: unlessZero(stat.get("nr_throttled")),
      throttledTime: unlessZero(time("throttled_usec")),
    },
    psi: pressure(`${directory}/cpu.pressure`),
  };
}

interface Entry {
  readonly limit: bigint;
  readonly usage: bigint;
  readonly max: bigint;
}

const entryJson = ({ limit, usage, max }: Entry): Json => ({
  limit,
  usage: unlessZero(usage),
  max: unlessZero(max),
  failcnt: 0n,
});

function memory(directory: string): Json {
  const raw = counters(`${directory}/memory.stat`);
  const entry = (prefix: string): Entry => ({
    limit: counter(`${directory}/${prefix}max`),
    usage: counter(`${directory}/${prefix}current`),
    max: counter(`${directory}/${prefix}peak`),
  });
  const own = entry("memory.");
  const swap = entry("memory.swap.");
  // As version 1 counts: memory and swap together.
  const hasLimit = swap.limit !== unlimited && own.limit !== unlimited;
  const both = {
    limit: hasLimit ? swap.limit + own.limit : unlimited,
    usage: swap.usage + own.usage,
    max: swap.max === 0n ? 0n : swap.max + own.max,
  };
  const none = { limit: 0n, usage: 0n, max: 0n };
  return {
    cache: unlessZero(raw.get("file")),
    usage: entryJson(own),
    swap: entryJson(raw.size === 0 ? none : both),
    kernel: entryJson(none),
    kernelTCP: entryJson(none),
    raw: sorted(raw),
    psi: pressure(`${directory}/memory.pressure`),
  };
}

function pids(directory: string): Json {
  const limit = integerOf(readIfThere(`${directory}/pids.max`));
  return { current: unlessZero(counter(`${directory}/pids.current`)), limit: unlessZero(limit) };
}

/** Keys of io.stat that version 1 had, too. */
const operations = [
  ["rbytes", "Read", "bytes"],
  ["wbytes", "Write", "bytes"],
  ["rios", "Read", "count"],
  ["wios", "Write", "count"],
] as const;

function io(directory: string): Json {
  const found: { bytes: Json[]; count: Json[] } = { bytes: [], count: [] };
  for (const line of readIfThere(`${directory}/io.stat`).split("\n")) {
    const [device = "", ...words] = line.split(" ");
    const [major, minor] = device.split(":").map((word) => integerOf(word));
    if (major === undefined || minor === undefined) continue;
    for (const word of words) {
      const [key, text = ""] = word.split("=");
      const operation = operations.find(([name]) => name === key);
      if (operation === undefined) continue;
      const [, op, list] = operation;
      found[list].push({ major: unlessZero(major), minor: unlessZero(minor), op, value: unlessZero(integerOf(text)) });
    }
  }
  return {
    ioServiceBytesRecursive: unlessEmpty(found.bytes),
    ioServicedRecursive: unlessEmpty(found.count),
    psi: pressure(`${directory}/io.pressure`),
  };
}

function hugetlb(directory: string): Json {
  const sizes: Record<string, Json> = {};
  for (const name of childNames(directory)) {
    const [kind, size = "", rest] = name.split(".");
    if (kind !== "hugetlb" || rest !== "current") continue;
    const isReserved = readIfThere(`${directory}/hugetlb.${size}.rsvd.current`) !== "";
    sizes[size] = {
      usage: unlessZero(counter(`${directory}/hugetlb.${size}.${isReserved ? "rsvd." : ""}current`)),
      failcnt: counters(`${directory}/hugetlb.${size}.events`).get("max") ?? 0n,
    };
  }
  return sizes;
}

/** Lines "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"; left out where the kernel does not measure. */
function pressure(path: string): Json | undefined {
  const kinds: Record<string, Json> = {};
  for (const line of readIfThere(path).split("\n")) {
    const [kind = "", ...words] = line.split(" ");
    if (kind === "") continue;
    const values: Record<string, Json> = {};
    for (const word of words) {
      const [key = "", text = "0"] = word.split("=");
      values[key] = key === "total" ? (integerOf(text) ?? 0n) : Number(text);
    }
    kinds[kind] = values;
  }
  return Object.keys(kinds).length === 0 ? undefined : kinds;
}
