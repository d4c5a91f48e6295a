/**
 * The operation `check`: whether containers can be run here, and what this machine offers. Output: a Report. Changes
 * nothing.
 * @module
 */
import type { BunkerError } from "../errors.ts";
import type { Finding } from "../host/finding.ts";
import { probeHost } from "../host/mod.ts";
import { survey } from "../host/survey.ts";
import { parseSpec } from "../spec/mod.ts";
import { defaultSpec } from "../spec/default.ts";
import { tryContainer } from "./trial.ts";
import type { RuntimeOptions } from "./types.ts";

export interface Report {
  readonly canRun: boolean;
  /** Why not. */
  readonly reasons: readonly string[];
  readonly findings: readonly Finding[];
}

type Config = Record<string, unknown> & {
  readonly linux: Record<string, unknown> & { namespaces: { type: string }[] };
};

/** Looks around. */
export function check(rt: RuntimeOptions): Report {
  const config = plainConfig(false);
  const host = probeHost(parseSpec(JSON.stringify(config)));
  const findings = survey(host, rt.root);
  // An ordinary user is given a user namespace in any case; a new sysfs takes a network namespace along.
  const first = host.mayMount ? config : plainConfig(true, host.euid, host.egid);
  const trials: Finding[] = [tried("container", tryContainer(rt, first), true)];
  if (host.mayMount) trials.push(tried("with a user namespace", tryContainer(rt, inUserNamespace(config)), false));
  trials.push(tried("with a time namespace", tryContainer(rt, withNamespace(first, "time")), false));
  if (!host.mayMount)
    trials.push(tried("with its own network", tryContainer(rt, withNamespace(first, "network")), false));
  const all = [...findings, ...trials];
  const reasons: string[] = [];
  for (const { group, name, value, cost, isFatal } of all) {
    const isDispensable = group === "cgroups" && rt.cgroupManager === "disabled";
    if (isFatal === true && !isDispensable)
      reasons.push(`${group}: ${name}: ${[value, cost].filter(Boolean).join("; ")}`);
  }
  return { canRun: reasons.length === 0, reasons, findings: all };
}

function tried(name: string, error: BunkerError | undefined, isNeeded: boolean): Finding {
  const group = "trial";
  if (error === undefined) return { group, name, state: "yes", value: "made up to its start, and removed" };
  const detail = error.detail.map((line) => line.replace(/\s+/g, " "));
  const cost = [error.message, ...detail].join("; ");
  return { group, name, state: "no", cost, ...(isNeeded ? { isFatal: true } : {}) };
}

/** What `spec` writes, without a process or limits, in a tmpfs over the machine's root. */
function plainConfig(isRootless: boolean, uid = 0, gid = 0): Config {
  const { process: _, ...rest } = defaultSpec(isRootless, uid, gid) as Config & { mounts: object[] };
  const { resources: __, ...linux } = rest.linux as Record<string, unknown> & Config["linux"];
  const root = { destination: "/", type: "tmpfs", source: "tmpfs", options: ["mode=755"] };
  return { ...rest, root: { path: "/" }, mounts: [root, ...rest.mounts], linux };
}

const withNamespace = (config: Config, type: string): Config => ({
  ...config,
  linux: { ...config.linux, namespaces: [...config.linux.namespaces, { type }] },
});

function inUserNamespace(config: Config): Config {
  const map = [{ containerID: 0, hostID: 0, size: 65_536 }];
  const added = withNamespace(config, "user");
  return { ...added, linux: { ...added.linux, uidMappings: map, gidMappings: map } };
}
