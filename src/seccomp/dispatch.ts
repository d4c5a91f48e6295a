/**
 * From a system call's number to what becomes of it: a binary search as code, with frequent calls near its top.
 * In: ranges of numbers. Out: the place of the search in the code.
 * @module
 */
import { type Code, JUMP_EQUAL, JUMP_GREATER_EQUAL, type Target } from "./code.ts";
import type { Range } from "./ranges.ts";

/** The search among ranges; `targets` says where each range's calls go. Expects the number in A. */
export function writeDispatch(code: Code, ranges: readonly Range[], targets: readonly Target[]): Target {
  const sums = [0];
  for (let i = 0; i < ranges.length; i++) sums[i + 1] = sums[i]! + ranges[i]!.weight;
  const write = (from: number, to: number): Target => {
    if (to - from === 1) return targets[from]!;
    if (to - from === 3 && isException(ranges, targets, from)) {
      return code.jump(JUMP_EQUAL, ranges[from + 1]!.start, targets[from + 1]!, targets[from]!);
    }
    const middle = balance(sums, from, to);
    const above = write(middle, to);
    const below = write(from, middle);
    return code.jump(JUMP_GREATER_EQUAL, ranges[middle]!.start, above, below);
  };
  return write(0, ranges.length);
}

/** One number between two ranges that go the same way. */
function isException(ranges: readonly Range[], targets: readonly Target[], from: number): boolean {
  return targets[from] === targets[from + 2] && ranges[from + 2]!.start === ranges[from + 1]!.start + 1;
}

/** Where to cut so that both sides weigh about the same: the first range of the upper side. */
function balance(sums: readonly number[], from: number, to: number): number {
  const half = (sums[from]! + sums[to]!) / 2;
  let low = from + 1;
  let high = to - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! < half) low = middle + 1;
    else high = middle;
  }
  return low > from + 1 && half - sums[low - 1]! < sums[low]! - half ? low - 1 : low;
}
