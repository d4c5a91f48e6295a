/** `bunker events`: an id in, lines of JSON out. @module */
import { UsageError } from "../errors.ts";
import { events, stats } from "../lifecycle/events.ts";
import { defineCommand } from "./command.ts";
import { print } from "./output.ts";

export const command = () =>
  defineCommand({
    meta: { name: "events", description: "Print what a container uses, and when its memory ran out, as JSON" },
    args: {
      id: { type: "positional", description: "name of the container" },
      stats: { type: "boolean", description: "print what it uses now, and end" },
      interval: { type: "string", valueHint: "TIME", default: "5s", description: "time between two lines" },
    },
    run({ args, runtime }) {
      const interval = milliseconds(args.interval);
      if (args.stats === true) stats(runtime(), args.id!, print);
      else events(runtime(), args.id!, interval, print);
    },
  });

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** "5s", "1m30s", "0.5s", as runc's (Go's) durations. */
function milliseconds(text: string): number {
  let sum = 0;
  const rest = text.replaceAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g, (_, number: string, unit: string) => {
    sum += Number(number) * units[unit]!;
    return "";
  });
  if (rest !== "" || sum < 1)
    throw new UsageError(`Invalid value "${text}" for --interval: a time such as 5s or 500ms`);
  return Math.round(sum);
}
