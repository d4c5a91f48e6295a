/**
 * A way for the program to say that it is ready (sd_notify(3)): a directory of the state in which a socket will be, and
 * its name in the environment. As runc; the socket itself is made by whoever starts the container.
 * In: Spec, PlanOptions. Out: Spec with one mount and one variable more.
 * @module
 */
import type { Spec } from "../spec/types.ts";
import type { PlanOptions } from "./host.ts";

/** In the state directory. */
export const notifyDirectory = "notify";
export const notifyName = "notify.sock";

const place = "/run/notify";

/** Whether a container of this config can have one: what nobody mounts nobody sees. */
export function canNotify({ process, linux }: Spec): boolean {
  if (process === undefined) return false;
  for (const { type, path } of linux?.namespaces ?? []) if (type === "mount") return path === undefined;
  return false;
}

/** The config as it is planned. */
export function withNotify(spec: Spec, { notify }: PlanOptions): Spec {
  if (notify === undefined || spec.process === undefined) return spec;
  const mount = { destination: place, source: notify, options: ["bind", "nosuid", "noexec", "nodev", "ro"] };
  const env = [...(spec.process.env ?? []), `NOTIFY_SOCKET=${place}/${notifyName}`];
  return { ...spec, process: { ...spec.process, env }, mounts: [...(spec.mounts ?? []), mount] };
}
