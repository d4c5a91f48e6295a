/**
 * Skipping a test with a reason that reaches the test run's summary, under Bun and Deno (whose reporters drop it).
 * Input: the test's context, a reason. Output: a line in the file that BUNKER_TEST_SKIPS names.
 *
 *     test("create [bind mount]", (t) => {
 *       if (!isRoot) return skip(t, "needs root");
 * @module
 */
import { appendFileSync } from "node:fs";
import { env } from "node:process";

/** Marks the running test as skipped; the test must return right after. */
export function skip(t: { readonly name: string; skip(message?: string): void }, reason: string): void {
  const file = env["BUNKER_TEST_SKIPS"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ name: t.name, reason })}\n`);
  t.skip(reason);
}
