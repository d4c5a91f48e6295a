/** `bunker delete`: an id in, nothing out. @module */
import { deleteContainer } from "../lifecycle/delete.ts";
import { defineCommand } from "./command.ts";
import { onMatching, regexOption } from "./matching.ts";

export const command = () =>
  defineCommand({
    meta: { name: "delete", description: "Remove a container and everything that was made for it" },
    args: {
      id: { type: "positional", description: "name of the container" },
      ...regexOption,
      force: { type: "boolean", alias: "f", description: "kill it first if it still runs; an unknown id is no error" },
      instance: {
        type: "string",
        valueHint: "PID:STARTTIME",
        isInternal: true,
        description: "do nothing unless the container's process is this one",
      },
    },
    run({ args, runtime }) {
      const rt = runtime();
      onMatching(rt.root, args.id!, args.regex === true, (id) =>
        deleteContainer(rt, id, args.force === true, args.instance),
      );
    },
  });
