/**
 * `hooks`: programs run at points of the life of a container. In: JSON value. Out: Hooks.
 * Spec: config.md#posix-platform-hooks
 * @module
 */
import * as v from "valibot";
import { absolutePath, positiveI32, strings } from "./scalars.ts";

const hookSchema = v.object({
  path: absolutePath,
  /** The whole argv; absent: the path alone. */
  args: v.optional(strings),
  /** The whole environment; absent: empty. */
  env: v.optional(strings),
  /** Seconds. */
  timeout: v.optional(positiveI32),
});
const hookList = v.optional(v.array(hookSchema));

export const hooksSchema = v.object({
  prestart: hookList,
  createRuntime: hookList,
  createContainer: hookList,
  startContainer: hookList,
  poststart: hookList,
  poststop: hookList,
});
