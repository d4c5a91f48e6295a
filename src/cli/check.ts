/** `bunker check`: what this machine offers to containers, as a table or as JSON; exit code 1 where none can be run. @module */
import type { Finding } from "../host/finding.ts";
import { check, type Report } from "../lifecycle/check.ts";
import { defineCommand } from "./command.ts";
import { print } from "./output.ts";

export const command = () =>
  defineCommand({
    meta: { name: "check", description: "Find out what this machine offers to containers, and what is missing" },
    args: {
      json: { type: "boolean", description: "print everything as JSON" },
    },
    run({ args, runtime }) {
      const report = check(runtime());
      print(args.json === true ? `${JSON.stringify(report, null, 2)}\n` : table(report));
      return report.canRun ? 0 : 1;
    },
  });

const signs: Readonly<Record<Finding["state"], string>> = { yes: "yes", no: "no", unknown: "?", info: "" };

/** A block a group; the verdict comes last, where the eye is. */
function table({ canRun, reasons, findings }: Report): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  let text = "";
  let group = "";
  for (const finding of findings) {
    if (finding.group !== group) {
      group = finding.group;
      text += `${text === "" ? "" : "\n"}${group}\n`;
    }
    const rest = [finding.value, finding.cost].filter(Boolean).join("; ");
    text += `  ${finding.name.padEnd(width)}  ${signs[finding.state].padEnd(3)}  ${rest}`.trimEnd();
    text += "\n";
  }
  text += canRun ? "\nContainers can be run here.\n" : "\nContainers cannot be run here:\n";
  for (const reason of reasons) text += `  ${reason}\n`;
  return text;
}
