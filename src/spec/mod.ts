/**
 * Input:  the text of config.json, or of a process file        Output: Spec, Process
 * Pure: no I/O, no facts about the host.
 * May import: errors.
 * @module
 */
import * as v from "valibot";
import { completeProcess } from "./change_process.ts";
import { configSchema } from "./config.ts";
import { specErrorFrom } from "./issues.ts";
import { hasLongNumber, readJson, readJsonExactly } from "./json.ts";
import { dropAbsent, settle, settleProcess } from "./normalize.ts";
import { refuseNul } from "./nul.ts";
import { processSchema } from "./process.ts";
import { resourcesSchema } from "./resources.ts";
import { object } from "./shapes.ts";
import type { Process, Resources, Spec } from "./types.ts";
import { validateSpec } from "./validate.ts";
import { validateResources } from "./validate_resources.ts";
import { validateProcess } from "./validate_process.ts";

/**
 * Reads and checks a config.json; throws a SpecError that names the line and column of a syntax error,
 * or the JSON Pointer of a wrong value. Unknown properties are dropped, nulls count as absent.
 */
export function parseSpec(text: string): Spec {
  const spec = settle(checkShape(configSchema, text, (value) => value));
  refuseNul(spec, text);
  validateSpec(spec);
  return spec;
}

const processFileSchema = object(() => ({ process: processSchema }));

/**
 * Reads and checks a process file: one JSON object like `process` of config.json.
 * Pointers of its errors start with "/process", as if it stood there.
 * @param own the container's process: who and how confined it is holds where the file says nothing
 */
export function parseProcess(text: string, own?: Process): Process {
  let namesUser = false;
  const file = checkShape(processFileSchema, text, (process) => {
    namesUser = ((process as { user?: unknown } | null)?.user ?? null) !== null;
    return { process };
  });
  refuseNul(file, text);
  validateProcess(file.process);
  return settleProcess(own === undefined ? file.process : completeProcess(file.process, own, namesUser));
}

const resourcesFileSchema = object(() => ({ linux: object(() => ({ resources: resourcesSchema })) }));

/**
 * Reads and checks limits to change: one JSON object like `linux.resources` of config.json.
 * Pointers of its errors start with "/linux/resources", as if it stood there.
 */
export function parseResources(text: string): Resources {
  const file = checkShape(resourcesFileSchema, text, (resources) => ({ linux: { resources } }));
  refuseNul(file, text);
  validateResources(file.linux.resources, true);
  return file.linux.resources;
}

function checkShape<T>(schema: v.GenericSchema<unknown, T>, text: string, wrap: (value: unknown) => unknown): T {
  const result = v.safeParse(schema, dropAbsent(wrap(readJson(text)), text));
  if (result.success) return result.output;
  // The schemas refuse 64-bit numbers that were rounded on reading.
  if (!hasLongNumber(text)) throw specErrorFrom(result.issues);
  const exact = v.safeParse(schema, dropAbsent(wrap(readJsonExactly(text)), text));
  if (exact.success) return exact.output;
  throw specErrorFrom(exact.issues);
}
