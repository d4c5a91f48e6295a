/**
 * RuntimeOptions out of the global options: the same for every command, so that `create` and `delete` meet in one place.
 * @module
 */
import type { RuntimeOptions } from "../lifecycle/types.ts";
import type { Logger } from "../log.ts";
import { findRoot } from "../state/root.ts";
import type { Globals } from "./globals.ts";

export function runtimeOptions(globals: Globals, log: Logger): RuntimeOptions {
  return { root: findRoot(globals.root), cgroupManager: globals.cgroupManager, debug: globals.debug, log };
}
