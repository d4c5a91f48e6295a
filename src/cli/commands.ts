/**
 * The commands by name: a line for the overview and how to load the one that was asked for, so that start-up pays
 * for no other. Input: a name. Output: the command's definition.
 * @module
 */
import { UsageError } from "../errors.ts";
import type { Command } from "./command.ts";

interface Entry {
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

export const commands: Readonly<Record<string, Entry>> = {
  create: { summary: "make a container, ready to start", load: () => import("./create.ts") },
  delete: { summary: "remove a container and what was made for it", load: () => import("./delete.ts") },
  explain: { summary: "print the system calls that would make a container", load: () => import("./explain.ts") },
  features: { summary: "print what this runtime supports, as JSON", load: () => import("./features.ts") },
  help: { summary: "print the help of a command", load: () => import("./help.ts") },
  kill: { summary: "send a signal to a container", load: () => import("./kill.ts") },
  list: { summary: "list the containers", load: () => import("./list.ts") },
  run: { summary: "make and start a container, and wait for it", load: () => import("./run.ts") },
  spec: { summary: "write a config.json to start from", load: () => import("./spec.ts") },
  start: { summary: "start a container that was created", load: () => import("./start.ts") },
  state: { summary: "print the state of a container, as JSON", load: () => import("./state.ts") },
  version: { summary: "print the version", load: () => import("./version.ts") },
};

/** runc's exit code for a command it does not know; podman probes with such commands. */
const unknownCommandCode = 3;

/** Loads the command's file; an unknown name (also one that every object has) is an error. */
export function loadCommand(name: string): Promise<{ readonly command: Command }> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined)
    throw new UsageError(`Unknown command "${name}"`, ["try        bunker --help"], unknownCommandCode);
  return entry.load();
}
