/**
 * Questions about the namespaces of a config, as it was read or recorded. Output: answers. Pure.
 * @module
 */
/**
 * True if the container has no pid namespace of its own (none, or one it joined): then the end of its first process
 * is not the end of the others.
 */
export function sharesPidNamespace(config: unknown): boolean {
  const { linux } = config as { linux?: { namespaces?: readonly { type?: string; path?: string }[] } };
  const own = linux?.namespaces?.find((namespace) => namespace.type === "pid");
  return own === undefined || (own.path !== undefined && own.path !== "");
}
