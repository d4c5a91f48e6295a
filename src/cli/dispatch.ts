/**
 * From words to the one command they name. Input: argv without the program's name. Output: the exit code.
 * May import: the other files of this room.
 * @module
 */
import type { Logger } from "../log.ts";
import { asksForHelp, parseCommandLine, type Values } from "./arguments.ts";
import type { Invocation } from "./command.ts";
import { findCommand } from "./commands.ts";
import { reportFailure } from "./failure.ts";
import { globalOptions, globalsOf, parseGlobals, type Globals } from "./globals.ts";
import { printHelp } from "./help_text.ts";
import { openLog } from "./log_file.ts";
import { print } from "./output.ts";
import { runtimeOptions } from "./runtime.ts";
import { versionText } from "./version_facts.ts";

/**
 * Runs the command line; never throws. A promise only where the command gives one (help): the engine compiles
 * asynchronous functions from their text at each start.
 */
export function dispatch(words: readonly string[]): number | Promise<number> {
  const values: Values = {};
  let log: Logger | undefined;
  try {
    const at = parseGlobals(words, values);
    const globals = globalsOf(values);
    log = openLog(globals);
    const outcome = runCommand(globals, log, words.slice(at)) ?? 0;
    log.flush();
    return typeof outcome === "number" ? outcome : finish(outcome, globals, log);
  } catch (error) {
    const globals = globalsOf(values);
    try {
      log ??= openLog(globals);
    } catch {
      // It is this failure, or a lesser one than the first: standard error has to do.
    }
    return reportFailure(error, globals, log);
  }
}

/** The end of a command that takes its time. */
async function finish(outcome: Promise<void>, globals: Globals, log: Logger): Promise<number> {
  try {
    await outcome;
    return 0;
  } catch (error) {
    return reportFailure(error, globals, log);
  }
}

function runCommand(globals: Globals, log: Logger, words: readonly string[]): number | void | Promise<void> {
  if (globals.version) return print(versionText());
  const name = words[0];
  const rest = words.slice(1);
  if (name === undefined || globals.help) return printHelp(globals.help ? name : undefined);
  const command = findCommand(name);
  if (asksForHelp(command.args, rest)) return printHelp(name);
  const args = parseCommandLine(name, command.args, rest, globalOptions);
  return command.run({ args, runtime: () => runtimeOptions(globals, log), help: printHelp } as unknown as Invocation);
}
