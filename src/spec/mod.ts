/**
 * Input:  the text of config.json        Output: Spec
 * Pure: no I/O, no facts about the host.
 * May import: errors.
 * @module
 */
import * as v from "valibot";
import { configSchema } from "./config.ts";
import { specErrorFrom } from "./issues.ts";
import { hasLongNumber, readJson, readJsonExactly } from "./json.ts";
import { dropAbsent, settle } from "./normalize.ts";
import { refuseNul } from "./nul.ts";
import type { Spec } from "./types.ts";
import { validateSpec } from "./validate.ts";

/**
 * Reads and checks a config.json; throws a SpecError that names the line and column of a syntax error,
 * or the JSON Pointer of a wrong value. Unknown properties are dropped, nulls count as absent.
 */
export function parseSpec(text: string): Spec {
  const spec = settle(checkShape(text));
  refuseNul(spec, text);
  validateSpec(spec);
  return spec;
}

function checkShape(text: string): Spec {
  const result = v.safeParse(configSchema, dropAbsent(readJson(text), text));
  if (result.success) return result.output;
  // The schemas refuse 64-bit numbers that were rounded on reading.
  if (!hasLongNumber(text)) throw specErrorFrom(result.issues);
  const exact = v.safeParse(configSchema, dropAbsent(readJsonExactly(text), text));
  if (exact.success) return exact.output;
  throw specErrorFrom(exact.issues);
}
