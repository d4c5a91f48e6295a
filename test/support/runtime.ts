/**
 * The runtimes under test and beside it. In: environment and PATH. Out: name, path, how to call them.
 * @module
 */
import { existsSync } from "node:fs";
import { findProgram, missing } from "./machine.ts";

export type RuntimeName = "bunker" | "runc" | "crun";

export interface Runtime {
  name: RuntimeName;
  path: string;
}

const repository = new URL("../..", import.meta.url).pathname;

/** The binary under test: $BUNKER, or dist/bunker of this tree. A missing one is an error, never a skip. */
export function bunker(): Runtime {
  const path = process.env["BUNKER"] ?? `${repository}dist/bunker`;
  if (!existsSync(path)) throw new Error(`${path} does not exist: build it first (npx bun run build)`);
  return { name: "bunker", path };
}

/** A peer, where it is installed and starts on this machine. */
export function peer(name: "runc" | "crun"): Runtime | undefined {
  if (missing(name) !== undefined) return undefined;
  return { name, path: findProgram(name)! };
}

/** The runtimes present here, the one under test first. */
export function runtimes(): Runtime[] {
  return [bunker(), peer("runc"), peer("crun")].filter((runtime) => runtime !== undefined);
}
