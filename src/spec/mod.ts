/**
 * Input:  the text of config.json        Output: Spec
 * Pure: no I/O, no facts about the host.
 * May import: errors.
 * @module
 */
import * as v from "valibot";
import { SpecError } from "../errors.ts";
import { configSchema } from "./config.ts";
import type { Spec } from "./types.ts";

export function parseSpec(text: string): Spec {
  const result = v.safeParse(configSchema, JSON.parse(text));
  if (result.success) return result.output;
  throw new SpecError("", result.issues[0].message);
}
