/**
 * The form of the tables of attacks. In: a row. Out: what is wrong with it; where its defence stands in the source.
 *
 * A defence is named by what taking it out replaces: a snippet that occurs exactly once in its file, so that the table
 * survives edits around it and is found wrong by a test once the defence itself was changed.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { problems, type Tests } from "./table.ts";

/** Takes (a part of) a defence out of a file, its path from the project's directory. */
export interface Cut {
  readonly file: string;
  readonly replace: readonly [from: string, to: string];
}

/** Tests, and the defence without which each of them fails. */
export interface Proof {
  readonly tests: Tests;
  /** All of it together: several where one alone would still hold, because the defence is doubled. */
  readonly cuts: readonly Cut[];
}

export interface Attack {
  readonly what: string;
  readonly proofs?: readonly Proof[];
  /** Tests beside them: those that no cut can make fail, for a reason that `open` says. */
  readonly tests?: Tests;
  /** Why nothing, or not all of it, is proven: the kernel's defence, an engine's matter, another machine's. */
  readonly open?: string;
}

const top = new URL("../..", import.meta.url);

/** Line of a cut's snippet, from 1; 0: it does not stand there exactly once. */
export function lineOf({ file, replace: [from] }: Cut): number {
  const path = new URL(file, top);
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const at = text.indexOf(from);
  if (at < 0 || text.includes(from, at + 1)) return 0;
  return text.slice(0, at).split("\n").length;
}

/** What is wrong with a row. */
export function attackProblems(name: string, { what, proofs = [], tests = {}, open }: Attack): string[] {
  const found: string[] = [];
  if (what === "") found.push(`${name} does not say what is attacked`);
  if (proofs.length === 0 && open === undefined) found.push(`${name} has no proof and no reason`);
  for (const proof of proofs) {
    found.push(...problems(name, { what, tests: proof.tests }));
    if (proof.cuts.length === 0) found.push(`${name} has a proof that takes nothing out`);
    for (const cut of proof.cuts) {
      if (lineOf(cut) === 0) found.push(`${name}: not exactly once in ${cut.file}: ${cut.replace[0]}`);
      if (cut.replace[0] === cut.replace[1]) found.push(`${name}: ${cut.file} stays as it is`);
    }
  }
  if (Object.keys(tests).length > 0) found.push(...problems(name, { what, tests }));
  return found;
}
