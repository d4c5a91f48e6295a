/** `bunker explain`: a bundle in, the plan as text or JSON out. Needs no root. @module */
import { UsageError } from "../errors.ts";
import { explain } from "../lifecycle/explain.ts";
import { writeJson } from "../spec/json.ts";
import { defineCommand } from "./command.ts";
import { createOptions, createOptionsOf } from "./create_options.ts";
import { print } from "./output.ts";

export const command = () =>
  defineCommand({
    meta: { name: "explain", description: "Print every system call that would make a container, and what asks for it" },
    args: {
      directory: { type: "positional", required: false, description: "the bundle's directory, same as --bundle" },
      id: { type: "string", default: "example", valueHint: "ID", description: "name the container would have" },
      json: { type: "boolean", description: "print the plan as JSON" },
      ...createOptions,
    },
    run({ args, runtime }) {
      if (args.directory !== undefined && args.bundle !== undefined) {
        throw new UsageError(`Two bundles given: "${args.directory}" and --bundle "${args.bundle}"`);
      }
      const bundle = args.directory ?? args.bundle;
      const { json, text } = explain(runtime(), createOptionsOf(args.id, { ...args, bundle }));
      print(args.json === true ? `${writeJson(json, 2)}\n` : text);
    },
  });
