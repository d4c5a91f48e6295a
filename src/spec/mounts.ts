/**
 * `root` and `mounts`. In: JSON value. Out: Root, Mount[] (destinations absolute, see normalize.ts).
 * Spec: config.md#root, config.md#mounts
 * @module
 */
import * as v from "valibot";
import { nonEmpty, positiveU32, strings, u32 } from "./scalars.ts";

/** `size` ids from `containerID` on are those from `hostID` on; user_namespaces(7). */
const idMappingSchema = v.object({ containerID: u32, hostID: u32, size: positiveU32 });
export const idMappingsSchema = v.array(idMappingSchema);

export const rootSchema = v.object({
  /** Absolute, or relative to the bundle. */
  path: nonEmpty,
  readonly: v.optional(v.boolean()),
});

const mountSchema = v.object({
  destination: nonEmpty,
  type: v.optional(v.string()),
  /** For a bind mount absolute, or relative to the bundle. */
  source: v.optional(v.string()),
  /** Not interpreted here; may hold empty strings. */
  options: v.optional(strings),
  uidMappings: v.optional(idMappingsSchema),
  gidMappings: v.optional(idMappingsSchema),
});
export const mountsSchema = v.array(mountSchema);
