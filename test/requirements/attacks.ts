/**
 * Every known attack on container runtimes since 2019, the holes that were found in this one, and what nobody had tried:
 * the tests that hold each, and the defence without which they fail.
 * In: nothing. Out: the table; attacks_test.ts checks it, `npm run attack -- --prove` takes the defences out.
 * @module
 */
import type { Attack } from "./attack_table.ts";
import { holes } from "./attacks_holes.ts";
import { namedAttacks } from "./attacks_named.ts";
import { ownAttacks } from "./attacks_own.ts";
import { processAttacks } from "./attacks_process.ts";
import { rootAttacks } from "./attacks_root.ts";

export const attacks: Readonly<Record<string, Attack>> = {
  ...rootAttacks,
  ...processAttacks,
  ...namedAttacks,
  ...holes,
  ...ownAttacks,
};
