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
import { mapOf, object, optional, text } from "./shapes.ts";
import { vmSchema } from "./vm.ts";

/** "1." of the versions in use, looked up before the expression is (see shapes.ts). */
const knownVersions = ["1.0.0", "1.0.1", "1.0.2", "1.0.2-dev", "1.1.0", "1.2.0", "1.2.1", "1.3.0"];

/** semver.org, major version 1. */
const isVersionOne = (version: string): boolean =>
  knownVersions.includes(version) ||
  /^1\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/.test(version);

/** Unknown properties are dropped: config.md#extensibility, MUST. */
export const configSchema = object(() => ({
  /** Every 1.x is accepted: minor versions only add properties, and unknown properties are ignored. */
  ociVersion: text(isVersionOne, 'a version "1.x.y" of runtime-spec'),
  root: rootSchema,
  /** A container without it can be created but not started. */
  process: optional(processSchema),
  hostname: optional(v.string()),
  domainname: optional(v.string()),
  mounts: optional(mountsSchema),
  hooks: optional(hooksSchema),
  annotations: optional(mapOf(v.string())),
  linux: optional(linuxSchema),
  vm: optional(vmSchema),
}));
