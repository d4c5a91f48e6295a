/**
 * Runs one case by one runtime and gathers the container's view. In: case, runtime. Out: View.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { cgroupsNamed, processesNamed, tree } from "../support/leftovers.ts";
import type { Runtime } from "../support/runtime.ts";
import { Scope } from "../support/scope.ts";
import type { Case } from "./case.ts";
import { type Normalisation, parseView, probeScript, type View } from "./view.ts";

/** Written by the process that becomes the runtime: namespaces and what is mounted just before. */
const recordOutside = (path: string): string =>
  `for n in cgroup ipc mnt net pid user uts time; do echo "$n $(readlink /proc/self/ns/$n)"; done > ${path}`;

export interface CaseRun {
  view: View;
  /** The runtime's own words, for the reader of a difference. */
  stderr: string;
  /** What was left behind, by kind; empty when nothing. */
  left: string[];
}

/** Runs the case; everything it made is gone afterwards. */
export async function runCase(testCase: Case, runtime: Runtime): Promise<CaseRun> {
  const scope = new Scope(`${runtime.name}-${testCase.name}`);
  try {
    const bundle = scope.bundle(["/bin/sh", "-c", `${probeScript}${testCase.extra ?? ""}`], (config) => {
      if (testCase.args !== undefined) config.process.args = [...testCase.args];
    });
    testCase.change?.(bundle.config, bundle, scope);
    bundle.save();
    const outsidePath = `${scope.directory}/outside`;
    // The shell stays as the caller: runtimes look at their parent.
    const prepare = [testCase.mounts?.(bundle), recordOutside(outsidePath), '{ "$@"; exit $?; }']
      .filter((line) => line !== undefined)
      .join(" && ");
    const id = scope.id();
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, ...(testCase.options ?? []), id], {
      runtime,
      view: testCase.view ?? "v2",
      before: ["/bin/sh", "-c", prepare, "sh"],
      env: { HOME: "/root" },
    });
    const outside = existsSync(outsidePath) ? readFileSync(outsidePath, "utf8") : "";
    const normalisation: Normalisation = {
      replace: [
        [scope.directory, "SCOPE"],
        [id, "ID"],
        [scope.tag, "TAG"],
      ],
      outside: new Map(outside.split("\n").map((line) => line.split(" ") as [string, string])),
    };
    const view = parseView(outcome.stdout, normalisation);
    view.set("result status", outcome.timedOut ? "timed out" : `${outcome.status ?? outcome.signal}`);
    if (outcome.stdout === "" && outcome.status !== 0) view.set("result refused", "yes");
    for (const [name, text] of Object.entries(testCase.collect?.(bundle, scope) ?? {})) {
      for (const [index, line] of text.split("\n").entries()) {
        if (line !== "") view.set(`host ${name} ${index}`, normalise(line, normalisation));
      }
    }
    return { view, stderr: outcome.stderr, left: leftovers(scope) };
  } finally {
    await scope.dispose();
  }
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
    ...tree(scope.root).map((text) => `state ${text}`),
  ].map((line) => line.replaceAll(scope.tag, "TAG"));
}
