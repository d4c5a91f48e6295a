/**
 * Where the containers' state directories are: the same answer for every command with the same environment.
 * Input: --root, the environment, the user. Output: an absolute path.
 * @module
 */
import { AT_FDCWD, environment, readText, sys } from "../stage/sys.ts";
import { absolutePath } from "./paths.ts";

/** For root on the machine itself, and whoever has no directory of their own. */
const systemRoot = "/run/bunker";

/** What decides about the root, apart from --root. */
export interface RootFacts {
  readonly runtimeDir: string | undefined;
  /** Root in the initial user namespace: not the root that a user is within a namespace of their own. */
  readonly isMachineRoot: () => boolean;
}

/** The root directory of the state, absolute; not made yet. */
export function findRoot(given: string | undefined): string {
  const facts: RootFacts = { runtimeDir: environment("XDG_RUNTIME_DIR"), isMachineRoot };
  return given === undefined ? defaultRoot(facts) : absolutePath(given);
}

/**
 * The rule without --root. The machine's root always uses /run/bunker: callers give its `create` and its `delete`
 * different values of XDG_RUNTIME_DIR (podman's is set but empty), and both must find the same container.
 * A relative XDG_RUNTIME_DIR counts as unset, as its specification says.
 */
export function defaultRoot(facts: RootFacts): string {
  const directory = facts.runtimeDir ?? "";
  if (!directory.startsWith("/") || facts.isMachineRoot()) return systemRoot;
  return absolutePath(`${directory}/bunker`);
}

function isMachineRoot(): boolean {
  if (sys("geteuid") !== 0) return false;
  const map = readText(AT_FDCWD, "/proc/self/uid_map");
  return /^\s*0\s+0\s+4294967295\s*$/.test(map);
}
