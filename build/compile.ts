/**
 * Builds dist/bunker (`npm run build`): brings the tables up to date, compiles the C where it changed, bundles and compiles
 * src/main.ts into one executable, and puts it in place only when it works.
 * @module
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { alignCode } from "./align.ts";
import { compileC } from "./compile_c.ts";
import { hardenExecutable } from "./harden.ts";
import { setEngineOptions } from "./engine_options.ts";
import { missingHeaders } from "./headers.ts";
import { optimize } from "./optimize.ts";
import { recordOrder } from "./order.ts";
import { writeTables } from "./tables.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const target = join(root, "dist/bunker");

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

/** Brings the tables up to date with the lists, and with the names that src/ uses; without headers they stay as they are. */
function refreshTables(): void {
  if (missingHeaders() !== undefined) return;
  for (const name of writeTables()) console.log(`syscalls/generated/${name} written: to be committed`);
}

function commit(): string {
  const result = spawnSync("git", ["rev-parse", "--verify", "HEAD"], { cwd: root, encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : "unknown";
}

/** What compiled seccomp filters depend on besides the profile: another build may not trust those of this one. */
function seccompCompiler(): string {
  const hash = createHash("sha256");
  for (const directory of ["src/seccomp", "syscalls/generated"]) {
    for (const name of readdirSync(join(root, directory)).sort()) {
      hash
        .update(`${name}\0`)
        .update(readFileSync(join(root, directory, name)))
        .update("\0");
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/** Runs bun build in dist/, so that whatever a failed one leaves behind lies there. */
function bunBuild(args: readonly string[]): void {
  const result = spawnSync(process.execPath, ["build", ...args], { cwd: join(root, "dist"), encoding: "utf8" });
  const log = `${result.stdout}${result.stderr}`;
  // It may write a broken executable and end with 0: the log tells.
  if (result.status !== 0 || /\b(error|warn(ing)?):/i.test(log)) fail(`bun build failed:\n${log}`);
}

/** All of src/ in one text, optimized where this machine can. */
function bundle(): string {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const output = join(root, "dist/bundle.js");
  bunBuild([
    "--target=bun",
    "--minify-syntax",
    "--format=esm",
    `--define=BUNKER_VERSION=${JSON.stringify(version)}`,
    `--define=BUNKER_COMMIT=${JSON.stringify(commit())}`,
    `--define=BUNKER_COMPILER=${JSON.stringify(seccompCompiler())}`,
    join(root, "src/main.ts"),
    `--outfile=${output}`,
  ]);
  const text = readFileSync(output, "utf8");
  rmSync(output);
  const optimized = optimize(root, join(root, "dist/optimized"), text);
  if (optimized === undefined) console.log("no Closure Compiler for this machine: start-up will be a little slower");
  return optimized ?? text;
}

/**
 * NOTE: no --compile-exec-argv, which would open a hook in the environment; the two autoload flags keep .env and
 * bunfig.toml of the working directory out; bytecode and the JIT policy save 2 ms of start-up.
 */
function compile(text: string, output: string, order?: string): void {
  const main = `${output}.js`;
  // Without imports and exports it would be taken for CommonJS.
  writeFileSync(main, `${text}\nexport {};\n`);
  try {
    bunBuild([
      "--compile",
      "--minify",
      "--bytecode",
      "--format=esm",
      "--compile-jit-policy=1000",
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      ...(order === undefined ? [] : [`--bytecode-order=${order}`]),
      main,
      `--outfile=${output}`,
    ]);
  } finally {
    rmSync(main, { force: true });
  }
}

/** Takes the engine's hooks in the environment away, puts its code where it is mapped with little work, sets its options. */
async function finish(path: string): Promise<void> {
  const bytes = readFileSync(path);
  if (hardenExecutable(bytes) === 0) fail("The engine's hooks in the environment were not found: see build/harden.ts");
  const aligned = alignCode(bytes);
  // By a path that is none before the first build.
  const native = (await import(join(root, "dist/native/host.ts"))) as typeof import("../dist/native/host.ts");
  const { engine_start: start, engine_links: links } = native.engineEntries;
  const reason = setEngineOptions(aligned, { code: Uint8Array.fromBase64(native.engineStart), start, links });
  if (reason !== undefined) console.log(`the engine's options are its defaults, start-up a little slower: ${reason}`);
  // A new file, in one call: see build/align.ts.
  rmSync(path);
  writeFileSync(path, aligned, { mode: 0o755 });
}

const start = performance.now();
mkdirSync(join(root, "dist"), { recursive: true });
refreshTables();
for (const line of compileC()) console.log(line);
const output = `${target}.new`;
const text = bundle();
const order = recordOrder(root, text, compile);
if (order === undefined) console.log("no order of functions could be recorded: start-up will be a little slower");
compile(text, output, order);
await finish(output);
const probe = spawnSync(output, ["--version"], { encoding: "utf8" });
if (probe.status !== 0) {
  rmSync(output, { force: true });
  fail(`The new executable does not work: ${probe.error?.message ?? `${probe.stdout}${probe.stderr}`}`);
}
renameSync(output, target);
console.log(`dist/bunker built in ${((performance.now() - start) / 1000).toFixed(1)} s`);
