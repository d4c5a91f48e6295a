/** `bunker start`: an id in, nothing out. @module */
import { start } from "../lifecycle/start.ts";
import { defineCommand } from "./command.ts";

export const command = () =>
  defineCommand({
    meta: { name: "start", description: "Run the process of a created container" },
    args: { id: { type: "positional", description: "name of the container" } },
    run({ args, runtime }) {
      start(runtime(), args.id!);
    },
  });
