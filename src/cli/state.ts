/** `bunker state`: an id in, the state as JSON out. @module */
import { state } from "../lifecycle/state.ts";
import { defineCommand } from "./command.ts";
import { print } from "./output.ts";

export const command = () =>
  defineCommand({
    meta: { name: "state", description: "Print the state of a container, as JSON" },
    args: { id: { type: "positional", description: "name of the container" } },
    run({ args, runtime }) {
      print(`${JSON.stringify(state(runtime(), args.id!), null, 2)}\n`);
    },
  });
