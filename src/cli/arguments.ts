/**
 * The strict command line parser: option table and words in, values out, or one error that names the option.
 * Input: citty option definitions, argv. Output: values by option name. Pure.
 *
 * Accepted as runc accepts them: `--name value`, `--name=value`, and the same with a single dash (`-no-subreaper`,
 * `-root x`), short aliases (`-b x`), `--flag=false`. Options may also follow the arguments; `--` ends them, and so
 * does the first argument where the last one takes the rest (the command line of another program).
 * citty's own parser is not used: it ignores unknown options and reads `--no-pivot` as "pivot: false".
 * @module
 */
import { UsageError } from "../errors.ts";
import type { OptionDef } from "./command.ts";

/** Option table of one command, or of the words before the command. */
export type OptionTable = Readonly<Record<string, OptionDef>>;

/** Values by option or argument name. */
export type Values = Record<string, string | boolean | string[] | undefined>;

/** Result of parsing: the values and where parsing ended. */
export interface Parsed {
  readonly values: Values;
  /** Index of the first word that was not read: the command's name, or the number of words. */
  readonly end: number;
}

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  t: true,
  "1": true,
  TRUE: true,
  True: true,
  T: true,
  false: false,
  f: false,
  "0": false,
  FALSE: false,
  False: false,
  F: false,
};

/**
 * Reads options until the first word that is not one: for what stands before the command.
 * `values` is filled as far as parsing comes, so that an error can still go to the --log given before it.
 */
export function parseLeadingOptions(table: OptionTable, words: readonly string[], values: Values): Parsed {
  let at = 0;
  while (at < words.length) {
    const word = words[at]!;
    if (!isOption(word)) break;
    at = readOption(table, words, at, values, "", {});
  }
  return { values: withDefaults(table, values), end: at };
}

/** Reads all of a command's words; `elsewhere` are the options that stand before the command, for the hint. */
export function parseCommandLine(
  name: string,
  table: OptionTable,
  words: readonly string[],
  elsewhere: OptionTable,
): Values {
  const values: Values = {};
  const given: string[] = [];
  const endsEarly = takesRest(table);
  let at = 0;
  while (at < words.length) {
    const word = words[at]!;
    const isArgument = !isOption(word);
    if (word === "--" || (isArgument && endsEarly)) {
      if (!isArgument) at++;
      while (at < words.length) given.push(words[at++]!);
      break;
    }
    if (!isArgument) at = readOption(table, words, at, values, name, elsewhere);
    else {
      given.push(word);
      at++;
    }
  }
  fillArguments(name, table, given, values);
  return withDefaults(table, values);
}

/** True if these words ask for help rather than for work. */
export function asksForHelp(table: OptionTable, words: readonly string[]): boolean {
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--" || (!isOption(word) && takesRest(table))) return false;
    if (word === "-h" || word === "-help" || word === "--help") return true;
    // A value is not an option, whatever it looks like.
    if (isOption(word) && !word.includes("=")) {
      const key = findOption(table, withoutDashes(word));
      if (key !== undefined && takesValue(table[key]!)) at++;
    }
  }
  return false;
}

/** "-" alone is an argument (standard input), as everywhere. */
function isOption(word: string): boolean {
  return word.length > 1 && word.startsWith("-");
}

function takesRest(table: OptionTable): boolean {
  for (const name in table) if (table[name]!.rest === true) return true;
  return false;
}

/** The name of an option: one dash means the same as two. */
function withoutDashes(word: string): string {
  return word.slice(word.startsWith("--") ? 2 : 1);
}

function takesValue(option: OptionDef): boolean {
  return option.type !== "boolean" && option.bare === undefined;
}

/** The table's key for an option as written, or its alias. */
function findOption(table: OptionTable, name: string): string | undefined {
  for (const key in table) {
    const option = table[key]!;
    if (option.type === "positional") continue;
    if (key === name || ("alias" in option && option.alias === name)) return key;
  }
  return undefined;
}

