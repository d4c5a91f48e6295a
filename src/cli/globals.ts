/**
 * The options that stand before the command, the same for every command.
 * Input: the words before the command. Output: Globals. Pure.
 * @module
 */
import { parseLeadingOptions, type OptionTable, type Values } from "./arguments.ts";

export const globalOptions = {
  root: {
    type: "string",
    valueHint: "DIR",
    description: "where containers' state is kept (default: /run/bunker, or $XDG_RUNTIME_DIR/bunker when not root)",
  },
  log: {
    type: "string",
    valueHint: "FILE",
    description: "write the log to FILE; without --debug that is the final error only",
  },
  "log-format": { type: "enum", options: ["text", "json"], default: "text", description: "form of the log" },
  debug: { type: "boolean", description: "log what is done and why" },
  "log-level": {
    type: "enum",
    options: ["debug", "warning", "error"],
    description: "debug: same as --debug; the others say no less than without",
  },
  "systemd-cgroup": { type: "boolean", description: "let systemd make the cgroup, same as --cgroup-manager systemd" },
  "cgroup-manager": {
    type: "enum",
    options: ["cgroupfs", "systemd", "disabled"],
    description: "who makes the container's cgroup",
  },
  rootless: {
    type: "enum",
    options: ["auto", "true", "false"],
    default: "auto",
    bare: "true",
    description: "accepted for compatibility: found out by itself",
  },
  version: { type: "boolean", alias: "v", description: "print the version" },
  help: { type: "boolean", alias: "h", description: "print this text, or that of a command" },
} as const satisfies OptionTable;

/** Values of the options before the command. */
export interface Globals {
  readonly root: string | undefined;
  readonly log: string | undefined;
  readonly logFormat: "text" | "json";
  readonly debug: boolean;
  readonly cgroupManager: "cgroupfs" | "systemd" | "disabled";
  readonly version: boolean;
  readonly help: boolean;
}

/** Parses the words before the command into `values`; returns the index of the command's name. */
export function parseGlobals(words: readonly string[], values: Values): number {
  return parseLeadingOptions(globalOptions, words, values).end;
}

/**
 * Globals out of raw values, also of a command line that broke off half-way.
 * --cgroup-manager says more than --systemd-cgroup, so it wins: podman passes both for `--cgroups=disabled`.
 */
export function globalsOf(values: Values): Globals {
  const manager = values["cgroup-manager"] as Globals["cgroupManager"] | undefined;
  return {
    root: values.root as string | undefined,
    log: values.log as string | undefined,
    logFormat: values["log-format"] === "json" ? "json" : "text",
    debug: values.debug === true || values["log-level"] === "debug",
    cgroupManager: manager ?? (values["systemd-cgroup"] === true ? "systemd" : "cgroupfs"),
    version: values.version === true,
    help: values.help === true,
  };
}
