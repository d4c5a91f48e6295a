/**
 * The commands by name, with a line for the overview. Input: a name. Output: the command's definition, which is made then.
 * All are imported statically: one `import()` of a file of ours would make the bundler wrap every module in a function
 * of its own, which costs more at start-up than all these definitions.
 * @module
 */
import { UsageError } from "../errors.ts";
import type { Command } from "./command.ts";
import { command as check } from "./check.ts";
import { command as create } from "./create.ts";
import { command as deleteCommand } from "./delete.ts";
import { command as events } from "./events.ts";
import { command as exec } from "./exec.ts";
import { command as explain } from "./explain.ts";
import { command as features } from "./features.ts";
import { command as help } from "./help.ts";
import { command as kill } from "./kill.ts";
import { command as list } from "./list.ts";
import { command as pause } from "./pause.ts";
import { command as ps } from "./ps.ts";
import { command as resume } from "./resume.ts";
import { command as run } from "./run.ts";
import { command as spec } from "./spec.ts";
import { command as start } from "./start.ts";
import { command as state } from "./state.ts";
import { command as update } from "./update.ts";
import { command as version } from "./version.ts";

interface Entry {
  readonly summary: string;
  readonly command: () => Command;
}

export const commands: Readonly<Record<string, Entry>> = {
  check: { summary: "find out what this machine offers to containers", command: check },
  create: { summary: "make a container, ready to start", command: create },
  delete: { summary: "remove a container and what was made for it", command: deleteCommand },
  events: { summary: "print what a container uses, as JSON", command: events },
  exec: { summary: "run one more process in a container", command: exec },
  explain: { summary: "print the system calls that would make a container", command: explain },
  features: { summary: "print what this runtime supports, as JSON", command: features },
  help: { summary: "print the help of a command", command: help },
  kill: { summary: "send a signal to a container", command: kill },
  list: { summary: "list the containers", command: list },
  pause: { summary: "stop every process of a container", command: pause },
  ps: { summary: "list the processes of a container", command: ps },
  resume: { summary: "let a paused container go on", command: resume },
  run: { summary: "make and start a container, and wait for it", command: run },
  spec: { summary: "write a config.json to start from", command: spec },
  start: { summary: "start a container that was created", command: start },
  state: { summary: "print the state of a container, as JSON", command: state },
  update: { summary: "change the limits of a container", command: update },
  version: { summary: "print the version", command: version },
};

/** runc's exit code for a command it does not know; podman probes with such commands. */
const unknownCommandCode = 3;

/** The command's definition; an unknown name (also one that every object has) is an error. */
export function findCommand(name: string): Command {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined)
    throw new UsageError(`Unknown command "${name}"`, ["try        bunker --help"], unknownCommandCode);
  return entry.command();
}
