/**
 * The whole of config.json. In: JSON value. Out: the Spec before the rules of validate.ts.
 * Spec: config.md
 * @module
 */
import * as v from "valibot";
import { hooksSchema } from "./hooks.ts";
import { linuxSchema } from "./linux.ts";
import { mountsSchema, rootSchema } from "./mounts.ts";
import { processSchema } from "./process.ts";
import { nonEmpty } from "./scalars.ts";
import { vmSchema } from "./vm.ts";

const semver = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/** Every 1.x is accepted: minor versions only add properties, and unknown properties are ignored. */
const ociVersionSchema = v.custom<string>(
  (value) => typeof value === "string" && value.startsWith("1.") && semver.test(value),
  'a version "1.x.y" of runtime-spec',
);

/** Unknown properties are dropped: config.md#extensibility, MUST. */
export const configSchema = v.object({
  ociVersion: ociVersionSchema,
  root: rootSchema,
  /** A container without it can be created but not started. */
  process: v.optional(processSchema),
  hostname: v.optional(v.string()),
  domainname: v.optional(v.string()),
  mounts: v.optional(mountsSchema),
  hooks: v.optional(hooksSchema),
  annotations: v.optional(v.record(nonEmpty, v.string())),
  linux: v.optional(linuxSchema),
  vm: v.optional(vmSchema),
});
