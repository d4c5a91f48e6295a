/**
 * Starting a program with a deadline and its output in files, never pipes: a container left waiting by `create`
 * keeps the runtime's descriptors open, and a pipe would make the test wait for the container.
 * In: argv and options. Out: status, signal, output.
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { patience } from "./patience.ts";

export interface ExecuteOptions {
  cwd?: string;
  /** Whole environment of the program; PATH is added unless given. */
  env?: Record<string, string>;
  /** Text for standard input; otherwise an empty file: crun gives the machine's /dev/null to the container's user. */
  stdin?: string;
  timeoutMs?: number;
  /** Where the output files go and stay; without it they are gone when the program ends. */
  outputs?: string;
}

export interface Outcome {
  /** null when ended by a signal. */
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
  ms: number;
}

/** A program under way. */
export interface Running {
  pid: number;
  done: Promise<Outcome>;
  /** What it wrote until now. */
  output: () => string;
  errors: () => string;
}

export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The JavaScript engine that runs the tests may ignore signals and raise limits: the program under test gets
 * default signal actions and a known limit. Every step is an exec, so the pid is the program's own.
 */
function cleanStart(argv: readonly string[], options: ExecuteOptions): string[] {
  const environment = Object.entries({ PATH: defaultPath, ...options.env }).map(([key, value]) => `${key}=${value}`);
  return [
    "--default-signal",
    "-i",
    ...environment,
    "/bin/sh",
    "-c",
    'ulimit -Sn 1024; unset PWD OLDPWD; exec "$@"',
    "sh",
    ...argv,
  ];
}

/** Starts a program and returns while it runs. */
export function launch(argv: readonly string[], options: ExecuteOptions = {}): Running {
  const directory = mkdtempSync(`${options.outputs ?? tmpdir()}/bunker-test-output-`);
  const outPath = `${directory}/stdout`;
  const errPath = `${directory}/stderr`;
  const inPath = `${directory}/stdin`;
  writeFileSync(inPath, "");
  const files = [openSync(outPath, "w"), openSync(errPath, "w"), openSync(inPath, "r")];
  const started = performance.now();
  const child: ChildProcess = spawn("/usr/bin/env", cleanStart(argv, options), {
    cwd: options.cwd ?? "/",
    stdio: [options.stdin === undefined ? files[2]! : "pipe", files[0]!, files[1]!],
    detached: true,
  });
  for (const file of files) closeSync(file);
  child.stdin?.on("error", () => {}); // a program that ends without reading: not the test's concern
  child.stdin?.end(options.stdin);
  const read = (path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  let timedOut = false;
  const pid = child.pid ?? 0;
  const timer = setTimeout(
    () => {
      timedOut = true;
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        child.kill("SIGKILL");
      }
    },
    (options.timeoutMs ?? 20_000) * patience,
  );
  const done = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status, signal) => {
      clearTimeout(timer);
      const ms = performance.now() - started;
      resolve({ status, signal, stdout: read(outPath), stderr: read(errPath), timedOut, ms });
      if (options.outputs === undefined) rmSync(directory, { recursive: true, force: true });
    });
  });
  return { pid, done, output: () => read(outPath), errors: () => read(errPath) };
}

/** Starts a program and waits for its end. */
export function execute(argv: readonly string[], options: ExecuteOptions = {}): Promise<Outcome> {
  return launch(argv, options).done;
}

/** Waits until `probe` gives something true; fails with `what` after the deadline. */
export async function until<T>(what: string, probe: () => T | Promise<T>, timeoutMs = 5000): Promise<T> {
  const end = performance.now() + timeoutMs * patience;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
