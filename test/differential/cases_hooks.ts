/**
 * Variations over `hooks`: order, standard input, environment, arguments, directory, and failures.
 * @module
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type Config, type HookEntry, hookKinds } from "../support/config.ts";
import type { Bundle, Scope } from "../support/scope.ts";
import type { Case } from "./case.ts";

/**
 * A script that appends what it was given to $LOG. Runs on the machine with its sh, inside with busybox's.
 * The state is taken apart by sed: no JSON tool is in the container.
 */
const reporter = String.raw`#!/bin/sh
state=$(cat)
{
  echo "$NAME arguments: $0 $*"
  echo "$NAME status $(printf %s "$state" | sed 's/.*"status": *"\([a-z]*\)".*/\1/')"
  echo "$NAME id $(printf %s "$state" | grep -c "\"id\": *\"$ID-") bundle $(printf %s "$state" | grep -c '"bundle": *"/')"
  echo "$NAME annotations $(printf %s "$state" | grep -c '"com.example.key": *"value"')"
  echo "$NAME pid $(printf %s "$state" | grep -q '"pid": *[1-9]' && echo given || echo none)"
  echo "$NAME environment $(env | sed 's/=.*//' | sort | grep -v '^\(PWD\|OLDPWD\|SHLVL\|_\)$' | tr '\n' ' ')"
  echo "$NAME namespaces $(grep -qF "mnt $(readlink /proc/self/ns/mnt)" $OUTSIDE && echo runtime || echo container) hostname $(hostname | grep -c '^tested$')"
  echo "$NAME program $(ls /etc/hosts-of-container >/dev/null 2>&1 && echo inside || echo outside)"
} >> "$LOG" 2>&1
exit "${"$"}{STATUS:-0}"
`;

/** Writes the reporter where hooks of a kind find it and gives the hook entry. */
function hook(
  bundle: Bundle,
  scope: Scope,
  kind: string,
  number: number,
  more: Record<string, string> = {},
): HookEntry {
  const inside = kind === "startContainer";
  mkdirSync(`${bundle.rootfs}/log`, { recursive: true });
  writeFileSync(`${bundle.rootfs}/etc/hosts-of-container`, "");
  const outer = `${bundle.path}/reporter`;
  for (const path of [outer, `${bundle.rootfs}/bin/reporter`]) writeFileSync(path, reporter, { mode: 0o755 });
  const environment = {
    PATH: "/usr/bin:/bin",
    NAME: `${kind}${number}`,
    LOG: inside ? "/log/log" : `${bundle.rootfs}/log/log`,
    ID: scope.tag,
    OUTSIDE: `${scope.directory}/outside`,
    ...more,
  };
  return {
    path: inside ? "/bin/reporter" : outer,
    args: ["zero", "one", "two words"],
    env: Object.entries(environment).map(([key, value]) => `${key}=${value}`),
  };
}

const log = (bundle: Bundle): Record<string, string> => {
  const path = `${bundle.rootfs}/log/log`;
  return { log: existsSync(path) ? readFileSync(path, "utf8") : "no log" };
};

/** A case with hooks of several kinds; a kind may stand several times. */
function hooks(name: string, kinds: readonly string[], more: Partial<Case> & { fail?: string } = {}): Case {
  const { fail, ...rest } = more;
  return {
    name,
    args: ["/bin/sh", "-c", "echo program >> /log/log"],
    change: (config: Config, bundle, scope) => {
      config.annotations = { "com.example.key": "value" };
      mkdirSync(`${bundle.rootfs}/log`, { recursive: true });
      const entries: Record<string, HookEntry[]> = {};
      for (const kind of kinds) {
        const list = (entries[kind] ??= []);
        list.push(hook(bundle, scope, kind, list.length, kind === fail ? { STATUS: "3" } : {}));
      }
      config.hooks = entries;
    },
    collect: log,
    ...rest,
  };
}

export const hookCases: Case[] = [
  hooks("hooks of all kinds", hookKinds),
  hooks("two hooks of each kind, in order", [...hookKinds, ...hookKinds]),
  ...hookKinds.map((kind) => hooks(`failing ${kind} hook`, [kind, "poststop"], { fail: kind })),
  {
    name: "hook that takes longer than its timeout",
    args: ["/bin/true"],
    change: (config, _bundle, scope) => {
      const path = scope.script("slow", "exec sleep 30");
      config.hooks = { createRuntime: [{ path, timeout: 1 }] };
    },
  },
  {
    name: "hook without environment",
    args: ["/bin/true"],
    change: (config, bundle, scope) => {
      const path = scope.script("bare", `/usr/bin/env | grep -v '^PWD=' > ${bundle.rootfs}/log; true`);
      config.hooks = { createRuntime: [{ path }] };
    },
    collect: (bundle) => ({ environment: readFileSync(`${bundle.rootfs}/log`, "utf8") }),
  },
  {
    name: "hook that is not there",
    args: ["/bin/true"],
    change: (config) => {
      config.hooks = { createRuntime: [{ path: "/not/there" }] };
    },
  },
];
