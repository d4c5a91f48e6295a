/**
 * `npm run differential`: runs every case by bunker, runc and crun and prints a table of all differences with
 * their explanations. In: words of the command line select cases by name; `--raw` prints one runtime's views.
 * Ends with 1 when a difference has no explanation or something was left behind.
 * @module
 */
import { missing } from "../support/machine.ts";
import { bunker, peer } from "../support/runtime.ts";
import { cases } from "./cases.ts";
import { explanation, knownDifferences } from "./known_differences.ts";
import { runCase } from "./run.ts";
import { compareViews } from "./view.ts";

const words = process.argv.slice(2);
const raw = words.includes("--raw");
const filters = words.filter((word) => !word.startsWith("--"));

const reason = missing("root", "busybox", "cgroup2");
if (reason !== undefined) {
  console.log(`differential: skipped, ${reason}`);
  process.exit(0);
}

const ours = bunker();
const peers = [peer("runc"), peer("crun")].filter((runtime) => runtime !== undefined);
for (const name of ["runc", "crun"] as const) {
  if (peer(name) === undefined) console.log(`${name}: ${missing(name)}, left out`);
}

const used = new Set<unknown>();
let unexplained = 0;
let explained = 0;
let left = 0;
const selected = cases.filter(({ name }) => filters.length === 0 || filters.some((word) => name.includes(word)));
for (const testCase of selected) {
  const mine = await runCase(testCase, ours);
  const lines: string[] = [];
  if (raw) for (const [key, value] of mine.view) lines.push(`    ${key} | ${value}`);
  for (const text of mine.left) {
    left++;
    lines.push(`  LEFT BEHIND  ${text}`);
  }
  for (const other of peers) {
    const without = testCase.without?.[other.name as "runc"];
    if (without !== undefined) {
      lines.push(`  ${other.name}  left out: ${without}`);
      continue;
    }
    if (testCase.view === "host" && other.name === "crun") continue; // refuses hybrid machines
    const theirs = await runCase(testCase, other);
    for (const difference of compareViews(mine.view, theirs.view)) {
      const known = explanation(other.name, testCase.name, difference);
      if (known === undefined) unexplained++;
      else {
        explained++;
        used.add(known);
      }
      lines.push(
        `  ${other.name}  ${difference.key}`,
        `      ours    ${difference.ours ?? "(none)"}`,
        `      theirs  ${difference.theirs ?? "(none)"}`,
        `      ${known === undefined ? "UNEXPLAINED" : `because  ${known.why}`}`,
      );
    }
    const failed = mine.view.get("result status") !== theirs.view.get("result status");
    if (failed && theirs.stderr !== "") lines.push(`      their words  ${theirs.stderr.trim()}`);
  }
  if (mine.stderr !== "") lines.push(`  our words  ${mine.stderr.trim()}`);
  console.log(`${testCase.name}: ${lines.length === 0 ? "the same" : ""}`);
  for (const line of lines) console.log(line);
}

console.log(
  `\n${selected.length} cases, ${peers.map((other) => other.name).join(" and ")} beside bunker: ` +
    `${explained} differences explained, ${unexplained} unexplained, ${left} things left behind`,
);
if (filters.length === 0) {
  for (const known of knownDifferences) {
    if (!used.has(known)) console.log(`not met any more: ${known.peer} ${known.key} ${known.why}`);
  }
}
process.exit(unexplained + left > 0 ? 1 : 0);
