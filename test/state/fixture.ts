/**
 * State roots and processes for tests. Input: a body. Output: nothing left behind.
 * @module
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RuntimeOptions } from "../../src/lifecycle/types.ts";
import { closeStateDirectory, createStateDirectory, writeRecord } from "../../src/state/directory.ts";
import { parseStat } from "../../src/state/process.ts";
import { printRecord, type StateRecord } from "../../src/state/record.ts";
import { timestamp } from "../../src/state/timestamp.ts";

/** RuntimeOptions over a root of the test's own; `warnings` collects what would be logged. */
export interface TestRuntime extends RuntimeOptions {
  readonly warnings: string[];
}

export async function withRoot(body: (rt: TestRuntime) => void | Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "bunker-state-"));
  const warnings: string[] = [];
  const log = {
    debugging: false,
    isWaiting: false,
    debug() {},
    warn: (text: string) => void warnings.push(text),
    error() {},
    flush() {},
    takeWaiting: () => "",
  };
  try {
    await body({ root, cgroupManager: "cgroupfs", debug: false, log, warnings });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Runs the body while a process sleeps. */
export async function withProcess(body: (pid: number, child: ChildProcess) => void | Promise<void>): Promise<void> {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  try {
    await new Promise((resolve) => child.once("spawn", resolve));
    await body(child.pid!, child);
  } finally {
    child.kill("SIGKILL");
  }
}

export function startTimeOf(pid: number): number {
  return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8")).startTime;
}

/** A record as `create` would write it, with the given members. */
export function record(members: Partial<StateRecord>): Omit<StateRecord, "config"> {
  return {
    id: "web",
    pid: 0,
    startTime: 0,
    bundle: "/b",
    rootfs: "/b/rootfs",
    created: timestamp(),
    owner: 0,
    annotations: {},
    cgroups: [],
    cgroupManager: "cgroupfs",
    hooks: {},
    ociVersion: "1.2.1",
    noNewKeyring: false,
    ...members,
  };
}

export const ownPidNamespace = '{"linux":{"namespaces":[{"type":"pid"}]}}';

/** Makes the state directory of a container that `create` and `start` are done with. */
export function makeContainer(rt: RuntimeOptions, members: Partial<StateRecord>, configText = ownPidNamespace): void {
  const directory = createStateDirectory(rt.root, members.id ?? "web");
  writeRecord(directory, printRecord(record(members), configText));
  closeStateDirectory(directory);
}
