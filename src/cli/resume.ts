/** `bunker resume`: an id in, nothing out. @module */
import { resume } from "../lifecycle/pause.ts";
import { defineCommand } from "./command.ts";

export const command = () =>
  defineCommand({
    meta: { name: "resume", description: "Let the processes of a paused container go on" },
    args: { id: { type: "positional", description: "name of the container" } },
    run({ args, runtime }) {
      resume(runtime(), args.id!);
    },
  });
