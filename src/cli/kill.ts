/** `bunker kill`: an id and a signal in, nothing out. @module */
import { kill } from "../lifecycle/kill.ts";
import { parseSignal } from "../lifecycle/signals.ts";
import { defineCommand } from "./command.ts";
import { onMatching, regexOption } from "./matching.ts";

export const command = () =>
  defineCommand({
    meta: { name: "kill", description: "Send a signal to a container's first process" },
    args: {
      id: { type: "positional", description: "name of the container" },
      signal: { type: "positional", default: "TERM", description: "number, name with or without SIG, or RTMIN+n" },
      ...regexOption,
      all: { type: "boolean", alias: "a", description: "send it to every process of the container" },
    },
    run({ args, runtime }) {
      const rt = runtime();
      const signal = parseSignal(args.signal);
      onMatching(rt.root, args.id!, args.regex === true, (id) => kill(rt, id, signal, args.all === true));
    },
  });
