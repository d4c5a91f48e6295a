/** `bunker run`: options in; the container's exit code out, unless detached. @module */
import { run } from "../lifecycle/run.ts";
import { defineCommand } from "./command.ts";
import { createOptions, createOptionsOf } from "./create_options.ts";

export const command = () =>
  defineCommand({
    meta: { name: "run", description: "Make a container out of a bundle, start it, wait for it and delete it" },
    args: {
      id: { type: "positional", description: "name of the new container" },
      detach: { type: "boolean", alias: "d", description: "return once the container's process runs" },
      keep: { type: "boolean", description: "do not delete the container when its process ends" },
      ...createOptions,
    },
    run({ args, runtime }) {
      return run(runtime(), {
        ...createOptionsOf(args.id!, args),
        detach: args.detach === true,
        keep: args.keep === true,
        noSubreaper: args["no-subreaper"] === true,
      });
    },
  });
