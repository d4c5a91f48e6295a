/**
 * One real failure whose whole text is a golden file. In: the case's parts. Out: a test.
 * @module
 */
import assert from "node:assert/strict";
import { release } from "node:os";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { assertGolden, hasGolden } from "../support/golden.ts";
import { limits, type Need } from "../support/machine.ts";
import { type Bundle, type BundleOptions, type Scope, scoped } from "../support/scope.ts";
import type { OrdinaryUser } from "../support/user.ts";

export interface ErrorCase {
  /** test/golden/errors/NAME.txt. */
  name: string;
  needs?: readonly Need[];
  /** Who runs the runtime; root unless given. */
  user?: OrdinaryUser;
  bundle?: BundleOptions;
  args?: readonly string[] | string;
  change?: (config: Config) => void;
  /** With the bundle on disk; what is changed of its config is saved afterwards. */
  prepare?: (bundle: Bundle, scope: Scope) => void | Promise<void>;
  /** Shell lines run as root before the runtime, in a mount namespace of its own. */
  setup?: (bundle: Bundle, scope: Scope) => string;
  /** Words after that, before the runtime: namespaces, fewer rights. */
  inside?: readonly string[];
  /** Words of `exec` before and after the id, in a container that sleeps: that is what fails then. */
  exec?: { options?: readonly string[]; command: readonly string[] };
  /** Shell lines run after those. */
  setupInside?: (bundle: Bundle, scope: Scope) => string;
}

/** Linux 6.12 and older say less about some failures: those texts stand in files of their own. */
function goldenOf(name: string): string {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  const older = `errors/${name}.linux_6_12.txt`;
  const isOlder = major < 6 || (major === 6 && minor <= 12);
  return isOlder && hasGolden(older) ? older : `errors/${name}.txt`;
}

/** Everything of one run's own by a name that stays. */
function normalised(text: string, scope: Scope): string {
  return text
    .replaceAll(scope.directory, "$DIR")
    .replaceAll(scope.tag, "$TAG")
    .replaceAll(/\/proc\/\d+\//g, "/proc/$PID/")
    .replaceAll(/\|CLONE_INTO_CGROUP|, cgroup: r\d+/g, "") // with cgroup version 2
    .replaceAll(", /proc/sys/fs/binfmt_misc", "") // systemd mounts it
    .replaceAll(/\b(user\.max_\w+ = )[1-9]\d*/g, "$1$LIMIT") // by the size of the memory
    .replaceAll(/\br\d+\b/g, "rN"); // registers, which any other line of the plan moves
}

/** Registers a test for the case. */
export function testError(error: ErrorCase): void {
  const words = error.name.replaceAll("_", " ");
  test(
    `run [error text: ${words}]`,
    limits,
    scoped(`error-${error.name}`, error.needs ?? [], (scope) => fail(error, scope), error.user ?? "root"),
  );
}

async function fail(error: ErrorCase, scope: Scope): Promise<void> {
  const usual = error.exec === undefined ? ["/bin/true"] : ["/bin/sleep", "100"];
  const bundle = scope.bundle(error.args ?? usual, error.change, error.bundle ?? { ids: "none" });
  await error.prepare?.(bundle, scope);
  bundle.save();
  const script = (lines: string | undefined, ...words: readonly string[]): string[] =>
    lines === undefined ? [] : [...words, "/bin/sh", "-c", `set -e; ${lines}\nexec "$@"`, "sh"];
  const before = [
    ...script(error.setup?.(bundle, scope), "unshare", "-m", "--propagation", "private"),
    ...(error.inside ?? []),
    ...script(error.setupInside?.(bundle, scope)),
  ];
  const id = scope.id();
  let words = ["run", "--bundle", bundle.path, id];
  if (error.exec !== undefined) {
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    words = ["exec", ...(error.exec.options ?? []), id, ...error.exec.command];
  }
  const outcome = await scope.invoke(words, { before });
  assert.equal(outcome.stdout, "", outcome.stdout);
  assert.doesNotMatch(outcome.stderr, /\bat .*\.ts:\d|\$bunfs|TypeError|undefined|\[object/);
  assertGolden(goldenOf(error.name), normalised(`${outcome.stderr}status ${outcome.status}\n`, scope));
}
