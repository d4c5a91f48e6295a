/**
 * Values of version 1, which config.json speaks, as version 2 wants them. Pure.
 * In: numbers of `linux.resources`. Out: numbers and texts of cgroup v2 files.
 *
 * Kernel: Documentation/admin-guide/cgroup-v2.rst
 * @module
 */
import type { JsonInteger } from "../spec/scalars.ts";

/** What the kernel clamps cpu.shares to, and cpu.weight's range. */
const shares = { min: 2, max: 262_144 };
const maxWeight = 10_000;

/**
 * cpu.weight of cpu.shares: through (2, 1), (1024, 100) and (262144, 10000), so that the default of one is the default
 * of the other. crun since 1.23 and runc since 1.3.2; the older straight line made 1024 a weight of 39.
 */
export function cpuWeight(value: JsonInteger): number {
  if (value <= shares.min) return 1;
  if (value >= shares.max) return maxWeight;
  const log = Math.log2(Number(value));
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** io.weight (1 to 10000) of blkio.weight (10 to 1000): a straight line, as runc and crun. */
export function ioWeight(value: number): number {
  return Math.floor(1 + ((value - 10) * 9999) / 990);
}

/** Text of a limit: -1 is "max". */
export function limitText(value: JsonInteger): string {
  return value < 0 ? "max" : String(value);
}
