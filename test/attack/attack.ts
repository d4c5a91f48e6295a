/**
 * `npm run attack`: the tests of every known attack on container runtimes, races a thousand times; with --prove each
 * defence is taken out of a copy of the tree, and its tests are seen to fail.
 * Input: --prove, --only PATTERN (rows whose name or text matches). Output: a line a row; exit code 1 on failures.
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Attack } from "../requirements/attack_table.ts";
import { attacks } from "../requirements/attacks.ts";
import type { Tests } from "../requirements/table.ts";
import { proveAll } from "./prove.ts";
import { runTests } from "./tree.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values: options } = parseArgs({ options: { prove: { type: "boolean" }, only: { type: "string" } } });

const pattern = new RegExp(options.only ?? "", "i");
const rows = Object.fromEntries(
  Object.entries(attacks).filter(([name, { what }]) => pattern.test(name) || pattern.test(what)),
);

/** Each test once, by file: several rows may be held by one. */
function testsOf(chosen: Readonly<Record<string, Attack>>): Tests {
  const files = new Map<string, Set<string>>();
  for (const { proofs = [], tests = {} } of Object.values(chosen)) {
    for (const part of [...proofs.map((proof) => proof.tests), tests]) {
      for (const [file, names] of Object.entries(part)) {
        const known = files.get(file) ?? new Set();
        for (const name of names) known.add(name);
        files.set(file, known);
      }
    }
  }
  return Object.fromEntries([...files].map(([file, names]) => [file, [...names]]));
}

/** All of them, with as many rounds as the environment says, or a thousand. */
async function attack(): Promise<number> {
  const rounds = process.env["BUNKER_ATTACK_ROUNDS"] ?? "1000";
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [file, names] of Object.entries(testsOf(rows))) {
    const ran = await runTests(root, { [file]: names }, { BUNKER_ATTACK_ROUNDS: rounds }, 3600);
    if (ran.results.length === 0) {
      counts.failed++;
      console.log(`FAIL ${ran.output}`);
    }
    for (const { name, status, message } of ran.results) {
      counts[status]++;
      const reason = status === "skipped" ? `: ${ran.reasons.get(name) ?? "skipped"}` : "";
      console.log(`${{ passed: "ok  ", failed: "FAIL", skipped: "SKIP" }[status]} ${file}: ${name}${reason}`);
      if (status === "failed") console.log(message.trim());
    }
  }
  console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped, ${rounds} rounds a race`);
  return counts.failed;
}

const failed = options.prove === true ? await proveAll(root, rows) : await attack();
process.exit(failed > 0 ? 1 : 0);
