/**
 * What writers of config.json mean alike is made alike, so that the plan has one case each.
 * In: JSON value (before the schemas) or Spec (after them), changed in place. Out: the same.
 * @module
 */
import type { Process, Spec } from "./types.ts";

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Absent, null and, for optional text, empty mean the same to every runtime written in Go (`omitempty`),
 * and callers rely on it. `text` is the source of `config`: it tells whether there is any of them to look for.
 */
export function dropAbsent(config: unknown, text: string): unknown {
  if (text.includes("null")) dropNulls(config);
  return text.includes('""') ? dropEmptyTexts(config) : config;
}

function dropEmptyTexts(config: unknown): unknown {
  if (!isObject(config)) return config;
  dropEmpty(config, "hostname", "domainname");
  dropEmpty(config["process"], "apparmorProfile", "selinuxLabel");
  for (const mount of itemsOf(config["mounts"])) dropEmpty(mount, "type", "source");
  const linux = config["linux"];
  if (isObject(linux)) dropEmptyLinux(linux);
  return config;
}

function dropEmptyLinux(linux: Fields): void {
  dropEmpty(linux, "cgroupsPath", "rootfsPropagation", "mountLabel");
  dropEmpty(linux["intelRdt"], "closID", "l3CacheSchema", "memBwSchema");
  dropEmpty(linux["seccomp"], "listenerPath", "listenerMetadata");
  for (const namespace of itemsOf(linux["namespaces"])) dropEmpty(namespace, "path");
  const resources = linux["resources"];
  if (!isObject(resources)) return;
  dropEmpty(resources["cpu"], "cpus", "mems");
  for (const rule of itemsOf(resources["devices"])) dropEmpty(rule, "type", "access");
}

function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function dropEmpty(owner: unknown, ...keys: readonly string[]): void {
  if (!isObject(owner)) return;
  for (const key of keys) if (owner[key] === "") delete owner[key];
}

/** Properties only: null as an item of an array stays, and is an error later. */
function dropNulls(config: unknown): void {
  const pending: unknown[] = [config];
  while (pending.length > 0) {
    const value = pending.pop();
    if (Array.isArray(value)) {
      for (const item of value) pending.push(item);
    } else if (isObject(value)) {
      for (const key of Object.keys(value)) {
        if (value[key] === null) delete value[key];
        else pending.push(value[key]);
      }
    }
  }
}

/**
 * Relative destinations count from "/" (config.md#mounts, deprecated but MUST be handled so);
 * the console's size goes unless there is a console (config.md#process: MUST ignore).
 */
export function settle(spec: Spec): Spec {
  for (const mount of spec.mounts ?? []) {
    if (!mount.destination.startsWith("/")) mount.destination = `/${mount.destination}`;
  }
  if (spec.process !== undefined) settleProcess(spec.process);
  return spec;
}

/** As `settle`, for a process. */
export function settleProcess(process: Process): Process {
  if (process.terminal !== true) delete process.consoleSize;
  return process;
}
