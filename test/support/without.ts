/**
 * Runtimes on a machine that lacks calls of newer kernels: a launcher of ours (native/without.c) installs a seccomp
 * filter that answers for them, and executes the runtime. Each is an exec: the pid stays.
 * In: which calls, which errno; BUNKER_TEST_WITHOUT for a whole test run. Out: words to put before a command line.
 * @module
 */
import { optionalCalls } from "../../src/plan/host.ts";
import { native } from "./native.ts";

export interface Without {
  /** ENOSYS as an old kernel, EPERM as an old seccomp profile. */
  readonly error: "ENOSYS" | "EPERM";
  readonly calls: readonly string[];
}

/** The machine as it is. */
export const nothing: Without = { error: "ENOSYS", calls: [] };

/** An old kernel. */
export const everything: Without = { error: "ENOSYS", calls: optionalCalls };

/** BUNKER_TEST_WITHOUT="ENOSYS openat2,fsopen" or "EPERM all". */
function fromEnvironment(): Without | undefined {
  const [error, calls] = (process.env["BUNKER_TEST_WITHOUT"] ?? "").split(" ");
  if (calls === undefined || (error !== "ENOSYS" && error !== "EPERM")) return undefined;
  return { error, calls: calls === "all" ? optionalCalls : calls.split(",") };
}

const usual = fromEnvironment();

/**
 * Words to put before a command line. Without rights clone3 answers ENOSYS whatever is asked: glibc makes no thread where it
 * answers EPERM (from 2.34 on), and only who has rights can make that ENOSYS again (src/stage/early.ts).
 */
export function withoutPrefix(without: Without | undefined = usual, hasRights = true): string[] {
  if (without === undefined || without.calls.length === 0) return [];
  const { error, calls } = without;
  const words = (name: string, list: readonly string[]): string[] =>
    list.length === 0 ? [] : [native("without"), name, list.join(",")];
  if (hasRights || error === "ENOSYS" || calls.length === 1) return words(error, calls);
  const others = calls.filter((call) => call !== "clone3");
  return [...words(error, others), ...(others.length < calls.length ? words("ENOSYS", ["clone3"]) : [])];
}
