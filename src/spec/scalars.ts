/**
 * The small types of config.json: integers with a range, paths, lists of text.
 * In: nothing. Out: valibot schemas whose message is the expectation as a noun phrase
 * ("an integer from 0 to 4294967295"); mod.ts makes the sentence around it.
 * @module
 */
import * as v from "valibot";

/** What JSON numbers become: beyond 2^53 they are read exactly, as bigint (see json.ts). */
export type JsonInteger = number | bigint;

function integerIn(min: number, max: number): v.GenericSchema<number> {
  return v.custom<number>(
    (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    `an integer from ${min} to ${max}`,
  );
}

/** 0 to 65535. */
export const u16 = integerIn(0, 0xffff);
/** 0 to 2^32-1: user and group ids, sizes of id mappings. */
export const u32 = integerIn(0, 0xffff_ffff);
/** 1 to 2^32-1. */
export const positiveU32 = integerIn(1, 0xffff_ffff);
/** -2^31 to 2^31-1. */
export const i32 = integerIn(-0x8000_0000, 0x7fff_ffff);
/** Seconds, 1 to 2^31-1. */
export const positiveI32 = integerIn(1, 0x7fff_ffff);
/** Permission bits of umask(2). */
export const umaskBits = integerIn(0, 0o777);
/** st_mode: permission bits, possibly with the type bits podman leaves in. */
export const modeBits = integerIn(0, 0o177777);
/** proc_pid_oom_score_adj(5). */
export const oomScoreAdj = integerIn(-1000, 1000);
/** Kernel's limits on device numbers: 12 bits of major, 20 of minor (makedev(3) would cut more off silently). */
export const deviceMajor = integerIn(0, 0xfff);
export const deviceMinor = integerIn(0, 0xf_ffff);
/** ioprio_set(2): 0 highest to 7 lowest. */
export const ioPriorityLevel = integerIn(0, 7);
/** sched_setattr(2): -20 to 19. */
export const niceValue = integerIn(-20, 19);

const isInteger = (value: unknown): value is JsonInteger => typeof value === "bigint" || Number.isInteger(value);

/** 0 to 2^64-1 as a number, exact up to 2^53, rounded above: for limits and times, where the last bits mean nothing. */
export const u64 = v.pipe(
  v.custom<JsonInteger>(
    (value) => isInteger(value) && value >= 0 && value < 18446744073709551616n,
    "an integer from 0 to 18446744073709551615",
  ),
  v.transform(Number),
);

/** -2^63 to 2^63-1 as a number, exact up to 2^53 either way, rounded beyond. */
export const i64 = v.pipe(
  v.custom<JsonInteger>(
    (value) => isInteger(value) && value >= -9223372036854775808n && value < 9223372036854775808n,
    "an integer from -9223372036854775808 to 9223372036854775807",
  ),
  v.transform(Number),
);

/** 0 to 2^64-1, exact: a number up to 2^53-1, a bigint above. For values compared bit by bit. */
export const exactU64 = v.custom<JsonInteger>(
  (value) => isInteger(value) && value >= 0 && value < 18446744073709551616n,
  "an integer from 0 to 18446744073709551615",
);

/**
 * A limit of setrlimit(2), 0 to 2^64-1; from 2^63 on it is Infinity, meaning RLIM_INFINITY
 * (what the kernel's own interfaces print as "unlimited" is 2^64-1; nobody can tell the rest apart from it).
 */
export const rlimitValue = v.pipe(
  exactU64,
  v.transform((value): number => (value >= 9223372036854775808n ? Infinity : Number(value))),
);

/** Text of at least one character. */
export const nonEmpty = v.custom<string>(
  (value) => typeof value === "string" && value !== "",
  "a string that is not empty",
);

/** A path from "/". */
export const absolutePath = v.custom<string>(
  (value) => typeof value === "string" && value.charCodeAt(0) === 0x2f,
  "an absolute path",
);

/** A list as kernel interfaces spell it, "0-3,7"; empty means none. */
export const numberList = v.custom<string>(
  (value) => typeof value === "string" && /^(\d+(-\d+)?(,\d+(-\d+)?)*)?$/.test(value.trim()),
  'a list such as "0-3,7"',
);

/**
 * An array whose items all pass one test, checked in one loop: valibot's own array makes an object for each item,
 * and configurations hold hundreds of strings. The issue points at the first wrong item.
 */
function listOf(isItem: (item: string) => boolean, expected: string): v.GenericSchema<string[]> {
  return v.pipe(
    v.custom<string[]>((value) => Array.isArray(value), "an array"),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const list = dataset.value;
      for (let index = 0; index < list.length; index++) {
        const item: unknown = list[index];
        if (typeof item === "string" && isItem(item)) continue;
        addIssue({
          message: expected,
          input: item,
          path: [{ type: "array", origin: "value", input: list, key: index, value: item }],
        });
        return;
      }
    }),
  );
}

/** An array of strings, empty ones among them (podman writes empty mount options). */
export const strings = listOf(() => true, "a string");
/** An array of paths from "/". */
export const absolutePaths = listOf((item) => item.charCodeAt(0) === 0x2f, "an absolute path");
/** "NAME=value" entries; the name is not empty. */
export const environment = listOf((item) => item.indexOf("=") > 0, 'a string of the form "NAME=value"');
