/**
 * The environment and the path of the user's program. Pure text.
 * In: process.env, process.args. Out: envp, candidates for execve.
 * Spec: config.md#posix-process
 * @module
 */
import type { Process } from "../spec/types.ts";
import type { PlanOptions } from "./host.ts";

/** What shells and other runtimes search where there is no PATH. */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * envp: of two entries for one name the later wins.
 * LISTEN_FDS (sd_listen_fds(3)) announces the descriptors from 3 on to the program, which is pid 1.
 * HOME: runc and crun add it when unset, from the image's /etc/passwd, and callers such as Docker rely on it. A file
 * of the image is no input of a plan, so the entry nearly every image has for root stands in ("/root"), and for other
 * users what runc takes when it finds none ("/").
 */
export function environmentOf(process: Process, options: PlanOptions): string[] {
  const entries = process.env ?? [];
  const seen = new Set<string>();
  const kept: string[] = [];
  if (options.listenFds > 0) {
    seen.add("LISTEN_FDS").add("LISTEN_PID");
    kept.push("LISTEN_PID=1", `LISTEN_FDS=${options.listenFds}`);
  }
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i]!;
    const name = entry.slice(0, entry.indexOf("="));
    if (seen.has(name)) continue;
    seen.add(name);
    kept.push(entry);
  }
  kept.reverse();
  if (!seen.has("HOME")) kept.push(process.user.uid === 0 ? "HOME=/root" : "HOME=/");
  return kept;
}

/** Paths to try, in order, as execvp(3): a name with a slash is no matter for PATH. */
export function executableCandidates(process: Process): string[] {
  const name = process.args[0]!;
  if (name.includes("/")) return [name];
  let path = defaultPath;
  for (const entry of process.env ?? []) if (entry.startsWith("PATH=")) path = entry.slice(5);
  return path.split(":").map((directory) => `${directory === "" ? "." : directory}/${name}`);
}
