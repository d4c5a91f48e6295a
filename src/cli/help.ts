/** `bunker help`: the name of a command in, its help out; the texts are made in help_text.ts. @module */
import { defineCommand } from "./command.ts";

export const command = () =>
  defineCommand({
    meta: { name: "help", description: "Print the help of bunker or of one command" },
    args: { command: { type: "positional", required: false, description: "the command to explain" } },
    run({ args, help }) {
      return help(args.command);
    },
  });
