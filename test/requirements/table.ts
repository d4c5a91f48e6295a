/**
 * Tables of requirements and the tests that hold them. In: an entry. Out: what is wrong with it.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";

/** A file below test/ → names of its tests, as they stand in its text or are made by a template in it; for a golden plan the directory, no names. */
export type Tests = Readonly<Record<string, readonly string[]>>;

export interface Requirement {
  readonly what: string;
  readonly tests: Tests;
  /** Why it is not held on this version or this machine, in whole or in part. */
  readonly open?: string;
}

const tests = new URL("..", import.meta.url);

/** Whether a template of the text makes a name: mostly of its own words, or with a part that stands in the text as well. */
function isMade(name: string, text: string): boolean {
  for (const [, template] of text.matchAll(/`((?:[^`$\\]|\\.|\$(?!\{)|\$\{[^}`]*\})*)`/g)) {
    const parts = template!.split(/\$\{[^}]*\}/);
    const own = parts.join("").length;
    // What has hardly a letter of its own would make any name.
    if (parts.length < 2 || own < 5) continue;
    const made = new RegExp(`^${parts.map((part) => RegExp.escape(part)).join("(.*)")}$`).exec(name);
    if (made === null) continue;
    if (own >= 15 || made.slice(1).some((part) => text.includes(`"${part}"`))) return true;
  }
  return false;
}

/** What is wrong with an entry: every test it names must exist. */
export function problems(number: string, { tests: files, open }: Requirement): string[] {
  const found: string[] = [];
  if (Object.keys(files).length === 0 && open === undefined) found.push(`${number} has no test and no reason`);
  for (const [file, names] of Object.entries(files)) {
    const path = new URL(file, tests);
    if (!existsSync(path)) {
      found.push(`${number}: there is no test/${file}`);
    } else if (file.startsWith("golden/")) {
      if (!existsSync(new URL(`${file}/plan.txt`, tests))) found.push(`${number}: test/${file} has no plan.txt`);
    } else {
      const text = readFileSync(path, "utf8");
      for (const name of names) {
        // A name made by a template stands here as the template does there, back quotes included.
        const forms = name.startsWith("`") ? [name] : [`"${name}"`, `'${name}'`, `\`${name}\``];
        if (!forms.some((form) => text.includes(form)) && !isMade(name, text))
          found.push(`${number}: test/${file} has no test ${name}`);
      }
      if (names.length === 0) found.push(`${number}: no test of test/${file} is named`);
    }
  }
  return found;
}
