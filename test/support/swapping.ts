/**
 * The attacker of a race: a process that exchanges two paths for each other all the while.
 * In: paths that it shares with the container. Out: nothing; it ends with the body.
 * @module
 */
import process from "node:process";
import { limits } from "./machine.ts";
import { native } from "./native.ts";
import type { Scope } from "./scope.ts";

/**
 * How often each race is run: enough to meet the window several times, few enough for every run of the tests.
 * BUNKER_ATTACK_ROUNDS has more.
 */
export const attackRounds = Number(process.env["BUNKER_ATTACK_ROUNDS"] ?? "60");

/** For tests of that many rounds. */
export const raceLimits = { timeout: limits.timeout + attackRounds * 500 } as const;

/** Exchanges two paths for each other until the body is done. */
export async function whileSwapping(
  scope: Scope,
  one: string,
  other: string,
  body: () => Promise<void>,
): Promise<void> {
  scope.freeze();
  const swapper = scope.start([native("swap"), one, other], { timeoutMs: raceLimits.timeout });
  try {
    await body();
  } finally {
    process.kill(-swapper.pid, "SIGKILL");
    await swapper.done;
  }
}
