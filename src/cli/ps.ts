/** `bunker ps`: an id in, its processes as a table or as JSON out. @module */
import { linesOfPs, pidsOf, type ProcessRow, processesOf } from "../lifecycle/ps.ts";
import { defineCommand } from "./command.ts";
import { print } from "./output.ts";

export const command = () =>
  defineCommand({
    meta: { name: "ps", description: "List the processes of a container" },
    args: {
      id: { type: "positional", description: "name of the container" },
      "ps-options": {
        type: "positional",
        required: false,
        rest: true,
        description: "options of ps(1), instead of -ef; a column PID has to be among what it prints",
      },
      format: {
        type: "enum",
        alias: "f",
        options: ["table", "json"],
        default: "table",
        description: "form of the output; json: an array of pids",
      },
    },
    run({ args, runtime }) {
      const options = (args["ps-options"] ?? []) as readonly string[];
      if (args.format === "json") print(`${JSON.stringify(pidsOf(runtime(), args.id!))}\n`);
      else if (options.length > 0) print(`${linesOfPs(runtime(), args.id!, options).join("\n")}\n`);
      else print(table(processesOf(runtime(), args.id!)));
    },
  });

/** The columns of `ps -ef`. */
function table(rows: readonly ProcessRow[]): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const clock = (seconds: number): string =>
    `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const startOf = (started: number): string => {
    const date = new Date(started);
    const isToday = date.toDateString() === new Date().toDateString();
    return isToday
      ? `${two(date.getHours())}:${two(date.getMinutes())}`
      : date.toDateString().slice(4, 10).replace(" ", "");
  };
  const lines = [["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]];
  for (const { uid, pid, ppid, usage, started, terminal, time, command: words } of rows) {
    lines.push([uid, String(pid), String(ppid), String(usage), startOf(started), terminal, clock(time), words]);
  }
  return lines
    .map(([uid, pid, ppid, usage, started, tty, time, words]) =>
      [
        uid!.padEnd(8),
        pid!.padStart(7),
        ppid!.padStart(7),
        usage!.padStart(2),
        started!.padEnd(5),
        tty!.padEnd(8),
        time!.padStart(8),
        words,
      ].join(" "),
    )
    .map((line) => `${line}\n`)
    .join("");
}
