/**
 * What every section receives: the builder, the inputs of the plan, and the few facts derived from them once.
 * In: Spec, Host, PlanOptions. Out: Context.
 * @module
 */
import type { NamespaceType, Spec } from "../spec/types.ts";
import type { PlanBuilder } from "./builder.ts";
import type { Host, PlanOptions } from "./host.ts";
import type { Register } from "./types.ts";

export interface Context {
  readonly plan: PlanBuilder;
  readonly spec: Spec;
  readonly host: Host;
  readonly options: PlanOptions;
  /** Types of the namespaces made anew for the container. */
  readonly fresh: ReadonlySet<NamespaceType>;
  /**
   * Descriptor of the container's root. Changes while mounts are planned: a mount over "/" makes the old
   * descriptor see the covered mount (R2), so its own descriptor takes over.
   */
  root: Register;
  /** Mounts stacked between the host's root and the container's in the stage's namespace: pivot_root leaves them there. */
  stacked: number;
}

/** Namespaces with a path are joined, not made: refused by planRefusals, and not in the set. */
export function freshNamespaces(spec: Spec): ReadonlySet<NamespaceType> {
  const fresh = new Set<NamespaceType>();
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (path === undefined && type !== "user" && type !== "time") fresh.add(type);
  }
  return fresh;
}
