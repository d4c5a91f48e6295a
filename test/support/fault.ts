/**
 * Runtimes some of whose system calls fail (native/fault.c): those of our own C, by name, errno and which of them.
 * In: a fault. Out: words to put before a command line; what failed, from the log.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { aarch64, callNames, x86_64 } from "../../syscalls/generated/call_numbers.ts";
import { constants } from "../../syscalls/generated/constants.ts";
import { arch } from "../../src/stage/sys.ts";
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

/** Every system call of this machine: name → number. */
const numbers = ((): ReadonlyMap<string, number> => {
  const [names, pairs] = [callNames().split(" "), arch === "x86_64" ? x86_64() : aarch64()];
  const found = new Map<string, number>();
  for (let i = 0; i < pairs.length; i += 2) found.set(names[pairs[i + 1]!]!, pairs[i]!);
  return found;
})();

/** Words before a command line that has a fault. */
export function faultPrefix(log: string, { call, error, first = 1, last = 1e9, argument }: Fault): string[] {
  const number = numbers.get(call);
  if (number === undefined) throw new Error(`no number of "${call}"`);
  const { at, value } = argument ?? { at: -1, value: 0 };
  return [native("fault"), log, ...[number, at, value, constants()[error]!, first, last].map(String)];
}

/** Words before a command line whose calls are to be listed. */
export const listPrefix = (log: string): string[] => [native("fault"), log, "list"];

/** A call that was listed, or that failed. */
export interface Seen {
  readonly call: string;
  /** The runtime's own, or the stage's (the monitor's too). */
  readonly by: "shim" | "stage";
}

/** The calls in a log, in order. */
export function seenIn(log: string): Seen[] {
  if (!existsSync(log)) return [];
  const names = new Map([...numbers].map(([name, number]) => [number, name]));
  return readFileSync(log, "utf8")
    .split("\n")
    .flatMap((line): Seen[] => {
      const [number = "", who] = line.split(" ");
      return number === "" ? [] : [{ call: names.get(Number(number)) ?? number, by: who === "s" ? "shim" : "stage" }];
    });
}
