/**
 * `npm run bench`: bunker beside runc and crun by hyperfine, each table from one call of it, in which they take turns: the
 * machine's load changes within seconds, and would be one runtime's alone.
 * In: `--runs N` of each (default 120), `--only TEXT` (tables whose title holds it). Out: tables with ratios; rows of runtimes that
 * are not here are left out by name.
 * @module
 */
import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type Config, withoutMounts, withoutNamespace } from "../support/config.ts";
import { execute } from "../support/execute.ts";
import { hold, namespacePath } from "../support/holders.ts";
import { type View, findProgram, missing, viewPrefix } from "../support/machine.ts";
import { forOneId, mappedIds, rootlessIds, singleId } from "../support/mode.ts";
import { podmanProfile } from "../seccomp/profiles.ts";
import { type Runtime, bunker, peer } from "../support/runtime.ts";
import { type Bundle, Scope, describe } from "../support/scope.ts";
import { asUser, ordinaryId, reachable, userEnvironment, userFiles, usualUser } from "../support/user.ts";

interface Row {
  runtime: string;
  /** ms */
  mean: number;
  deviation: number;
  median: number;
  fastest: number;
}

const runsAt = process.argv.indexOf("--runs");
const runs = runsAt < 0 ? 120 : Number(process.argv[runsAt + 1]);
/** Turns of each runtime. */
const rounds = 6;

const onlyAt = process.argv.indexOf("--only");
const only = onlyAt < 0 ? "" : process.argv[onlyAt + 1]!;

const reason = missing("root", "busybox", "hyperfine");
if (reason !== undefined) {
  console.log(`bench: cannot measure here: ${reason}`);
  process.exit(1);
}

const scope = new Scope("bench");
try {
  await measureAll();
} finally {
  await scope.dispose();
}

async function measureAll(): Promise<void> {
  const bundle = scope.bundle(["/bin/true"]);
  const others = [peer("runc"), peer("crun")].filter((runtime) => runtime !== undefined);
  for (const name of ["runc", "crun"] as const) if (peer(name) === undefined) console.log(`${name} is not installed`);
  const all = [bunker(), ...others];
  const withoutCrun = all.filter(({ name }) => name !== "crun");
  const withoutRunc = all.filter(({ name }) => name !== "runc");
  const runOf =
    (path: string) =>
    (runtime: Variant): string =>
      command(runtime, ["run", "--bundle", path, `${scope.tag}-run`]);
  const run = runOf(bundle.path);

  if (missing("cgroup2") === undefined) {
    const rows = await table("run /bin/true, cgroup version 2", all, "v2", run);
    verdict(rows);
  }
  if (missing("cgroup1") === undefined) {
    await table("run /bin/true, cgroup version 1 (crun refuses hybrid machines)", withoutCrun, "host", run);
  }
  const plain = scope.bundle(["/bin/true"], (config) => {
    config.mounts = config.mounts.filter(({ type }) => type !== "cgroup");
  });
  await table("run /bin/true, no cgroup (runc has no such option)", withoutRunc, "v2", (runtime) =>
    command(runtime, ["run", "--bundle", plain.path, `${scope.tag}-run`], ["--cgroup-manager", "disabled"]),
  );
  await table("create, start, delete --force", all, "v2", (runtime) => life(runtime, bundle.path));
  if (missing("userNamespaces") === undefined) await measureUserNamespaces(all, runOf);
  await measureSeccomp(all);
  const member = await withJoinedNamespaces();
  await table("run /bin/true in a pod: network, ipc and uts namespaces joined", all, "v2", runOf(member.path));
  await measureExec(all);
  await table("--version", all, "host", (runtime) => `${runtime.path} --version`);
}

/** A runtime, or one way of using it. */
interface Variant {
  readonly name: string;
  readonly path: string;
  /** A command before each run. */
  readonly prepare?: string;
}

type CommandOf = (variant: Variant) => string;

/**
 * What podman's seccomp profile costs: without it, with a filter to be compiled, and with one that is kept (runc keeps
 * none), all in one call.
 */
