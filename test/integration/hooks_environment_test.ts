/**
 * Hooks without `env`, and with an empty one: what each kind gets, and from whom.
 * Spec: config.md#posix-platform-hooks says what `env` means, and nothing of its absence
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { hookKinds } from "../support/config.ts";
import { stopped } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { type Bundle, scoped } from "../support/scope.ts";

/** Every hook keeps its environment as it is: no shell that would add to it. */
function addHooks(bundle: Bundle, env?: string[]): void {
  mkdirSync(`${bundle.rootfs}/log`);
  chmodSync(`${bundle.rootfs}/log`, 0o777); // root of the machine and of the container write here
  bundle.config.process!.env = ["PATH=/bin", "HOME=/home", "MARK=process"];
  bundle.config.hooks = {};
  for (const kind of hookKinds) {
    const log = kind === "startContainer" ? "/log" : `${bundle.rootfs}/log`;
    const args = ["cp", "/proc/self/environ", `${log}/${kind}`];
    bundle.config.hooks[kind] = [{ path: "/bin/cp", args, ...(env === undefined ? {} : { env }) }];
  }
  bundle.save();
}

const given = (bundle: Bundle, kind: string): string[] =>
  readFileSync(`${bundle.rootfs}/log/${kind}`, "utf8").split("\0").filter(Boolean);

/** One that tells the command it is given to, and one that is empty. */
const environmentOf = (command: string): Record<string, string> => ({ MARK: command, EMPTY: "" });

function checkRuntimes(bundle: Bundle, kind: string, command: string): void {
  const entries = given(bundle, kind);
  assert.ok(entries.includes(`MARK=${command}`), `${kind}: ${entries.join(" ")}`);
  assert.ok(entries.includes("EMPTY="), `${kind}: ${entries.join(" ")}`);
  for (const entry of entries) assert.doesNotMatch(entry, /^(BUN|JSC|UV|MIMALLOC|MALLOC)_/, kind);
}

function checkContainers(bundle: Bundle): void {
  assert.deepEqual(given(bundle, "createContainer"), []);
  assert.deepEqual(given(bundle, "startContainer"), ["PATH=/bin", "HOME=/home", "MARK=process"]);
}

test(
  "create, start, delete [hooks without env: the environment of the command, startContainer the process's, createContainer none]",
  limits,
  scoped("hooks-environment", ["hostMounts"], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000");
    addHooks(bundle);
    const id = scope.id();
    await scope.succeed(["create", "--bundle", bundle.path, id], { env: environmentOf("create") });
    await scope.succeed(["start", id], { env: environmentOf("start") });
    await scope.succeed(["kill", id, "KILL"]);
    await stopped(scope, id);
    await scope.succeed(["delete", id], { env: environmentOf("delete") });
    for (const kind of ["prestart", "createRuntime"]) checkRuntimes(bundle, kind, "create");
    checkContainers(bundle);
    checkRuntimes(bundle, "poststart", "start");
    checkRuntimes(bundle, "poststop", "delete");
  }),
);

test(
  "run [hooks without env: the environment of the command, poststop's too, which the monitor has to remember]",
  limits,
  scoped("hooks-environment-run", ["hostMounts"], async (scope) => {
    const bundle = scope.bundle("exec true");
    addHooks(bundle);
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { env: environmentOf("run") });
    await until("poststop", () => given(bundle, "poststop").length > 0);
    for (const kind of ["prestart", "createRuntime", "poststart", "poststop"]) checkRuntimes(bundle, kind, "run");
    checkContainers(bundle);
  }),
);

test(
  "run [hooks with an empty env: an empty environment, in every kind]",
  limits,
  scoped("hooks-environment-empty", ["hostMounts"], async (scope) => {
    const bundle = scope.bundle("exec true");
    addHooks(bundle, []);
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { env: environmentOf("run") });
    for (const kind of hookKinds) assert.deepEqual(given(bundle, kind), [], kind);
  }),
);
