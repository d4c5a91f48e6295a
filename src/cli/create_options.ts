/**
 * The options `create`, `run` and `explain` share. Input: parsed values. Output: CreateOptions.
 * @module
 */
import { UsageError } from "../errors.ts";
import type { CreateOptions } from "../lifecycle/types.ts";
import type { OptionTable } from "./arguments.ts";

export const bundleOption = {
  bundle: {
    type: "string",
    alias: "b",
    valueHint: "DIR",
    description: "the bundle's directory (default: the working directory)",
  },
} as const satisfies OptionTable;

/** What concerns the process alone: `exec` has them too. */
export const consoleOptions = {
  "pid-file": { type: "string", valueHint: "FILE", description: "write the pid of the process to FILE" },
  "pidfd-socket": {
    type: "string",
    valueHint: "SOCKET",
    description: "send a descriptor of the process to this unix socket",
  },
  "console-socket": {
    type: "string",
    valueHint: "SOCKET",
    description: "send the terminal's master to this unix socket",
  },
  "preserve-fds": {
    type: "string",
    valueHint: "N",
    description: "pass N more file descriptors, from 3 (or after LISTEN_FDS) on",
  },
} as const satisfies OptionTable;

export const createOptions = {
  ...bundleOption,
  config: {
    type: "string",
    alias: "f",
    valueHint: "FILE",
    description: "read FILE in place of the bundle's config.json",
  },
  ...consoleOptions,
  "no-pivot": {
    type: "boolean",
    description: "move the root into place instead of pivot_root (for a root on an initramfs)",
  },
  "no-new-keyring": { type: "boolean", description: "keep the caller's session keyring" },
  "no-subreaper": { type: "boolean", description: "do not adopt orphans of the container while waiting for it" },
} as const satisfies OptionTable;

/** Ours: more than this is a mistake, and far above any default limit on open files. */
const maxPreserveFds = 65536;

/** The lifecycle's options out of the parsed values. */
export function createOptionsOf(id: string, args: Readonly<Record<string, unknown>>): CreateOptions {
  const config = args.config as string | undefined;
  const pidfdSocket = args["pidfd-socket"] as string | undefined;
  const pidFile = args["pid-file"] as string | undefined;
  const consoleSocket = args["console-socket"] as string | undefined;
  return {
    id,
    bundle: (args.bundle as string | undefined) ?? ".",
    ...(config === undefined ? {} : { config }),
    ...(pidFile === undefined ? {} : { pidFile }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    noPivot: args["no-pivot"] === true,
    noNewKeyring: args["no-new-keyring"] === true,
    preserveFds: parseCount("--preserve-fds", args["preserve-fds"] as string | undefined),
  };
}

/** A number of descriptors; 0 where none is given. */
export function parseCount(option: string, text: string | undefined): number {
  if (text === undefined) return 0;
  const count = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count <= maxPreserveFds)) {
    throw new UsageError(`Invalid value "${text}" for ${option}: a number from 0 to ${maxPreserveFds}`);
  }
  return count;
}
