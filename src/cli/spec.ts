/** `bunker spec`: writes a starter config.json into a bundle. @module */
import { writeSpec } from "../lifecycle/spec_file.ts";
import { defineCommand } from "./command.ts";
import { bundleOption } from "./create_options.ts";

export const command = () =>
  defineCommand({
    meta: { name: "spec", description: "Write a config.json to start from" },
    args: {
      ...bundleOption,
      file: { type: "string", alias: "f", valueHint: "FILE", description: "write FILE in place of config.json" },
      rootless: { type: "boolean", description: "for a container without root rights" },
    },
    run({ args }) {
      writeSpec(args.bundle ?? ".", args.rootless === true, args.file);
    },
  });
