/**
 * A copy of the project in which defences are taken out. In: cuts. Out: a built tree without them; test results there.
 * The clone itself is never touched; the copy goes away with this process.
 * @module
 */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Cut } from "../requirements/attack_table.ts";
import type { Tests } from "../requirements/table.ts";
import { parseJunit, type Result } from "../support/junit.ts";

/** What a build and the tests read. */
const parts = ["src", "syscalls", "build", "test", "package.json", "package-lock.json", "tsconfig.json", "README.md"];

export interface Ran {
  readonly results: readonly Result[];
  /** Why tests were skipped, by name. */
  readonly reasons: ReadonlyMap<string, string>;
  /** What the runner said, where it gave no results. */
  readonly output: string;
}

/** Runs a program to its end, however many processes it made: after the limit all of them are killed. */
function execute(
  argv: readonly string[],
  cwd: string,
  limitSeconds: number,
  env: Record<string, string> = {},
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(argv[0]!, argv.slice(1), {
      cwd,
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    const add = (data: Buffer): void => void (output += data.toString());
    child.stdout.on("data", add);
    child.stderr.on("data", add);
    const timer = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), limitSeconds * 1000);
    const end = (status: number | null): void => {
      clearTimeout(timer);
      resolve({ status, output });
    };
    child.on("error", (error) => {
      output += error.message;
      end(null);
    });
    // "exit", not "close": what a test leaves behind may hold the pipe open.
    child.on("exit", (status) => setTimeout(() => end(status), 50));
  });
}

/** Runs the named tests below a project's directory, in one process a file. */
export async function runTests(
  root: string,
  tests: Tests,
  env: Record<string, string>,
  limitSeconds: number,
): Promise<Ran> {
  const results: Result[] = [];
  const reasons = new Map<string, string>();
  let output = "";
  for (const [file, names] of Object.entries(tests)) {
    const report = join(root, "dist/attack.xml");
    const skips = join(root, "dist/attack.skips");
    rmSync(report, { force: true });
    writeFileSync(skips, "");
    const pattern = `^(${names.map((name) => RegExp.escape(name)).join("|")})$`;
    const argv = [
      process.execPath,
      "test",
      `--timeout=${limitSeconds * 1000}`,
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      `--test-name-pattern=${pattern}`,
      `./test/${file}`,
    ];
    const ran = await execute(argv, root, limitSeconds, { ...env, BUNKER_TEST_SKIPS: skips });
    const found = existsSync(report) ? parseJunit(readFileSync(report, "utf8")) : [];
    const wanted = new RegExp(pattern);
    const chosen = found.filter(({ name }) => wanted.test(name));
    if (chosen.length === 0) output += `test/${file}: ${ran.output.trim().split("\n").slice(-3).join(" ")}\n`;
    results.push(...chosen.map((result) => ({ ...result, file: `test/${file}` })));
    for (const line of readFileSync(skips, "utf8").split("\n").filter(Boolean)) {
      const { name, reason } = JSON.parse(line) as { name: string; reason: string };
      reasons.set(name, reason);
    }
  }
  return { results, reasons, output };
}

/** The copy. */
export class Tree {
  readonly root = mkdtempSync(join(tmpdir(), "bunker-attack-"));
  readonly #original: string;
  #changed: string[] = [];

  constructor(original: string) {
    this.#original = original;
    for (const part of parts) cpSync(join(original, part), join(this.root, part), { recursive: true });
    mkdirSync(join(this.root, "dist"));
    const compiled = join(original, "dist/native");
    if (existsSync(compiled)) cpSync(compiled, join(this.root, "dist/native"), { recursive: true });
    // Without the Closure Compiler a build takes a third of the time; what it makes does the same.
    mkdirSync(join(this.root, "node_modules"));
    for (const name of readdirSync(join(original, "node_modules"))) {
      if (name.startsWith("google-closure")) continue;
      symlinkSync(join(original, "node_modules", name), join(this.root, "node_modules", name));
    }
  }

  /** Takes defences out, and puts back those that were. */
  cut(cuts: readonly Cut[]): void {
    for (const file of this.#changed) cpSync(join(this.#original, file), join(this.root, file));
    this.#changed = cuts.map(({ file }) => file);
    for (const { file, replace } of cuts) {
      const path = join(this.root, file);
      writeFileSync(
        path,
        readFileSync(path, "utf8").replace(replace[0], () => replace[1]),
      );
    }
  }

  /** Builds; undefined, or why it does not. */
  async build(): Promise<string | undefined> {
    const { status, output } = await execute([process.execPath, "build/compile.ts"], this.root, 240);
    return status === 0 ? undefined : output.trim().split("\n").slice(-8).join("\n");
  }

  run(tests: Tests, rounds: number): Promise<Ran> {
    return runTests(this.root, tests, { BUNKER_ATTACK_ROUNDS: String(rounds) }, 240);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
