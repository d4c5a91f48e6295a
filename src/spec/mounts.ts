/**
 * `root` and `mounts`. In: JSON value. Out: Root, Mount[] (destinations absolute, see normalize.ts).
 * Spec: config.md#root, config.md#mounts
 * @module
 */
import * as v from "valibot";
import { positiveU32, u32 } from "./scalars.ts";
import { nonEmpty, object, optional, strings } from "./shapes.ts";

/** `size` ids from `containerID` on are those from `hostID` on; user_namespaces(7). */
export const idMappingsSchema = v.array(object(() => ({ containerID: u32, hostID: u32, size: positiveU32 })));

export const rootSchema = object(() => ({
  /** Absolute, or relative to the bundle. */
  path: nonEmpty,
  readonly: optional(v.boolean()),
}));

const mountSchema = object(() => ({
  destination: nonEmpty,
  type: optional(v.string()),
  /** For a bind mount absolute, or relative to the bundle. */
  source: optional(v.string()),
  /** Not interpreted here; may hold empty strings. */
  options: optional(strings),
  uidMappings: optional(idMappingsSchema),
  gidMappings: optional(idMappingsSchema),
}));
export const mountsSchema = v.array(mountSchema);