/** Reads the option at `at` with its value; returns the index after it. */
function readOption(
  table: OptionTable,
  words: readonly string[],
  at: number,
  values: Values,
  command: string,
  elsewhere: OptionTable,
): number {
  const word = words[at]!;
  const equals = word.indexOf("=");
  const shown = equals < 0 ? word : word.slice(0, equals);
  const name = withoutDashes(shown);
  const key = findOption(table, name);
  if (key === undefined) throw unknownOption(shown, command, elsewhere);
  const option = table[key]!;
  const inline = equals < 0 ? undefined : word.slice(equals + 1);
  if (option.type === "boolean") {
    const truth = inline === undefined ? true : truths[inline];
    if (truth === undefined) throw wrongValue("boolean value", inline!, shown, ["true or false"]);
    values[key] = truth;
    return at + 1;
  }
  let value = inline ?? option.bare;
  let next = at + 1;
  if (value === undefined) {
    value = words[next++];
    if (value === undefined) throw valueMissing(shown);
  }
  if (value === "" && option.mayBeEmpty !== true) throw emptyValue(shown);
  const choices = "options" in option ? option.options : undefined;
  if (choices !== undefined && !choices.includes(value)) {
    throw wrongValue("value", value, shown, choices);
  }
  if (option.repeats === true) values[key] = [...((values[key] as string[] | undefined) ?? []), value];
  else values[key] = value;
  return next;
}

// The errors, apart from what every start enters: a function's text costs when it is entered, whether it is needed or not.

function wrongValue(what: string, value: string, shown: string, choices: readonly string[]): UsageError {
  return new UsageError(`Invalid ${what} "${value}" for ${shown}: ${choices.join(", ")}`);
}

/** podman's probes and people's habits match on these words. */
function valueMissing(shown: string): UsageError {
  return new UsageError(`flag needs an argument: ${shown}`);
}

function emptyValue(shown: string): UsageError {
  return new UsageError(`Empty value for ${shown}`);
}

function unknownOption(shown: string, command: string, elsewhere: OptionTable): UsageError {
  const of = command === "" ? "" : ` of "${command}"`;
  const detail = [`try        bunker ${command === "" ? "" : `${command} `}--help`];
  if (findOption(elsewhere, withoutDashes(shown)) !== undefined) {
    detail.unshift(`because    ${shown} is a global option: it stands before the command`);
  }
  return new UsageError(`Unknown option${of}: ${shown}`, detail);
}

function fillArguments(name: string, table: OptionTable, given: string[], values: Values): void {
  const wanted: string[] = [];
  for (const key in table) if (table[key]!.type === "positional") wanted.push(key);
  const last = wanted[wanted.length - 1];
  if (last !== undefined && table[last]!.rest === true) {
    const rest = given.splice(wanted.length - 1);
    // As people write it for other programs that run programs; none is called so.
    if (rest[0] === "--") rest.shift();
    values[last] = rest;
    wanted.pop();
  }
  if (given.length > wanted.length) {
    throw argumentError(name, `Unexpected argument of "${name}": "${given[wanted.length]}"`);
  }
  for (let i = 0; i < wanted.length; i++) {
    const key = wanted[i]!;
    const option = table[key]!;
    const value = given[i];
    if (value !== undefined) values[key] = value;
    else if (option.required !== false && option.default === undefined) {
      throw argumentError(name, `"${name}" requires an argument: ${key.toUpperCase()}`);
    }
  }
}

function argumentError(name: string, message: string): UsageError {
  return new UsageError(message, [`try        bunker ${name} --help`]);
}

function withDefaults(table: OptionTable, values: Values): Values {
  for (const key in table) {
    const option = table[key]!;
    values[key] ??= option.default ?? (option.type === "boolean" ? false : undefined);
  }
  return values;
}
