/**
 * Which namespaces are the container's own. In: Linux. Out: their types, or a SpecError.
 * Spec: config-linux.md#namespaces
 * @module
 */
import { SpecError } from "../errors.ts";
import { pointerTo } from "./pointer.ts";
import type { Linux, Namespace, NamespaceType } from "./types.ts";

/** Types of the namespaces the container does not share with the runtime: new ones and joined ones. */
export type OwnNamespaces = ReadonlySet<NamespaceType>;

/** MUST config-linux.md#namespaces: duplicated namespaces are an error. */
export function ownNamespaces(linux: Linux | undefined): OwnNamespaces {
  const own = new Set<NamespaceType>();
  const namespaces = linux?.namespaces ?? [];
  for (const namespace of namespaces) {
    const { type } = namespace;
    if (own.has(type)) {
      throw new SpecError(
        pointerTo("linux", "namespaces", namespaces.indexOf(namespace), "type"),
        `Expected each namespace once but received "${type}" again`,
      );
    }
    own.add(type);
  }
  return own;
}

/** The entry of a type; undefined: inherited from the runtime. */
export function findNamespace(linux: Linux | undefined, type: NamespaceType): Namespace | undefined {
  for (const namespace of linux?.namespaces ?? []) if (namespace.type === type) return namespace;
  return undefined;
}

/** Fails unless the namespace a property (named by its keys) needs is the container's own. */
export function requireNamespace(own: OwnNamespaces, type: NamespaceType, ...keys: readonly (string | number)[]): void {
  if (own.has(type)) return;
  throw new SpecError(pointerTo(...keys), `Expected "${type}" in /linux/namespaces, which this needs`);
}
