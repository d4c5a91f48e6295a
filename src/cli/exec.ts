/** `bunker exec`: an id, a command and what differs for it in; its exit code out, unless detached. @module */
import { BunkerError, UsageError } from "../errors.ts";
import { exec } from "../lifecycle/exec.ts";
import type { ExecOptions, SubCgroup } from "../lifecycle/types.ts";
import { defineCommand } from "./command.ts";
import { consoleOptions, parseCount } from "./create_options.ts";

/** As runc: callers tell the command's own failures from the runtime's by it. */
const failureCode = 255;
/** 2^32-1 is no id: setresuid(2) reads it as "unchanged" (CVE-2024-40635's class). */
const maxId = 0xffff_fffe;

export const command = () =>
  defineCommand({
    meta: { name: "exec", description: "Run one more process in a container" },
    args: {
      id: { type: "positional", description: "name of the container" },
      command: { type: "positional", required: false, rest: true, description: "the program and its arguments" },
      process: {
        type: "string",
        alias: "p",
        valueHint: "FILE",
        description:
          "read the process from FILE, JSON like `process` of config.json; options given beside it change it",
      },
      tty: { type: "boolean", alias: "t", description: "give it a terminal" },
      detach: { type: "boolean", alias: "d", description: "return once it runs" },
      ...consoleOptions,
      user: { type: "string", alias: "u", valueHint: "UID[:GID]", description: "run as this user of the container" },
      "additional-gids": {
        type: "string",
        alias: "g",
        valueHint: "GID",
        repeats: true,
        description: "one more group, may be repeated",
      },
      cap: {
        type: "string",
        alias: "c",
        valueHint: "CAP_NAME",
        repeats: true,
        description: "one more capability, may be repeated",
      },
      env: {
        type: "string",
        alias: "e",
        valueHint: "NAME=VALUE",
        repeats: true,
        description: "one more environment variable, may be repeated",
      },
      cwd: { type: "string", valueHint: "DIR", description: "working directory in the container" },
      cgroup: {
        type: "string",
        valueHint: "[CONTROLLER:]PATH",
        repeats: true,
        description: "a cgroup below the container's to run in; with cgroup version 1 one a controller",
      },
      "no-new-privs": { type: "boolean", description: "it and its children never gain privileges" },
      "ignore-paused": { type: "boolean", description: "into a paused container too; it runs once that is resumed" },
      "process-label": { type: "string", valueHint: "LABEL", mayBeEmpty: true, description: "SELinux label" },
      apparmor: { type: "string", valueHint: "PROFILE", mayBeEmpty: true, description: "AppArmor profile" },
    },
    run({ args, runtime }) {
      try {
        return exec(runtime(), optionsOf(args.id!, args));
      } catch (error) {
        if (error instanceof BunkerError) error.exitCode = failureCode;
        throw error;
      }
    },
  });

type Given = Readonly<Record<string, unknown>>;

function optionsOf(id: string, args: Given): ExecOptions {
  const text = (name: string): string | undefined => args[name] as string | undefined;
  const list = (name: string): readonly string[] => (args[name] as readonly string[] | undefined) ?? [];
  const flag = (name: string): true | undefined => (args[name] === true ? true : undefined);
  const command = list("command");
  const process = text("process");
  if (process === undefined && command.length === 0) {
    throw new UsageError('"exec" requires a command, or --process', ["try        bunker exec --help"]);
  }
  const cwd = text("cwd");
  if (cwd !== undefined && !cwd.startsWith("/")) {
    throw new UsageError(`Invalid value "${cwd}" for --cwd: an absolute path`);
  }
  return defined({
    id,
    processFile: process,
    changes: defined({
      args: command.length === 0 ? undefined : command,
      terminal: flag("tty"),
      user: parseUser(text("user")),
      additionalGids: ids("--additional-gids", list("additional-gids")),
      capabilities: list("cap"),
      env: variables(list("env")),
      cwd,
      noNewPrivileges: flag("no-new-privs"),
      // Empty: none.
      selinuxLabel: text("process-label") === "" ? undefined : text("process-label"),
      apparmorProfile: text("apparmor") === "" ? undefined : text("apparmor"),
    }),
    detach: args["detach"] === true,
    ignorePaused: args["ignore-paused"] === true,
    pidFile: text("pid-file"),
    pidfdSocket: text("pidfd-socket"),
    consoleSocket: text("console-socket"),
    preserveFds: parseCount("--preserve-fds", text("preserve-fds")),
    cgroups: subCgroups(list("cgroup")),
  });
}

/** Without the properties that are undefined. */
function defined<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T {
  const result = {} as T;
  for (const key in value) if (value[key] !== undefined) result[key] = value[key] as T[typeof key];
  return result;
}

/** Digits only, within what an id can be (CVE-2026-30892: `exec -u 1` that ran as root). */
function parseId(option: string, text: string, digits: string): number {
  let id = digits === "" || digits.length > 10 ? Number.NaN : 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = digits.charCodeAt(at) - 0x30;
    id = digit >= 0 && digit <= 9 ? id * 10 + digit : Number.NaN;
  }
  if (!(id <= maxId)) throw new UsageError(`Invalid value "${text}" for ${option}: a number from 0 to ${maxId}`);
  return id;
}

function parseUser(text: string | undefined): { uid: number; gid?: number } | undefined {
  if (text === undefined) return undefined;
  const colon = text.indexOf(":");
  const uid = parseId("--user", text, colon < 0 ? text : text.slice(0, colon));
  return colon < 0 ? { uid } : { uid, gid: parseId("--user", text, text.slice(colon + 1)) };
}

function ids(option: string, texts: readonly string[]): number[] {
  const numbers: number[] = [];
  for (const text of texts) numbers.push(parseId(option, text, text));
  return numbers;
}

function variables(entries: readonly string[]): readonly string[] {
  for (const entry of entries) {
    if (entry.indexOf("=") <= 0) throw new UsageError(`Invalid value "${entry}" for --env: NAME=VALUE`);
  }
  return entries;
}

/** As runc: "PATH" alone for every hierarchy, or "CONTROLLER[,CONTROLLER…]:PATH" for each of some. */
function subCgroups(texts: readonly string[]): SubCgroup[] {
  const cgroups: SubCgroup[] = [];
  const invalid = (text: string, why: string): UsageError =>
    new UsageError(`Invalid value "${text}" for --cgroup: ${why}`);
  for (const text of texts) {
    const parts = text.split(":");
    const path = parts[parts.length - 1]!;
    if (parts.length > 2) throw invalid(text, "PATH or CONTROLLER:PATH");
    if (path.split("/").includes("..")) throw invalid(text, "a path below the container's cgroup");
    if (parts.length === 1) {
      if (texts.length > 1) throw invalid(text, "CONTROLLER:PATH, where there are several");
      cgroups.push({ controllers: [], path });
      continue;
    }
    const controllers = parts[0]!.split(",");
    for (const name of controllers) {
      if (name === "") throw invalid(text, "a controller before the colon");
      for (const earlier of cgroups) {
        if (earlier.controllers.includes(name)) throw invalid(text, `controller "${name}" only once`);
      }
    }
    cgroups.push({ controllers, path });
  }
  return cgroups;
}
