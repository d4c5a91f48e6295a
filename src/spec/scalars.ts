/**
 * The numbers of config.json, each with its range. In: nothing. Out: valibot schemas whose message is the
 * expectation as a noun phrase ("an integer from 0 to 4294967295"); issues.ts makes the sentence around it.
 * @module
 */
import * as v from "valibot";
import { text } from "./shapes.ts";

/**
 * JSON's integers: a bigint beyond 2^53, where json.ts was asked to read exactly. A number beyond 2^53 has lost
 * digits already: the schemas refuse it, and parseSpec() then reads the text again, exactly.
 */
export type JsonInteger = number | bigint;

/** Numbers first: mixed comparisons are slow. */
function isIntegerIn(value: unknown, min: bigint, max: bigint): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value) && (value >= 0 || min < 0n);
  return typeof value === "bigint" && value >= min && value <= max;
}

/** A range within what a number holds exactly. */
export function integerIn(min: number, max: number): v.GenericSchema<number> {
  return v.custom<number>(
    (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    () => `an integer from ${min} to ${max}`,
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
/** 1 to 2^31-1. */
export const positiveI32 = integerIn(1, 0x7fff_ffff);

/** Of a limit of setrlimit(2): RLIM_INFINITY. */
export const maxU64 = 18446744073709551615n;
const minI64 = -9223372036854775808n;
const maxI64 = 9223372036854775807n;

/** 0 to 2^64-1, exact: a number up to 2^53-1, a bigint above. */
export const u64 = v.custom<JsonInteger>(
  (value) => isIntegerIn(value, 0n, maxU64),
  () => `an integer from 0 to ${maxU64}`,
);

/** -2^63 to 2^63-1, exact: a bigint beyond 2^53 either way. */
export const i64 = v.custom<JsonInteger>(
  (value) => isIntegerIn(value, minI64, maxI64),
  () => `an integer from ${minI64} to ${maxI64}`,
);

/** A list as kernel interfaces spell it, "0-3,7"; empty means none. */
export const numberList = text(
  (value) => value === "0" || /^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$/.test(value.trim()),
  'a list such as "0-3,7"',
);
