/**
 * `hooks`: programs run at points of the life of a container. In: JSON value. Out: Hooks.
 * Spec: config.md#posix-platform-hooks
 * @module
 */
import * as v from "valibot";
import { positiveI32 } from "./scalars.ts";
import { absolutePath, object, optional, strings } from "./shapes.ts";

const hookSchema = object(() => ({
  path: absolutePath,
  /** The whole argv; absent: the path alone. */
  args: optional(strings),
  /** The whole environment; absent: the runtime's, or the process's where the hook runs in the container. */
  env: optional(strings),
  /** Seconds. */
  timeout: optional(positiveI32),
}));

export const hooksSchema = object(() => {
  const list = optional(v.array(hookSchema));
  return {
    prestart: list,
    createRuntime: list,
    createContainer: list,
    startContainer: list,
    poststart: list,
    poststop: list,
  };
});
