/**
 * Runs every check and every test (`npm test`) and ends with the line `N passed, N failed, N skipped`.
 * Input: --unit, --integration (only that part), --only PATTERN (files whose path holds it, else tests of that name).
 * Output: failures and skips with their reasons, a count a step, exit code 1 on failures; logs in dist/test/.
 * @module
 */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parseJunit, type Result } from "./support/junit.ts";
import { anyUser } from "./support/mode.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const logs = join(root, "dist/test");
const modules = join(root, "node_modules");
const bun = process.execPath;
const deno = join(modules, "deno/deno");

/** Folders of test/ that need the built executable; the others run from source under both runtimes. */
const needsExecutable = ["integration", "differential", "conformance", "end_to_end"];

const { values: options } = parseArgs({
  options: { unit: { type: "boolean" }, integration: { type: "boolean" }, only: { type: "string" } },
});

/** The same tests again, see test/support/mode.ts. */
const modes = [
  { step: "integration in a user namespace", mode: "mapped", names: [...anyUser, "races", "races_mounts", "cgroup"] },
  { step: "integration as an ordinary user", mode: "rootless", names: anyUser },
];

/** Failed tests of one step that are shown with their message; the others by name only. */
const maxShown = 20;

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly ms: number;
}

const totals = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];

/** Runs a program to its end; after the time limit it is killed and counts as failed. */
function execute(command: readonly string[], limitSeconds: number, env: Record<string, string> = {}): Promise<Outcome> {
  const start = performance.now();
  const child = spawn(command[0]!, command.slice(1), {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  child.stderr.on("data", (data: Buffer) => (output += data.toString()));
  const timer = setTimeout(() => {
    output += `\nstopped after ${limitSeconds} s\n`;
    child.kill("SIGKILL");
  }, limitSeconds * 1000);
  return new Promise((resolve) => {
    const end = (code: number): void => {
      clearTimeout(timer);
      resolve({ code, output, ms: performance.now() - start });
    };
    child.on("error", (error) => {
      output += error.message;
      end(127);
    });
    // "exit", not "close": a process left behind by a test may hold the pipe open.
    child.on("exit", (code) => setTimeout(() => end(code ?? 128), 50));
  });
}

const lastLines = (text: string, count: number): string => text.trimEnd().split("\n").slice(-count).join("\n");

function report(step: string, counts: typeof totals, ms: number): void {
  totals.passed += counts.passed;
  totals.failed += counts.failed;
  totals.skipped += counts.skipped;
  const { passed, failed, skipped } = counts;
  console.log(
    `${failed > 0 ? "FAIL" : "ok  "} ${step}: ${passed} passed, ${failed} failed, ${skipped} skipped (${(ms / 1000).toFixed(1)} s)`,
  );
}

/** A step that is one check: exit code 0 or not. */
async function check(step: string, command: readonly string[], limitSeconds = 120): Promise<boolean> {
  const { code, output, ms } = await execute(command, limitSeconds);
  writeFileSync(join(logs, `${step.replaceAll(/\W+/g, "_")}.log`), output);
  if (code !== 0) {
    console.log(`\n--- ${step} failed:\n${lastLines(output, 60)}\n`);
    failures.push(step);
  }
  report(step, { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }, ms);
  return code === 0;
}

/** Reasons that tests gave through test/support/skip.ts, by test name. */
function readReasons(file: string): Map<string, string> {
  const reasons = new Map<string, string>();
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (line === "") continue;
    const { name, reason } = JSON.parse(line) as { name: string; reason: string };
    reasons.set(name, reason);
  }
  return reasons;
}

/** The reason of `{ skip: "reason" }` in the source near the test's line: reporters do not pass it on. */
function reasonInSource({ file, line }: Result): string {
  try {
    const near = readFileSync(join(root, file), "utf8")
      .split("\n")
      .slice(line - 1, line + 3)
      .join("\n");
    return /skip:[^"'`\n]*["'`]([^"'`]+)["'`]/.exec(near)?.[1] ?? (/todo:/.test(near) ? "to do" : "no reason given");
  } catch {
    return "no reason given";
  }
}

/** A step of many tests under one runtime. */
async function runTests(
  step: string,
  runtime: "bun" | "deno",
  files: string[],
  limitSeconds: number,
  env: Record<string, string> = {},
): Promise<void> {
  if (files.length === 0) return;
  const name = step.replaceAll(/\W+/g, "_");
  const xml = join(logs, `${name}.xml`);
  const skips = join(logs, `${name}.skips`);
  rmSync(xml, { force: true });
  writeFileSync(skips, "");
  const filter =
    nameFilter === undefined
      ? []
      : [runtime === "bun" ? `--test-name-pattern=${nameFilter}` : `--filter=${nameFilter}`];
  const paths = files.map((file) => `./${file}`);
  const command =
    runtime === "bun"
      ? [bun, "test", "--timeout=120000", "--reporter=junit", `--reporter-outfile=${xml}`, ...filter, ...paths]
      : [deno, "test", "-A", "--no-check", "--quiet", `--junit-path=${xml}`, ...filter, ...paths];
  const { code, output, ms } = await execute(command, limitSeconds, { ...env, BUNKER_TEST_SKIPS: skips });
  writeFileSync(join(logs, `${name}.log`), output);

  let results: Result[] = [];
  try {
    results = parseJunit(readFileSync(xml, "utf8"));
  } catch {
    // no report: said below
  }
  const reasons = readReasons(skips);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const result of results) {
    const reason = reasons.get(result.name) ?? reasons.get(result.name.split(" > ").at(-1)!);
    if (result.status === "failed") {
      counts.failed++;
      failures.push(`${step}: ${result.name} (${result.file}:${result.line})`);
      if (counts.failed <= maxShown)
        console.log(
          `\n--- ${step}: ${result.name} (${result.file}:${result.line})\n${lastLines(result.message, 40)}\n`,
        );
    } else if (result.status === "skipped" || reason !== undefined) {
      // With a name filter the runtime reports all others as skipped.
      if (nameFilter !== undefined && !new RegExp(nameFilter).test(result.name)) continue;
      counts.skipped++;
      console.log(`SKIP ${step}: ${result.name}: ${reason ?? reasonInSource(result)}`);
    } else counts.passed++;
  }
  if (code !== 0 && counts.failed === 0) {
    counts.failed++;
    failures.push(`${step}: the run itself, exit code ${code}`);
    console.log(`\n--- ${step}: the run itself failed, exit code ${code}:\n${lastLines(output, 60)}\n`);
  }
  report(step, counts, ms);
}

