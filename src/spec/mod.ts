/**
 * Input:  the text of config.json        Output: Spec
 * Pure: no I/O, no facts about the host.
 * May import: errors.
 * @module
 */
import * as v from "valibot";
import { configSchema } from "./config.ts";
import { specErrorFrom } from "./issues.ts";
import { readJson } from "./json.ts";
import { dropAbsent, settle } from "./normalize.ts";
import { refuseNul } from "./nul.ts";
import type { Spec } from "./types.ts";
import { validateSpec } from "./validate.ts";

/**
 * Reads and checks a config.json; throws a SpecError that names the line and column of a syntax error,
 * or the JSON Pointer of a wrong value. Unknown properties are dropped, nulls count as absent.
 */
export function parseSpec(text: string): Spec {
  const config = readJson(text);
  dropAbsent(config, text);
  const result = v.safeParse(configSchema, config);
  if (!result.success) throw specErrorFrom(result.issues);
  const spec = settle(result.output);
  refuseNul(spec, text);
  validateSpec(spec);
  return spec;
}
