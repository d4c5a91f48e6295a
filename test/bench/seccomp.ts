/**
 * `npm run bench-seccomp`: filters by bunker and by libseccomp. In: nothing. Out: BPF instructions that frequent calls
 * take, getppid(2) a second, and how long a profile takes to compile or to be read back, in a process that does it for the first time.
 * @module
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { architectureOf, numbersOf } from "../../src/seccomp/architectures.ts";
import { compileSeccomp, type Machine } from "../../src/seccomp/mod.ts";
import { callNames } from "../../syscalls/generated/call_numbers.ts";
import { missingLibseccomp, nativeName, type Reference, referenceFilter } from "../seccomp/libseccomp.ts";
import { podmanProfile } from "../seccomp/profiles.ts";
import { runFilter } from "../support/bpf.ts";
import { native } from "../support/native.ts";

const reason = missingLibseccomp();
if (reason !== undefined) {
  console.log(`bench-seccomp: cannot measure here: ${reason}`);
  process.exit(1);
}
const machine: Machine = process.arch === "arm64" ? "aarch64" : "x86_64";
const profile = podmanProfile();
const directory = mkdtempSync(join(tmpdir(), "bunker-seccomp-"));
try {
  measure();
} finally {
  rmSync(directory, { recursive: true });
}

function measure(): void {
  const filters: [string, ArrayLike<number>][] = [
    ["bunker", compileSeccomp(profile, machine).words],
    ["libseccomp", referenceOf(false).words],
    ["libseccomp, binary tree", referenceOf(true).words],
  ];
  const calls = ["read", "write", "futex", "openat", "getppid"];
  console.log(`podman's profile: BPF instructions executed for ${calls.join(", ")}; size; getppid a second`);
  for (const [name, words] of filters) {
    const steps = calls.map((call) => stepsOf(words, call));
    const file = join(directory, "filter");
    writeFileSync(file, new Uint8Array(Uint32Array.from(words).buffer));
    console.log(`  ${name.padEnd(26)} ${steps.join("  ")}   ${words.length / 2}   ${rate(file)}`);
  }
  console.log(`  ${"no filter".padEnd(26)} ${rate("-").padStart(30)}`);
  console.log("since Linux 5.11 calls that a filter allows by their number alone do not run it");

  const runs = 21;
  console.log(`\ncompiling it, the first time in a process, median of ${runs} processes (fastest), µs`);
  const executable = coldCompiler();
  const file = join(directory, "profile.json");
  writeFileSync(file, JSON.stringify(profile));
  const kept = join(directory, "kept");
  mkdirSync(kept);
  report("bunker", runs, () => {
    rmSync(join(kept, ".seccomp"), { recursive: true, force: true });
    return Number(spawnSync(executable, [file, kept]).stdout);
  });
  report("bunker, kept filter read", runs, () => Number(spawnSync(executable, [file, kept]).stdout));
  report("libseccomp", runs, () => referenceOf(false).microseconds);
  report("libseccomp, binary tree", runs, () => referenceOf(true).microseconds);
}

function referenceOf(optimize: boolean): Reference {
  const reference = referenceFilter(profile, { optimize });
  if (reference === "refused") throw new Error("libseccomp refuses podman's profile");
  return reference;
}

function stepsOf(words: ArrayLike<number>, call: string): string {
  const architecture = architectureOf(nativeName)!;
  const { token } = architecture;
  const nr = numbersOf(architecture)[callNames().split(" ").indexOf(call)]!;
  return String(runFilter(words, { nr, arch: token, args: [] }).steps).padStart(3);
}

/** The best of three, in millions. */
function rate(file: string): string {
  const rates = [1, 2, 3].map(() => Number(spawnSync(native("filtered"), ["rate", file]).stdout));
  return `${(Math.max(...rates) / 1e6).toFixed(2)} million`;
}

/**
 * An executable made like dist/bunker that makes a profile's filter and prints how long it took: reads the kept one if
 * there is one. Words: the profile, where filters are kept.
 */
function coldCompiler(): string {
  const source = join(directory, "cold.ts");
  const from = (path: string): string => JSON.stringify(fileURLToPath(new URL(`../../src/${path}`, import.meta.url)));
  writeFileSync(
    source,
    `import { readFileSync } from "node:fs";
import { sys } from ${from("stage/sys.ts")};
import { FilterStore } from ${from("state/filters.ts")};
const profile = JSON.parse(readFileSync(process.argv[2], "utf8"));
sys("getpid");
performance.now();
const start = performance.now();
const store = new FilterStore(process.argv[3], "bench");
store.compile(profile, ${JSON.stringify(machine)});
console.log(Math.round((performance.now() - start) * 1000));
store.keep();
`,
  );
  const output = join(directory, "cold");
  const options = ["--compile", "--minify", "--bytecode", "--format=esm", "--compile-jit-policy=1000"];
  const result = spawnSync(process.execPath, ["build", ...options, source, `--outfile=${output}`], { cwd: directory });
  if (result.status !== 0) throw new Error(String(result.stderr));
  return output;
}

function report(name: string, runs: number, once: () => number): void {
  once();
  const times = Array.from({ length: runs }, once).sort((a, b) => a - b);
  console.log(`  ${name.padEnd(26)} ${times[runs >> 1]} (${times[0]})`);
}
