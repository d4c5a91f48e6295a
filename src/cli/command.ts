/**
 * What a command file exports: a citty command definition whose options our own strict parser fills in.
 * Input: option tables. Output: typed definitions. Only citty's types are imported: its code would load node:util.
 * @module
 */
import type { ArgDef, ArgsDef, CommandMeta, ParsedArgs } from "citty";
import type { RuntimeOptions } from "../lifecycle/types.ts";

/** An option as citty defines it, and what citty does not know. */
export type OptionDef = ArgDef & {
  /** Value of an option given without one (`--rootless`). */
  readonly bare?: string;
  /** May be given several times: its values are an array. */
  readonly repeats?: boolean;
  /** An empty value is one. */
  readonly mayBeEmpty?: boolean;
  /** For bunker itself: help does not tell of it. */
  readonly isInternal?: boolean;
  /** An argument that takes all words from here on, options of another program among them: the first ends ours. */
  readonly rest?: boolean;
};

/** What a command's `run` receives: its own options and arguments, and those of the runtime when it wants them. */
export interface Invocation<T extends ArgsDef = ArgsDef> {
  readonly args: ParsedArgs<T>;
  readonly runtime: () => RuntimeOptions;
  /** Prints the help of a command, or the overview; handed in, for it needs the commands themselves. */
  readonly help: (name: string | undefined) => Promise<void>;
}

/** One command; `run` returns the exit code, nothing for 0. */
export interface Command<T extends ArgsDef = ArgsDef> {
  readonly meta: CommandMeta & { readonly name: string; readonly description: string };
  readonly args: T;
  run(invocation: Invocation<T>): number | void | Promise<void>;
}

/** Types a command's `run` by its own option table. */
export function defineCommand<const T extends Record<string, OptionDef>>(command: Command<T>): Command {
  return command as unknown as Command;
}
