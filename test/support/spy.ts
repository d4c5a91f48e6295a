/**
 * A hostile first process (native/spy.c), which looks at every process that comes into its container.
 * In: the test's scope, a config. Out: what it has seen.
 * @module
 */
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { capabilityNames } from "../../src/plan/capabilities.ts";
import type { Config } from "./config.ts";
import { until } from "./execute.ts";
import { native } from "./native.ts";
import type { BundleOptions, Scope } from "./scope.ts";

/** Every capability there is, as `--privileged` gives them; in a user namespace, its root's. */
export function withEverything(config: Config): void {
  const all = [...capabilityNames];
  config.process.capabilities = { bounding: all, effective: all, permitted: all };
  config.process.noNewPrivileges = false;
}

/** A container with the spy. `end` ends it: the lines it told, one a thing it saw. */
export async function startSpy(
  scope: Scope,
  change: (config: Config) => void,
  options: BundleOptions,
): Promise<{ id: string; end: () => Promise<string[]> }> {
  const marker = `${scope.directory}/marker`;
  writeFileSync(marker, "the machine's", { mode: 0o644 });
  const bundle = scope.bundle(["/bin/spy", marker], change, options);
  rmSync(`${bundle.rootfs}/bin/spy`, { force: true });
  copyFileSync(native("spy"), `${bundle.rootfs}/bin/spy`);
  const id = scope.id();
  const spy = scope.launch(["run", "--bundle", bundle.path, id], { timeoutMs: 110_000 });
  await until("the spy", () => spy.output().includes("watching"), 20_000);
  const end = async (): Promise<string[]> => {
    await scope.succeed(["kill", id, "KILL"]);
    await spy.done;
    return spy.output().trim().split("\n").slice(1);
  };
  return { id, end };
}
