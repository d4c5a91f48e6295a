/** `bunker list`: the containers as a table, as JSON or as bare ids. @module */
import { list } from "../lifecycle/list.ts";
import type { ListedView } from "../lifecycle/types.ts";
import { defineCommand } from "./command.ts";
import { print } from "./output.ts";

export const command = () =>
  defineCommand({
    meta: { name: "list", description: "List the containers below --root" },
    args: {
      format: {
        type: "enum",
        alias: "f",
        options: ["table", "json"],
        default: "table",
        description: "form of the output",
      },
      quiet: { type: "boolean", alias: "q", description: "print the ids only" },
    },
    run({ args, runtime }) {
      const views = list(runtime());
      if (args.quiet === true) print(views.map((view) => `${view.id}\n`).join(""));
      else if (args.format === "json") print(`${JSON.stringify(views)}\n`);
      else print(table(views));
    },
  });

/** runc's columns and spacing (Go's tabwriter: cells at least 12 wide, 3 spaces after the longest). */
function table(views: readonly ListedView[]): string {
  const rows = [
    ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"],
    ...views.map((view) => [view.id, String(view.pid), view.status, view.bundle, view.created, view.owner]),
  ];
  const last = rows[0]!.length - 1;
  const widths = rows[0]!.map((_, column) => Math.max(12, ...rows.map((row) => row[column]!.length + 3)));
  return rows
    .map((row) => row.map((cell, column) => (column === last ? cell : cell.padEnd(widths[column]!))).join(""))
    .map((line) => `${line}\n`)
    .join("");
}
