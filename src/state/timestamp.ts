/**
 * The time as state.json has it. Input: the kernel's clock. Output: RFC 3339 with nanoseconds, UTC.
 * Without Date, whose first use takes the engine 60 us.
 * @module
 */
import { flags, stable, sys } from "../stage/sys.ts";

const DAY = 86_400;
/** Days from 0000-03-01 to 1970-01-01: in years that begin with March the leap day is the last. */
const EPOCH = 719_468;
/** Days of 400, 100 and 4 years. */
const ERA = 146_097;
const CENTURY = 36_524;
const OLYMPIAD = 1461;

/** Now. */
export function timestamp(): string {
  const time = stable(16);
  sys("clock_gettime", flags("CLOCK_REALTIME"), time);
  const words = new Uint32Array(time.buffer);
  return printTime(words[0]! + words[1]! * 2 ** 32, words[2]!);
}

/** A time since 1970. @param seconds not negative */
export function printTime(seconds: number, nanoseconds: number): string {
  const days = Math.floor(seconds / DAY);
  const ofDay = seconds - days * DAY;
  const date = dateOf(days + EPOCH);
  const time = `${two(Math.floor(ofDay / 3600))}:${two(Math.floor(ofDay / 60) % 60)}:${two(ofDay % 60)}`;
  return `${date}T${time}.${`${1_000_000_000 + nanoseconds}`.slice(1)}Z`;
}

const two = (value: number): string => `${100 + value}`.slice(1);

function dateOf(days: number): string {
  const eras = Math.floor(days / ERA);
  const ofEra = days - eras * ERA;
  const leaps = Math.floor(ofEra / (OLYMPIAD - 1)) - Math.floor(ofEra / CENTURY) + Math.floor(ofEra / (ERA - 1));
  const ofEraYear = Math.floor((ofEra - leaps) / 365);
  const ofYear = ofEra - (365 * ofEraYear + Math.floor(ofEraYear / 4) - Math.floor(ofEraYear / 100));
  // Months from March on: 153 days in five of them.
  const month = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * month + 2) / 5) + 1;
  const year = eras * 400 + ofEraYear + (month < 10 ? 0 : 1);
  return `${year}-${two(month < 10 ? month + 3 : month - 9)}-${two(day)}`;
}
