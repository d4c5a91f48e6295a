/** `bunker pause`: an id in, nothing out. @module */
import { pause } from "../lifecycle/pause.ts";
import { defineCommand } from "./command.ts";

export const command = () =>
  defineCommand({
    meta: { name: "pause", description: "Stop every process of a container until resume" },
    args: { id: { type: "positional", description: "name of the container" } },
    run({ args, runtime }) {
      pause(runtime(), args.id!);
    },
  });
