/**
 * What a runtime may leave on the machine, listed. In: a tag that the test put in every name. Out: cgroups,
 * processes, and a snapshot to compare before with after.
 * @module
 */
import { lstatSync, readFileSync, readdirSync, readlinkSync, rmdirSync } from "node:fs";

const cgroupRoot = "/sys/fs/cgroup";

/** Every cgroup directory below the machine's hierarchies whose path contains the tag, deepest first. */
export function cgroupsNamed(tag: string): string[] {
  const found: string[] = [];
  const walk = (directory: string): void => {
    let names: string[];
    try {
      names = readdirSync(directory, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name);
    } catch {
      return; // removed meanwhile
    }
    for (const name of names) {
      walk(`${directory}/${name}`);
      if (`${directory}/${name}`.includes(tag)) found.push(`${directory}/${name}`);
    }
  };
  walk(cgroupRoot);
  return found;
}

/** Processes of one cgroup. */
export function processesIn(cgroup: string): number[] {
  try {
    return readFileSync(`${cgroup}/cgroup.procs`, "utf8").split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Removes the cgroups of a tag, waiting for their processes to be gone. */
export async function removeCgroups(tag: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const left = cgroupsNamed(tag);
    if (left.length === 0) return;
    for (const directory of left) {
      try {
        rmdirSync(directory);
      } catch {
        // busy: a killed process is not reaped yet
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Processes that belong to the tag: named in their command line, environment, cgroup, root or executable. */
export function processesNamed(tag: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    try {
      const text = [
        readFileSync(`/proc/${pid}/cmdline`, "latin1"),
        readFileSync(`/proc/${pid}/cgroup`, "latin1"),
        readFileSync(`/proc/${pid}/environ`, "latin1"),
        readFileSync(`/proc/${pid}/mountinfo`, "latin1"),
        readlinkSync(`/proc/${pid}/cwd`),
      ].join("\n");
      if (text.includes(tag)) found.push(`${pid} ${readFileSync(`/proc/${pid}/comm`, "utf8").trim()}`);
    } catch {
      // ended meanwhile, or a kernel thread
    }
  }
  return found;
}

/** What must be the same before and after an operation that failed, or a whole life cycle. */
export interface Snapshot {
  mounts: string[];
  cgroups: string[];
  processes: string[];
  temporary: string[];
  state: string[];
}

/**
 * The machine as far as the test named by `tag` and `directory` can have changed it. The mount table is the whole
 * of this process's namespace; other tests mount in namespaces of their own only.
 */
export function snapshot(tag: string, directory: string, root: string): Snapshot {
  return {
    mounts: readFileSync("/proc/self/mountinfo", "utf8").split("\n"),
    cgroups: cgroupsNamed(tag),
    processes: [...new Set([...processesNamed(tag), ...processesNamed(directory)])],
    temporary: readdirSync("/tmp")
      // What an engine or the runtime would leave; directories of other tests (bunker-WORD-XXXXXX) come and go.
      .filter((name) => /bunker|^\.bun/i.test(name) && !/^bunker-.*-\w{6}$/.test(name))
      .toSorted(),
    state: tree(root),
  };
}

/** Every path below a directory, with what kind it is; nothing when it does not exist. */
export function tree(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, encoding: "utf8" })
      .map((name) => `${name} ${kind(`${directory}/${name}`)}`)
      .toSorted();
  } catch {
    return [];
  }
}

function kind(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "gone";
  const type = ["Directory", "SymbolicLink", "File", "CharacterDevice", "FIFO", "Socket"].find((name) =>
    stat[`is${name}` as "isDirectory"](),
  );
  return `${type ?? "other"} ${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid} ${stat.isFile() ? stat.size : ""}`;
}
