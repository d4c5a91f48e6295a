/**
 * Soft limits that were raised for the engine before it began (syscalls/engine.c), as their caller had set them.
 * In: the environment, the limits now. Out: limits by name; undefined where none was raised, as nearly always.
 * @module
 */
import type { Host } from "../plan/host.ts";
import { environment, flags, stable, sysOrThrow } from "../stage/sys.ts";

/** Set by that function alone, which takes away the caller's: "RLIMIT_STACK=65536 RLIMIT_AS=1000000000 ". */
const variable = "BUNKER_LIFTED_LIMITS";

export function liftedLimits(): Host["liftedLimits"] | undefined {
  const text = environment(variable);
  if (text === undefined) return undefined;
  const limits: Record<string, { soft: string; hard: string }> = {};
  for (const entry of text.trim().split(" ")) {
    const [name = "", bytes = ""] = entry.split("=");
    limits[name] = { soft: bytes, hard: hardLimit(name) };
  }
  return limits;
}

function hardLimit(name: string): string {
  const limit = stable(16);
  sysOrThrow("prlimit64", 0, flags(name), null, limit);
  return String(new BigUint64Array(limit.buffer)[1]!);
}