async function measureSeccomp(all: readonly Runtime[]): Promise<void> {
  const plain = scope.bundle(["/bin/true"]);
  const filtered = scope.bundle(["/bin/true"], (config) => {
    config.linux["seccomp"] = podmanProfile();
  });
  const variants = all.flatMap((runtime): Variant[] => {
    const forget = `rm -rf ${stateOf(`${runtime.name}-first`)}/.seccomp ${stateOf(`${runtime.name}-first`)}/.cache`;
    const kinds = runtime.name === "runc" ? ["plain", "first"] : ["plain", "first", "kept"];
    return kinds.map((kind) => ({
      ...runtime,
      name: `${runtime.name}-${kind}`,
      prepare: kind === "first" ? forget : "true",
    }));
  });
  const title = "run /bin/true under podman's seccomp profile: no filter, compiled, kept";
  const rows = await table(title, variants, "v2", (variant) =>
    command(variant, ["run", "--bundle", (variant.name.endsWith("plain") ? plain : filtered).path, `${scope.tag}-run`]),
  );
  const medianOf = (name: string): number => rows.find((row) => row.runtime === name)?.median ?? Number.NaN;
  for (const { name } of rows.length === 0 ? [] : all) {
    const cost = (kind: string): string =>
      ((medianOf(`${name}-${kind}`) - medianOf(`${name}-plain`)) * 1000).toFixed(0);
    console.log(`${name}: ${cost("first")} µs compiled${name === "runc" ? "" : `, ${cost("kept")} µs kept`} (medians)`);
  }
}

/** A container of each runtime, and more processes in it: as people start them, and as conmon does. */
async function measureExec(all: readonly Runtime[]): Promise<void> {
  const id = `${scope.tag}-exec`;
  const file = `${scope.directory}/process.json`;
  const started: Runtime[] = [];
  const call = (runtime: Runtime, words: readonly string[]) =>
    execute([...viewPrefix("v2"), ...command(runtime, words).split(" ")], { cwd: scope.directory });
  try {
    for (const runtime of all) {
      const bundle = scope.bundle(["/bin/sleep", "1000"]);
      writeFileSync(file, JSON.stringify({ ...bundle.config.process, args: ["/bin/true"] }));
      scope.argv([]);
      const outcome = await call(runtime, ["run", "--detach", "--bundle", bundle.path, id]);
      if (outcome.status === 0) started.push(runtime);
      else console.log(`exec: ${runtime.name} left out, its container does not start: ${outcome.stderr.trim()}`);
    }
    const rows = await table("exec /bin/true into a running container", started, "v2", (runtime) =>
      command(runtime, ["exec", id, "/bin/true"]),
    );
    verdict(rows);
    await table("exec --detach --process FILE, as conmon does", started, "v2", (runtime) =>
      command(runtime, ["exec", "--detach", "--process", file, id]),
    );
  } finally {
    for (const runtime of started) await call(runtime, ["delete", "--force", id]);
  }
}

async function measureUserNamespaces(all: readonly Runtime[], runOf: (path: string) => CommandOf): Promise<void> {
  const mapped = scope.bundle(["/bin/true"], () => {}, { ids: mappedIds });
  scope.argv([]); // its files get their owner
  await table("run /bin/true in a user namespace", all, "v2", runOf(mapped.path));
  await table("create, start, delete --force in a user namespace", all, "v2", (runtime) => life(runtime, mapped.path));
  if (missing("ordinaryUser", "newuidmap") !== undefined) return;
  const own = scope.bundle(["/bin/true"], withoutCgroup, { ids: rootlessIds });
  scope.argv([], { user: usualUser });
  const title = "run /bin/true as an ordinary user, two ranges by newuidmap and newgidmap";
  await table(title, all, "v2", runAsUser(own.path), asOrdinaryUser());
  const single = scope.bundle(["/bin/true"], forOneId, { ids: singleId });
  withoutCgroup(single.config);
  single.save();
  scope.argv([], { user: usualUser });
  await table("run /bin/true as an ordinary user, a single id", all, "v2", runAsUser(single.path), asOrdinaryUser());
}

/** A bundle that joins what a waiting process holds, as the second container of a pod does. */
async function withJoinedNamespaces(): Promise<Bundle> {
  const kinds = ["network", "ipc", "uts"] as const;
  const holder = await hold(scope, kinds, { timeoutMs: 600_000 });
  return scope.bundle(["/bin/true"], (config) => {
    delete config.hostname;
    for (const kind of kinds) {
      withoutNamespace(config, kind);
      config.linux.namespaces.push({ type: kind, path: namespacePath(holder, kind) });
    }
  });
}

/** An ordinary user has no cgroup here: runc and crun want none to be asked for, then. */
function withoutCgroup(config: Config): void {
  delete config.linux.cgroupsPath;
  withoutMounts(config, "/sys/fs/cgroup");
}

/** Words before the measuring program, so that it and all that it starts are the user's. */
function asOrdinaryUser(): string[] {
  const environment = Object.entries(userEnvironment(scope.directory)).map(([key, value]) => `${key}=${value}`);
  return [...userFiles(scope.directory, usualUser, bunker().path), ...asUser, "env", ...environment];
}

function runAsUser(path: string): CommandOf {
  return (runtime) => {
    const state = `${scope.directory}/state-${runtime.name}-user`;
    mkdirSync(state, { recursive: true });
    chownSync(state, ordinaryId, ordinaryId);
    const program = runtime.name === "bunker" ? reachable(scope.directory) : runtime.path;
    return [program, "--root", state, "run", "--bundle", path, `${scope.tag}-run`].join(" ");
  };
}

