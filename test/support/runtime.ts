/**
 * The runtimes under test and beside it. In: environment and PATH. Out: name, path, how to call them.
 * @module
 */
import { execFileSync } from "node:child_process";
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

/** Whether the machine's runc is older than that version, 1.MINOR. */
export function isRuncBefore(minor: number): boolean {
  const text = execFileSync(peer("runc")!.path, ["--version"], { encoding: "utf8" });
  const [, major, found] = /^runc version (\d+)\.(\d+)/.exec(text)!;
  return Number(major) === 1 && Number(found) < minor;
}

/** Whether a peer is of the releases that ours is compared with: Debian 12's own differ in much that they have mended. */
export function isCurrent({ name, path }: Runtime): boolean {
  const text = execFileSync(path, ["--version"], { encoding: "utf8" });
  const [, minor] = /^\w+ version 1\.(\d+)/.exec(text) ?? [];
  return minor !== undefined && Number(minor) >= (name === "crun" ? 28 : 3);
}

/** The runtimes present here, the one under test first. */
export function runtimes(): Runtime[] {
  return [bunker(), peer("runc"), peer("crun")].filter((runtime) => runtime !== undefined);
}
