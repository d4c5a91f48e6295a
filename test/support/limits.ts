/**
 * The files of a container's cgroup as a runtime left them. In: where the cgroup is, and under which name.
 * Out: "controller/file" → content.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";

const top = "/sys/fs/cgroup";

/** What counts or says what happened, not what was asked. */
const counters =
  /usage|stat|failcnt|numa|events|current|peak|slabinfo|io_service|effective|\.procs|tasks|pressure|kmem|shown_ram|partition/;

/** Version 1: the limits of every hierarchy, by controller. */
export function legacyLimits(name: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const controller of readdirSync(top)) {
    // Rules, not limits; runc has some where config.json has none.
    if (controller === "devices") continue;
    const directory = `${top}/${controller}/${name}`;
    if (!existsSync(`${directory}/tasks`)) continue;
    for (const [file, text] of limitsIn(directory)) found.set(`${controller}/${file}`, text);
  }
  return found;
}

/** The files of one directory that are readable and of limits. */
export function limitsIn(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isFile() || counters.test(entry.name) || entry.name.startsWith("cgroup.")) continue;
    try {
      found.set(entry.name, readFileSync(`${directory}/${entry.name}`, "utf8").trim());
    } catch {
      // for writing only
    }
  }
  return found;
}

/** Version 2: the limits of the container's one directory. */
export function unifiedLimits(name: string): Map<string, string> {
  const directory = existsSync(`${top}/unified/${name}`) ? `${top}/unified/${name}` : `${top}/${name}`;
  const found = limitsIn(directory);
  // Whether it is there depends on who asked for it first: runc switches every controller on.
  found.delete("rdma.max");
  return found;
}

/** Whether the machine's own v2 hierarchy (alone, or beside v1) has a controller to give. */
export function hasUnified(controller: string): boolean {
  for (const directory of [`${top}/unified`, top]) {
    const file = `${directory}/cgroup.controllers`;
    if (existsSync(file)) return readFileSync(file, "utf8").trim().split(" ").includes(controller);
  }
  return false;
}
