/** `bunker create`: options in, nothing out. @module */
import { create } from "../lifecycle/create.ts";
import { defineCommand } from "./command.ts";
import { createOptions, createOptionsOf } from "./create_options.ts";

export const command = () =>
  defineCommand({
    meta: { name: "create", description: "Make a container out of a bundle; its process waits for `start`" },
    args: { id: { type: "positional", description: "name of the new container" }, ...createOptions },
    run({ args, runtime }) {
      create(runtime(), createOptionsOf(args.id!, args));
    },
  });
