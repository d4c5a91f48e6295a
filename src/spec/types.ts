/**
 * The types of a parsed config.json, for rooms that need no schema.
 * @module
 */
import type * as v from "valibot";
import type { configSchema } from "./config.ts";

/** A valid config.json: shape and rules checked, unknown properties dropped, nulls absent. Keys as in runtime-spec. */
export type Spec = v.InferOutput<typeof configSchema>;

export type Root = Spec["root"];
export type Process = NonNullable<Spec["process"]>;
export type User = Process["user"];
export type Capabilities = NonNullable<Process["capabilities"]>;
export type Rlimit = NonNullable<Process["rlimits"]>[number];
export type RlimitType = Rlimit["type"];
export type Scheduler = NonNullable<Process["scheduler"]>;
export type Mount = NonNullable<Spec["mounts"]>[number];
export type IdMapping = NonNullable<Mount["uidMappings"]>[number];
export type Hooks = NonNullable<Spec["hooks"]>;
export type HookKind = keyof Hooks;
export type Hook = NonNullable<Hooks[HookKind]>[number];
export type Linux = NonNullable<Spec["linux"]>;
export type Namespace = NonNullable<Linux["namespaces"]>[number];
export type NamespaceType = Namespace["type"];
export type Device = NonNullable<Linux["devices"]>[number];
export type Propagation = NonNullable<Linux["rootfsPropagation"]>;
export type Resources = NonNullable<Linux["resources"]>;
export type DeviceRule = NonNullable<Resources["devices"]>[number];
export type Seccomp = NonNullable<Linux["seccomp"]>;
export type SeccompRule = NonNullable<Seccomp["syscalls"]>[number];
export type SeccompAction = Seccomp["defaultAction"];
