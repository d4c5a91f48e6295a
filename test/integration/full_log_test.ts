/**
 * What becomes of the log changes nothing of what an operation comes to: standard error and --log that are full, that
 * nobody reads, or that nobody can read any more.
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { detached, stateOf } from "../support/containers.ts";
import { limits } from "../support/machine.ts";
import { type Bundle, describe, type Scope, scoped } from "../support/scope.ts";

/** The runtime with another standard error. `blocking`: a full pipe that is never read, and stays open. */
const places: Readonly<Record<string, string>> = {
  full: 'exec "$@" 2>/dev/full',
  unread: 'mkfifo "$0.$$" && exec 3<>"$0.$$" && rm "$0.$$" && head -c 65536 /dev/zero >&3 && exec "$@" 2>&3',
  gone: 'mkfifo "$0.$$" && { : <"$0.$$" & exec 4>"$0.$$"; } && wait && rm "$0.$$" && exec "$@" 2>&4',
  closed: 'exec "$@" 2>&-',
};

const before = (scope: Scope, place: string): string[] => ["/bin/sh", "-c", places[place]!, `${scope.directory}/pipe`];

const withWarning = (scope: Scope, program: string): Bundle =>
  scope.bundle(program, (config) => {
    config.process.capabilities = { bounding: ["CAP_NONSENSE"] };
  });

for (const place of Object.keys(places)) {
  test(
    `create, start, exec, run, delete [standard error ${place}: the outcome is as with any other]`,
    limits,
    scoped(`log-${place}`, [], async (scope) => {
      const options = { before: before(scope, place), timeoutMs: 8000 };
      for (const global of [[], ["--debug"], ["--log-format", "json"]]) {
        const id = scope.id();
        const words = ["create", "--bundle", withWarning(scope, "sleep 100").path, id];
        const created = await scope.invoke(words, { ...options, global });
        assert.equal(created.status, 0, describe(words, created));
        assert.equal((await stateOf(scope, id)).status, "created");
        assert.equal((await scope.invoke(["start", id], { ...options, global })).status, 0);
        const ran = await scope.invoke(["exec", "--cap", "CAP_NONSENSE", id, "sh", "-c", "sleep 0.1; exit 7"], {
          ...options,
          global,
        });
        assert.equal(ran.status, 7, describe(["exec"], ran));
        assert.equal((await scope.invoke(["delete", "--force", id], { ...options, global })).status, 0);
        const run = ["run", "--bundle", withWarning(scope, "sleep 0.1; exit 9").path, scope.id()];
        const foreground = await scope.invoke(run, { ...options, global });
        assert.equal(foreground.status, 9, describe(run, foreground));
      }
    }),
  );
}

test(
  "create, exec [--log on a full disk: the outcome is as with any other]",
  limits,
  scoped("log-file", [], async (scope) => {
    const { id } = await detached(scope, withWarning(scope, "sleep 100"));
    const global = ["--debug", "--log", "/dev/full"];
    const other = scope.id();
    await scope.succeed(["create", "--bundle", withWarning(scope, "sleep 100").path, other], { global });
    assert.equal((await scope.invoke(["exec", id, "sh", "-c", "exit 7"], { global })).status, 7);
  }),
);

test(
  "state, create [--log a FIFO: without a reader an error in time, with one that is late as with any other]",
  limits,
  scoped("log-fifo", [], async (scope) => {
    const fifo = `${scope.directory}/fifo`;
    execFileSync("mkfifo", [fifo]);
    const bundle = scope.bundle(["/bin/sleep", "100"]);
    const id = scope.id();
    for (const words of [
      ["state", "none"],
      ["create", "--bundle", bundle.path, id],
    ]) {
      const unread = await scope.invoke(words, { global: ["--log", fifo], timeoutMs: 8000 });
      assert.equal(unread.status, 1, describe(words, unread));
      assert.match(unread.stderr, /^bunker: Cannot open --log "[^"]+": ENXIO/);
    }
    const read = scope.launch(["state", "none"], { global: ["--log", fifo], timeoutMs: 8000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const text = execFileSync("timeout", ["8", "cat", fifo], { encoding: "utf8" });
    assert.equal((await read.done).status, 1);
    assert.match(text, /does not exist/);
  }),
);

test(
  "list, ps, state, features [standard output full: an error]",
  limits,
  scoped("stdout-all", [], async (scope) => {
    const { id } = await detached(scope, scope.bundle(["/bin/sleep", "100"]));
    for (const words of [["list"], ["ps", id], ["state", id], ["features"]]) {
      const full = await scope.invoke(words, { before: ["/bin/sh", "-c", 'exec "$@" >/dev/full', "sh"] });
      assert.equal(full.status, 1, describe(words, full));
      assert.match(full.stderr, /ENOSPC/);
    }
  }),
);
