/** `bunker delete`: an id in, nothing out. @module */
import { deleteContainer } from "../lifecycle/delete.ts";
import { defineCommand } from "./command.ts";

export const command = () =>
  defineCommand({
    meta: { name: "delete", description: "Remove a container and everything that was made for it" },
    args: {
      id: { type: "positional", description: "name of the container" },
      force: { type: "boolean", alias: "f", description: "kill it first if it still runs; an unknown id is no error" },
      instance: {
        type: "string",
        valueHint: "PID:STARTTIME",
        isInternal: true,
        description: "do nothing unless the container's process is this one",
      },
    },
    run({ args, runtime }) {
      deleteContainer(runtime(), args.id!, args.force === true, args.instance);
    },
  });