function testFiles(): string[] {
  return readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("_test.ts"))
    .map((path) => `test/${path}`)
    .toSorted();
}

let files = testFiles();
let nameFilter: string | undefined;
if (options.only !== undefined) {
  const chosen = files.filter((file) => file.includes(options.only!));
  if (chosen.length > 0) files = chosen;
  else nameFilter = options.only;
}
const isIntegration = (file: string): boolean => needsExecutable.includes(file.split("/")[1]!);
const unit = files.filter((file) => !isIntegration(file));
const integration = files.filter(isIntegration);
const all = options.unit !== true && options.integration !== true;
const start = performance.now();

rmSync(logs, { recursive: true, force: true });
mkdirSync(logs, { recursive: true });
const isCompiled = await check("compile C", [bun, "build/compile_c.ts"]);
if (all && options.only === undefined) {
  // By bun: the oldest node that npm runs on is too old for some of them.
  await check("types", [bun, join(modules, ".bin/tsc"), "--noEmit"]);
  await check("lint", [bun, join(modules, ".bin/oxlint"), "--deny-warnings"]);
  await check("format", [bun, join(modules, ".bin/oxfmt"), "--check"]);
  await check("unused code", [bun, join(modules, ".bin/knip"), "--no-config-hints"]);
}
if (isCompiled && (all || options.unit === true)) {
  await Promise.all([runTests("unit (Bun)", "bun", unit, 240), runTests("unit (Deno)", "deno", unit, 240)]);
}
if (isCompiled && (all || options.integration === true) && integration.length > 0) {
  // A process for each file: one that hangs or dies costs no other. One after the other: they look at the whole machine.
  if (await check("build", [bun, "build/compile.ts"])) {
    for (const file of integration) await runTests(file.slice("test/".length), "bun", [file], 600);
    for (const { step, mode, names } of modes) {
      const again = integration.filter((file) => names.some((name) => file === `test/integration/${name}_test.ts`));
      await runTests(step, "bun", again, 300, { BUNKER_TEST_MODE: mode });
    }
  }
}

if (failures.length > 0)
  console.log(`\nFailed (logs in dist/test/):\n${failures.map((name) => `  ${name}`).join("\n")}`);
console.log(`\nFinished in ${((performance.now() - start) / 1000).toFixed(0)} s`);
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed > 0 ? 1 : 0);
