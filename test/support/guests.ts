/**
 * Tests of containers with a user namespace, each once for root and once for an ordinary user.
 * In: what a test does. Out: tests, bundles, words that put mounts where the runtime runs.
 * @module
 */
import assert from "node:assert/strict";
import test from "node:test";
import type { Config, MountEntry } from "./config.ts";
import type { Outcome } from "./execute.ts";
import { limits, type Need } from "./machine.ts";
import { mappedIds } from "./mode.ts";
import { afterMounting } from "./own_mounts.ts";
import { type Bundle, type InvokeOptions, type Scope, scoped } from "./scope.ts";
import { usualUser } from "./user.ts";

export type Who = "root" | "user";

/** A test of what holds for both. */
export function both(
  title: string,
  word: string,
  needs: readonly Need[],
  body: (scope: Scope, who: Who) => Promise<void>,
): void {
  for (const who of ["root", "user"] as const) {
    const all: readonly Need[] = ["userNamespaces", ...needs];
    test(
      `run [user namespace, ${title}]${who === "user" ? " (rootless)" : ""}`,
      limits,
      scoped(`um${word}${who}`, all, (scope) => body(scope, who), who === "user" ? usualUser : "root"),
    );
  }
}

/** A bundle whose container has a user namespace. */
export function bundleOf(scope: Scope, who: Who, script: string, change: (config: Config) => void = () => {}): Bundle {
  return scope.bundle(script, change, who === "root" ? { ids: mappedIds } : {});
}

/** Adds entries of `mounts`. */
export const mounting =
  (...entries: MountEntry[]) =>
  (config: Config): void => {
    config.mounts.push(...entries);
  };

/** Words that put a mount where the runtime runs, first of all. */
export const after = (command: string): InvokeOptions => ({ before: afterMounting(command) });

/** Of standard output. */
export const lines = (outcome: Outcome): string[] => outcome.stdout.trim().split("\n");

/** Runs it, which must succeed. */
export async function runBundle(scope: Scope, bundle: Bundle, options: InvokeOptions = {}): Promise<Outcome> {
  return scope.succeed(["run", "--bundle", bundle.path, scope.id()], options);
}

/** Runs it, which must fail: its standard error. */
export async function failBundle(scope: Scope, bundle: Bundle, options: InvokeOptions = {}): Promise<string> {
  const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], options);
  assert.notEqual(outcome.status, 0, outcome.stdout);
  return outcome.stderr;
}

/** The topmost mount is nobody's parent: mountinfo lists by id, which a clone has before it is attached. */
export const flagsOf = (place: string): string =>
  `awk -v place=${place} '$5 == place { flags[$1] = $6; over[$2] = 1 } END { for (id in flags) if (!(id in over)) print flags[id] }' /proc/self/mountinfo`;