function stateOf(name: string): string {
  return `${scope.directory}/state-${name}`;
}

/** One command line; every runtime keeps its state in a directory of its own. */
function command(runtime: Variant, words: readonly string[], global: readonly string[] = []): string {
  const root = stateOf(runtime.name);
  mkdirSync(root, { recursive: true });
  return [runtime.path, "--root", root, ...global, ...words].join(" ");
}

/** A script that does the three operations, as a caller does: one process each. */
function life(runtime: Variant, bundlePath: string): string {
  const id = `${scope.tag}-life`;
  const text = [
    "set -e",
    command(runtime, ["create", "--bundle", bundlePath, id]),
    command(runtime, ["start", id]),
    command(runtime, ["delete", "--force", id]),
  ].join("\n");
  const path = `${scope.directory}/life-${runtime.name}`;
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

/** Measures one command of each runtime in one call of hyperfine and prints the table. */
async function table(
  title: string,
  runtimes: readonly Variant[],
  view: View,
  commandOf: CommandOf,
  before: readonly string[] = [],
): Promise<Row[]> {
  if (!title.includes(only)) return [];
  const file = `${scope.directory}/hyperfine.json`;
  rmSync(file, { force: true });
  const starting: Variant[] = [];
  for (const runtime of runtimes) {
    const trial = await execute([...viewPrefix(view), ...before, ...commandOf(runtime).split(" ")], {
      cwd: scope.directory,
    });
    if (trial.status === 0) starting.push(runtime);
    else console.log(`\n${title}: ${runtime.name} left out, it fails: ${trial.stderr.trim().split("\n")[0]}`);
  }
  if (starting.length === 0) return [];
  const named = starting.flatMap((runtime) => [
    ...(runtime.prepare === undefined ? [] : ["--prepare", runtime.prepare]),
    "--command-name",
    runtime.name,
    commandOf(runtime),
  ]);
  const perRound = Math.max(1, Math.round(runs / rounds));
  const words = ["-N", "--warmup", "3", "--runs", String(perRound), "--style", "none", "--export-json", file];
  for (let round = 0; round < rounds; round++) words.push(...named);
  const argv = [...viewPrefix(view), ...before, findProgram("hyperfine")!, ...words];
  const outcome = await execute(argv, { timeoutMs: 300_000, cwd: scope.directory });
  if (outcome.status !== 0) throw new Error(describe(["hyperfine"], outcome));
  const { results } = JSON.parse(readFileSync(file, "utf8")) as { results: { command: string; times: number[] }[] };
  const rows = starting.map(({ name }): Row => {
    const times = results.filter(({ command: label }) => label === name).flatMap((result) => result.times);
    return statistics(name, times);
  });
  const own = rows.find(({ runtime }) => runtime === "bunker") ?? rows[0]!;
  console.log(`\n${title} (${rounds} x ${perRound} runs each)`);
  console.log("runtime         mean ms       median ms  min ms   of the first (means, medians)");
  for (const row of rows) {
    console.log(
      `${row.runtime.padEnd(12)} ${row.mean.toFixed(2).padStart(9)} ± ${row.deviation.toFixed(2).padEnd(6)}` +
        `${row.median.toFixed(2).padStart(9)}${row.fastest.toFixed(2).padStart(8)}` +
        `${(row.mean / own.mean).toFixed(2).padStart(9)}${(row.median / own.median).toFixed(2).padStart(6)}`,
    );
  }
  return rows;
}

/** @param times in seconds */
function statistics(runtime: string, times: readonly number[]): Row {
  const sorted = times.map((time) => time * 1000).toSorted((a, b) => a - b);
  const mean = sorted.reduce((sum, time) => sum + time, 0) / sorted.length;
  const squares = sorted.reduce((sum, time) => sum + (time - mean) ** 2, 0);
  const middle = sorted.length / 2;
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
  const deviation = Math.sqrt(squares / Math.max(1, sorted.length - 1));
  return { runtime, mean, deviation, median, fastest: sorted[0]! };
}

/** The two aims, as ratios of means. */
function verdict(rows: readonly Row[]): void {
  if (rows.length === 0) return;
  const meanOf = (name: string): number | undefined => rows.find((row) => row.runtime === name)?.mean;
  const own = meanOf("bunker") ?? Number.NaN;
  const runc = meanOf("runc");
  const crun = meanOf("crun");
  if (runc !== undefined) console.log(`runc / bunker = ${(runc / own).toFixed(2)}, at least 2 is wanted`);
  if (crun !== undefined) console.log(`bunker / crun = ${(own / crun).toFixed(2)}, 1 is aimed at`);
}
