/**
 * What of a container is to be seen from outside: its files, their locks, its process. In: a scope, an id. Out: a text
 * that changes when any of it does.
 * @module
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import type { Scope } from "./scope.ts";

/** Empty where there is no directory. */
export function visible(scope: Scope, id: string): string {
  const directory = `${scope.root}/${id}`;
  let names: string[];
  try {
    names = [".", ...readdirSync(directory).toSorted()];
  } catch {
    return "";
  }
  const locks = readFileSync("/proc/locks", "utf8");
  const files = names.map((name) => {
    const stat = statSync(`${directory}/${name}`, { throwIfNoEntry: false });
    return stat === undefined ? name : `${name} ${stat.size} ${locks.includes(`:${stat.ino} 0 EOF`)}`;
  });
  return [...files, processOf(directory)].join("\n");
}

function processOf(directory: string): string {
  try {
    const pid = readFileSync(`${directory}/state.json`, "utf8")
      .match(/"pid":\d+/g)!
      .at(-1)!
      .slice(6);
    return `${readFileSync(`/proc/${pid}/cmdline`, "latin1")} ${readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[2]}`;
  } catch {
    return "no process";
  }
}
