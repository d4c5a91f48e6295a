/**
 * What every section receives: the builder, the inputs of the plan, and the few facts derived from them once.
 * In: Spec, Host, PlanOptions. Out: Context.
 * @module
 */
import type { Compile } from "../seccomp/mod.ts";
import type { NamespaceType, Spec } from "../spec/types.ts";
import type { PlanBuilder } from "./builder.ts";
import type { PlannedFilter } from "./filter_moment.ts";
import type { IdMaps } from "./id_maps.ts";
import type { Host, PlanOptions } from "./host.ts";
import type { Places } from "./places.ts";
import type { Register } from "./types.ts";

export interface Context {
  readonly plan: PlanBuilder;
  readonly spec: Spec;
  readonly host: Host;
  readonly options: PlanOptions;
  /** Where seccomp filters come from. */
  readonly compile: Compile;
  /** Types of the namespaces made anew for the container. */
  readonly fresh: ReadonlySet<NamespaceType>;
  /** Those it joins by path. */
  readonly joined: ReadonlyMap<NamespaceType, JoinedNamespace>;
  /** Its user namespace, made or joined, is not the runtime's. */
  readonly hasUserNamespace: boolean;
  /** Ids of a new user namespace; undefined: it is joined, or there is none. */
  readonly maps: IdMaps | undefined;
  /** Who clones mounts of the host: the runtime where it may, else the stage in its own mount namespace. */
  readonly cloner: "runtime" | "stage";
  /**
   * Descriptor of the container's root. Changes while mounts are planned: a mount over "/" makes the old
   * descriptor see the covered mount (R2), so its own descriptor takes over.
   */
  root: Register;
  /** What is mounted in the container so far. */
  readonly places: Places;
  /** Where hooks write, where annotations say so. */
  hookOutput?: { readonly runtime: HookOutput; readonly stage: HookOutput };
  /** Pid of the stage, once clone3 is planned; of the process that goes on in its place, once that is. */
  container?: Register;
  /** What the pid of that process is read from (visible.ts); absent: there is none. */
  birth?: Register;
  /** The pid namespace that is joined: its file, or a pidfd of a process that is in it. */
  pidNamespace?: Register;
  /** The stage enters it with rights that it gives up by entering the user namespace. */
  entersPidEarly?: boolean;
  /** The seccomp filter and when it is loaded (filter_moment.ts); absent: not decided yet, or there is none. */
  filter?: PlannedFilter;
  /** Runtime: the filter's listener, until the supervisor has it. */
  listener?: Register;
  /** Connection to the supervisor of the seccomp filter; absent: no rule asks one. */
  supervisor?: Register;
  /** Pid of the container's first process, where one more is made (exec). */
  readonly init?: number;
  /** Mounts stacked between the host's root and the container's in the stage's namespace: pivot_root leaves them there. */
  stacked: number;
}

/** Descriptors for standard output and errors of hooks; -1: as those of whoever runs them. */
export interface HookOutput {
  readonly stdout: Register | -1;
  readonly stderr: Register | -1;
}

/** A namespace that config.json names by path. */
export interface JoinedNamespace {
  readonly path: string;
  /** JSON Pointer of the path. */
  readonly pointer: string;
}

/**
 * Namespaces made anew. A runtime that may neither mount nor map ids cannot do without a user namespace, so the plan
 * has one even where config.json names none (as crun).
 */
export function freshNamespaces(spec: Spec, host: Host): ReadonlySet<NamespaceType> {
  const fresh = new Set<NamespaceType>();
  let hasUser = false;
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (type === "user") hasUser = true;
    if (path === undefined) fresh.add(type);
  }
  if (!hasUser && !host.mayMount && host.euid !== 0) fresh.add("user");
  return fresh;
}

/** Namespaces joined. */
export function joinedNamespaces(spec: Spec): ReadonlyMap<NamespaceType, JoinedNamespace> {
  const joined = new Map<NamespaceType, JoinedNamespace>();
  const namespaces = spec.linux?.namespaces ?? [];
  for (let index = 0; index < namespaces.length; index++) {
    const { type, path } = namespaces[index]!;
    if (path !== undefined) joined.set(type, { path, pointer: `/linux/namespaces/${index}/path` });
  }
  return joined;
}

/** Whether the runtime is root of the initial user namespace, to whom files of /proc belong that are nobody else's. */
export function isMachinesRoot({ euid, inUserNamespace }: Pick<Host, "euid" | "inUserNamespace">): boolean {
  return euid === 0 && !inUserNamespace;
}
