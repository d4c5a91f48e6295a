/**
 * Questions about the recorded config's namespaces. Input: StateRecord. Output: answers. Pure.
 * @module
 */
import type { StateRecord } from "../state/record.ts";

/**
 * True if the container has no pid namespace of its own (none, or one it joined): then the end of its first process
 * is not the end of the others.
 */
export function sharesPidNamespace(record: StateRecord): boolean {
  const config = record.config as { linux?: { namespaces?: readonly { type?: string; path?: string }[] } };
  const own = config.linux?.namespaces?.find((namespace) => namespace.type === "pid");
  return own === undefined || (own.path !== undefined && own.path !== "");
}
