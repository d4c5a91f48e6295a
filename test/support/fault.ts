/**
 * Runtimes some of whose system calls fail (native/fault.c): those of our own C, by name, errno and which of them.
 * In: a fault. Out: words to put before a command line; what failed, from the log.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { constants } from "../../syscalls/generated/constants.ts";
import { tables } from "../../src/stage/sys.ts";
import { native } from "./native.ts";

export interface Fault {
  /** Name of the system call. */
  readonly call: string;
  readonly error: "EIO" | "ENOMEM" | "EPERM" | "EMFILE" | "ENOBUFS";
  /** The first one that fails, from 1. */
  readonly first?: number;
  /** The last one; all of them unless given. */
  readonly last?: number;
  /** Only those whose argument of this number (from 0) has this value. */
  readonly argument?: { readonly at: number; readonly value: number };
}

/** Words before a command line that has a fault. */
export function faultPrefix(log: string, { call, error, first = 1, last = 1e9, argument }: Fault): string[] {
  const number = tables.nr[call];
  if (number === undefined) throw new Error(`no number of "${call}"`);
  const { at, value } = argument ?? { at: -1, value: 0 };
  return [native("fault"), log, ...[number, at, value, constants()[error]!, first, last].map(String)];
}

/** A call that was listed, or that failed. */
export interface Seen {
  readonly call: string;
  /** The runtime's own, or the stage's (the monitor's too). */
  readonly by: "shim" | "stage";
}

/** The calls in a log; those that the tables have no name of are left out. */
export const seenIn = (log: string): Seen[] => allSeenIn(log).filter(({ call }) => call !== "");

/** All of them, with "" for a name that the tables do not have. */
export function allSeenIn(log: string): Seen[] {
  if (!existsSync(log)) return [];
  const names = new Map(Object.entries(tables.nr).map(([name, number]) => [number, name]));
  return readFileSync(log, "utf8")
    .split("\n")
    .flatMap((line): Seen[] => {
      const [number = "", who] = line.split(" ");
      return number === "" ? [] : [{ call: names.get(Number(number)) ?? "", by: who === "s" ? "shim" : "stage" }];
    });
}
