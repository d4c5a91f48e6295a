/**
 * Shows that each attack's tests fail without the defence. In: rows. Out: one line a proof, and how many were not seen.
 * First the tests pass in an intact copy; then the defence is taken out of it, an ordinary container must still run (else
 * anything would fail), and each test must fail.
 * @module
 */
import { type Attack, type Cut, lineOf, type Proof } from "../requirements/attack_table.ts";
import type { Tests } from "../requirements/table.ts";
import { type Ran, Tree } from "./tree.ts";

/** Enough for the window of any race, once nothing is there to close it; a test ends at the first success of its attacker. */
const roundsWithout = 400;
const roundsWith = 60;

/** An ordinary container: it runs whatever is taken out, or the proof would prove nothing. */
const ordinary: Tests = {
  "integration/run_test.ts": ["run [standard input reaches the program]", "run [no descriptor of the caller gets in]"],
};

type Verdict = "seen to fail" | "NOT seen to fail" | "not run here";

/** "src/plan/in_root.ts:15" of each part. */
const placesOf = (cuts: readonly Cut[]): string => cuts.map((cut) => `${cut.file}:${lineOf(cut)}`).join(" + ");

/** Why tests that should have passed did not; empty: they did. */
function obstacles({ results, output }: Ran): string {
  const failed = results.filter(({ status }) => status === "failed");
  if (results.length === 0) return `no such test: ${output}`;
  return failed.map(({ name, message }) => `${name}: ${message.trim().split("\n")[0]}`).join("; ");
}

/** What the skipped ones say, where nothing else was run. */
function skipReason({ results, reasons }: Ran): string | undefined {
  if (results.some(({ status }) => status !== "skipped")) return undefined;
  return [...reasons.values()][0] ?? "skipped";
}

/** Two copies: one stays as it is, so that the tests are seen to pass, from the other one defence is missing at a time. */
class Prover {
  readonly intact: Tree;
  readonly without: Tree;
  readonly #before = new Map<string, Ran>();

  constructor(original: string) {
    this.intact = new Tree(original);
    this.without = new Tree(original);
  }

  async prove({ tests, cuts }: Proof): Promise<[Verdict, string]> {
    const before = await this.#passing(tests);
    const obstacle = obstacles(before);
    if (obstacle !== "") return ["NOT seen to fail", `fails with the defence, too: ${obstacle}`];
    const reason = skipReason(before);
    if (reason !== undefined) return ["not run here", reason];
    const ran = before.results.filter(({ status }) => status === "passed").map(({ name }) => name);
    this.without.cut(cuts);
    const problem = await this.without.build();
    if (problem !== undefined) return ["NOT seen to fail", `cannot be built without it: ${problem}`];
    const usual = obstacles(await this.without.run(ordinary, 1));
    if (usual !== "") return ["NOT seen to fail", `nothing runs without it: ${usual}`];
    const after = await this.without.run(tests, roundsWithout);
    if (after.results.length === 0) return ["NOT seen to fail", `gave no result: ${after.output}`];
    const passed = after.results.filter(({ name, status }) => ran.includes(name) && status !== "failed");
    const names = passed.map(({ name }) => name).join("; ");
    return passed.length > 0 ? ["NOT seen to fail", `passes all the same: ${names}`] : ["seen to fail", ""];
  }

  /** Several proofs may have the same tests. */
  async #passing(tests: Tests): Promise<Ran> {
    const key = JSON.stringify(tests);
    const ran = this.#before.get(key) ?? (await this.intact.run(tests, roundsWith));
    this.#before.set(key, ran);
    return ran;
  }

  remove(): void {
    this.intact.remove();
    this.without.remove();
  }
}

/** Says it. @param original the project's directory  Output: how many proofs were not seen */
export async function proveAll(original: string, rows: Readonly<Record<string, Attack>>): Promise<number> {
  const prover = new Prover(original);
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
  process.once("exit", () => prover.remove());
  const problem = await prover.intact.build();
  if (problem !== undefined) throw new Error(`The copy cannot be built:\n${problem}`);
  const counts: Record<Verdict, number> = { "seen to fail": 0, "NOT seen to fail": 0, "not run here": 0 };
  for (const [name, row] of Object.entries(rows)) {
    console.log(`\n${name}: ${row.what}`);
    for (const proof of row.proofs ?? []) {
      const [verdict, why] = await prover.prove(proof);
      counts[verdict]++;
      const tests = Object.entries(proof.tests).flatMap(([file, names]) => names.map((test) => `${file}: ${test}`));
      console.log(`  test       ${tests.join("\n             ")}`);
      console.log(`  taken out  ${placesOf(proof.cuts)}`);
      console.log(`  ${verdict}${why === "" ? "" : ` (${why})`}`);
    }
    if (row.open !== undefined) console.log(`  open       ${row.open}`);
  }
  const summary = Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`);
  console.log(`\n${summary.join(", ")}`);
  return counts["NOT seen to fail"];
}
