/**
 * The environment and the path of the user's program.
 * In: process.env, process.args. Out: envp, candidates for execve.
 * Spec: config.md#posix-process
 * @module
 */
import type { Process } from "../spec/types.ts";
import type { Context } from "./context.ts";
import type { Register } from "./types.ts";

/** What shells and other runtimes search where there is no PATH. */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * envp: of two entries for one name the later wins, in the place of the first (as runc and crun).
 * LISTEN_FDS (sd_listen_fds(3)) announces the descriptors from 3 on to the program, which is pid 1.
 * HOME: runc and crun add it when unset, from the image's /etc/passwd, and callers such as Docker rely on it. The stage
 * finds it out in the container (find_home), for a file of the image is no input of a plan.
 */
export function planEnvironment({ plan, options }: Context, process: Process): (string | Register)[] {
  const environment: (string | Register)[] = [];
  const places = new Map<string, number>();
  const set = (entry: string): void => {
    const name = entry.slice(0, entry.indexOf("="));
    const place = places.get(name) ?? environment.length;
    places.set(name, place);
    environment[place] = entry;
  };
  for (const entry of process.env ?? []) set(entry);
  if (options.listenFds > 0) {
    set(`LISTEN_FDS=${options.listenFds}`);
    set("LISTEN_PID=1");
  }
  if (!places.has("HOME")) {
    environment.push(plan.at("/process/user/uid").open("find_home", [process.user.uid], { why: "HOME is not set" }));
  }
  return environment;
}

/** Paths to try, in order, as execvp(3): a name with a slash is no matter for PATH. */
export function executableCandidates(process: Process): string[] {
  const name = process.args[0]!;
  if (name.includes("/")) return [name];
  let path = defaultPath;
  for (const entry of process.env ?? []) if (entry.startsWith("PATH=")) path = entry.slice(5);
  const candidates: string[] = [];
  for (const directory of path.split(":")) candidates.push(`${directory === "" ? "." : directory}/${name}`);
  return candidates;
}
