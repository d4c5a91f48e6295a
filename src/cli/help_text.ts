/**
 * Help texts, made by citty out of the definitions. citty is loaded only here: it brings node:util.
 * Input: the name of a command, or none. Output: text without colours (scripts read it as often as people).
 * @module
 */
import type { CommandDef } from "citty";
import type { Command, OptionDef } from "./command.ts";
import { commands, findCommand } from "./commands.ts";
import { globalOptions } from "./globals.ts";
import { print } from "./output.ts";
import { version } from "./version_facts.ts";

/** Prints one command's usage with all its options, or the overview. */
export async function printHelp(name: string | undefined): Promise<void> {
  print(name === undefined ? await overview() : await commandUsage(findCommand(name)));
}

async function commandUsage(definition: Command): Promise<string> {
  const parent: CommandDef = { meta: { name: "bunker" } };
  const { renderUsage } = await import("citty");
  const args = Object.fromEntries(Object.entries(definition.args).filter(([, option]) => !isInternal(option)));
  return plain(await renderUsage({ ...definition, args } as unknown as CommandDef, parent));
}

const isInternal = (option: OptionDef): boolean => option.isInternal === true;

async function overview(): Promise<string> {
  const subCommands = Object.fromEntries(
    Object.entries(commands).map(([name, entry]) => [name, { meta: { name, description: entry.summary } }]),
  );
  const meta = { name: "bunker", version, description: "OCI container runtime" };
  const { renderUsage } = await import("citty");
  return plain(await renderUsage({ meta, args: globalOptions, subCommands } as unknown as CommandDef));
}

function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- the escape sequences are what is removed
  return `${text
    .replaceAll(/\u001b\[[0-9;]*m/g, "")
    .replaceAll(/[ \t]+$/gm, "")
    // The word that scripts look for, as crun's and getopt's.
    .replaceAll(/^USAGE /gm, "Usage: ")
    .trimEnd()}\n`;
}
