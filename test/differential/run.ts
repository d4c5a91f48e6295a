/**
 * Runs one case by one runtime and gathers the container's view. In: case, runtime. Out: View.
 * @module
 */
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { cgroupsNamed, processesNamed, tree } from "../support/leftovers.ts";
import type { Runtime } from "../support/runtime.ts";
import { type Bundle, Scope } from "../support/scope.ts";
import type { Case } from "./case.ts";
import { type Normalisation, parseView, probeScript, type View } from "./view.ts";

/** Written by the process that becomes the runtime: namespaces and what is mounted just before. */
const recordOutside = (path: string): string =>
  `for n in ${names.join(" ")}; do echo "$n $(readlink /proc/self/ns/$n)"; done > ${path}`;

export interface CaseRun {
  view: View;
  /** The runtime's own words, for the reader of a difference. */
  stderr: string;
  /** What was left behind, by kind; empty when nothing. */
  left: string[];
}

/** Runs the case; everything it made is gone afterwards. */
export async function runCase(testCase: Case, runtime: Runtime): Promise<CaseRun> {
  const scope = new Scope(`${runtime.name}-${testCase.name}`, testCase.user ?? "root");
  try {
    const probe = testCase.args ?? ["/bin/sh", "-c", `${probeScript}${testCase.extra ?? ""}`];
    const bundle = scope.bundle(testCase.exec === undefined ? probe : waits, () => {}, { ids: testCase.ids ?? "none" });
    testCase.change?.(bundle.config, bundle, scope);
    const view = testCase.view ?? "v2";
    const holder = await testCase.prepare?.(bundle, scope, (other) => runDetached(scope, other, runtime, view));
    bundle.save();
    const outsidePath = `${scope.directory}/outside`;
    // The shell stays as the caller: runtimes look at their parent.
    const prepare = [testCase.mounts?.(bundle), recordOutside(outsidePath), '{ "$@"; exit $?; }']
      .filter((line) => line !== undefined)
      .join(" && ");
    const options = { runtime, view, before: ["/bin/sh", "-c", prepare, "sh"], env: { HOME: "/root" } } as const;
    const id = scope.id();
    let outcome = await scope.invoke(
      ["run", "--bundle", bundle.path, ...(testCase.options ?? []), ...(testCase.exec ? ["--detach"] : []), id],
      options,
    );
    if (testCase.exec !== undefined && outcome.status === 0) {
      const words = testCase.exec(bundle, scope);
      const program = words.includes("--process") ? [] : probe;
      outcome = await scope.invoke(["exec", ...words, id, ...program], options);
    }
    const normalisation: Normalisation = {
      replace: [
        [scope.directory, "SCOPE"],
        [id, "ID"],
        [scope.tag, "TAG"],
      ],
      outside: links(existsSync(outsidePath) ? readFileSync(outsidePath, "utf8") : ""),
      joined: new Map(
        holder === undefined ? [] : names.map((name) => [name, readlinkSync(`/proc/${holder}/ns/${name}`)]),
      ),
    };
    const seen = parseView(outcome.stdout, normalisation);
    seen.set("result status", outcome.timedOut ? "timed out" : `${outcome.status ?? outcome.signal}`);
    if (outcome.stdout === "" && outcome.status !== 0) seen.set("result refused", "yes");
    for (const [name, text] of Object.entries(testCase.collect?.(bundle, scope) ?? {})) {
      for (const [index, line] of text.split("\n").entries()) {
        if (line !== "") seen.set(`host ${name} ${index}`, normalise(line, normalisation));
      }
    }
    if (testCase.exec !== undefined) await scope.invoke(["delete", "--force", id], { runtime, view });
    // What another container leaves is not this case's: it still runs.
    return { view: seen, stderr: outcome.stderr, left: testCase.prepare === undefined ? leftovers(scope) : [] };
  } finally {
    await scope.dispose();
  }
}

const waits = ["/bin/sleep", "1000"];

const names = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time"];

const links = (text: string): Map<string, string> =>
  new Map(text.split("\n").map((line) => line.split(" ") as [string, string]));

async function runDetached(scope: Scope, bundle: Bundle, runtime: Runtime, view: "v2" | "host"): Promise<number> {
  const pidFile = `${scope.directory}/other.pid`;
  await scope.succeed(["run", "--detach", "--pid-file", pidFile, "--bundle", bundle.path, scope.id()], {
    runtime,
    view,
  });
  return Number(readFileSync(pidFile, "utf8"));
}

function normalise(line: string, { replace }: Normalisation): string {
  return replace.reduce((text, [from, to]) => text.replaceAll(from, to), line);
}

function leftovers(scope: Scope): string[] {
  return [
    // Directories above the container's own are nobody's to remove: the next container may be below them.
    ...cgroupsNamed(scope.tag)
      .filter((path) => !path.endsWith("-above"))
      .map((path) => `cgroup ${path}`),
    ...processesNamed(scope.tag).map((text) => `process ${text}`),
    // Compiled filters are kept for containers to come.
    ...tree(scope.root)
      .filter((text) => !text.startsWith(".seccomp"))
      .map((text) => `state ${text}`),
  ].map((line) => line.replaceAll(scope.tag, "TAG"));
}
