/**
 * What tests of `exec` begin with. In: the test's scope. Out: a container that waits, calls, a process file.
 * @module
 */
import { writeFileSync } from "node:fs";
import type { Config } from "./config.ts";
import type { Outcome } from "./execute.ts";
import type { InvokeOptions, Scope } from "./scope.ts";

/** A container whose first process waits. */
export async function running(scope: Scope, change: (config: Config) => void = () => {}): Promise<string> {
  const bundle = scope.bundle("exec sleep 1000", change);
  const id = scope.id();
  await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
  return id;
}

export const shell = (
  scope: Scope,
  id: string,
  script: string,
  words: readonly string[] = [],
  options: InvokeOptions = {},
): Promise<Outcome> => scope.invoke(["exec", ...words, id, "/bin/sh", "-c", script], options);

/** A process file in the test's directory. */
export function processFile(scope: Scope, process: object): string {
  const path = `${scope.directory}/process.json`;
  writeFileSync(path, JSON.stringify({ cwd: "/", args: ["/bin/true"], env: ["PATH=/bin"], ...process }));
  return path;
}
