/**
 * What tests of races and other attacks share: how often, an attacker who exchanges two paths, an outside that must stay.
 * In: the test's scope; BUNKER_ATTACK_ROUNDS. Out: rounds, a body run under attack, what the outside was.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tree } from "./leftovers.ts";
import { native } from "./native.ts";
import { patience } from "./patience.ts";
import type { Scope } from "./scope.ts";
import { nothing } from "./without.ts";

/**
 * How often each race is run: enough to meet the window several times, few enough for every run of the tests;
 * `npm run attack` asks for a thousand.
 */
export function attackRounds(): number {
  const asked = Number(process.env["BUNKER_ATTACK_ROUNDS"] ?? 60);
  if (!Number.isInteger(asked) || asked < 1) throw new Error("BUNKER_ATTACK_ROUNDS is no number of rounds");
  return asked;
}

/** Half a second a round, which an idle machine needs a twentieth of. */
const limitMs = (): number => Math.max(120_000, attackRounds() * 500) * patience;

/** Options of node:test for a race. */
export const attackLimits = { timeout: limitMs() } as const;

/** Kernels that resolve paths, and those where the stage does so itself (syscalls/resolve.h). */
export const resolvers = [
  ["by openat2", nothing],
  ["without openat2", { error: "ENOSYS", calls: ["openat2"] }],
] as const;

/** Exchanges two paths for each other all the while; the attacker shares the directory with the container. */
export async function whileSwapping(
  scope: Scope,
  one: string,
  other: string,
  body: () => Promise<void>,
): Promise<void> {
  scope.freeze();
  const swapper = scope.start([native("swap"), one, other], { timeoutMs: limitMs() });
  try {
    await body();
  } finally {
    process.kill(-swapper.pid, "SIGKILL");
    await swapper.done;
  }
}

export interface Outside {
  readonly path: string;
  /** It is complete: from now on nothing in it may change. */
  readonly settle: () => void;
  readonly unchanged: () => void;
}

/** The outside: a directory that must not change, and must not show inside. */
export function makeOutside(scope: Scope): Outside {
  const path = `${scope.directory}/outside`;
  mkdirSync(path);
  writeFileSync(`${path}/secret`, "marker\n");
  let before: string[];
  const settle = (): void => {
    scope.settle();
    before = tree(path);
  };
  settle();
  return {
    path,
    settle,
    unchanged: () => {
      assert.deepEqual(tree(path), before);
      assert.equal(readFileSync(`${path}/secret`, "utf8"), "marker\n");
    },
  };
}
