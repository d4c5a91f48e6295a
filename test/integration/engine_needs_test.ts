/**
 * What the JavaScript engine cannot do without, and users take from it: the runtime says so in words of its own, or does
 * without it, and then a container is as it would be.
 * @module
 */
import assert from "node:assert/strict";
import test from "node:test";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { native } from "../support/native.ts";
import { afterMounting } from "../support/own_mounts.ts";
import { describe, needing, Scope, type TestContext, scoped } from "../support/scope.ts";
import { skip } from "../support/skip.ts";

const deleted = (scope: Scope): string[] => [
  "/bin/sh",
  "-c",
  `mkdir -p ${scope.directory}/gone && cd ${scope.directory}/gone && rmdir ../gone && exec "$@"`,
  "sh",
];

test(
  "every command [the working directory was deleted]",
  limits,
  scoped("deleted", [], async (scope) => {
    const before = deleted(scope);
    const { path } = scope.bundle("pwd; exec sleep 1000");
    const id = scope.id();
    for (const words of [
      ["version"],
      ["create", "--bundle", path, id],
      ["state", id],
      ["start", id],
      ["exec", id, "/bin/true"],
      ["ps", id],
      ["list"],
      ["kill", id, "KILL"],
    ])
      await scope.succeed(words, { before });
    await until("its end", async () => (await scope.invoke(["state", id], { before })).stdout.includes('"stopped"'));
    await scope.succeed(["delete", id], { before });
    const run = await scope.succeed(["run", "--bundle", scope.bundle("pwd").path, scope.id()], { before });
    assert.equal(run.stdout, "/\n");
  }),
);

for (const words of [["run"], ["create", "--bundle", "b"], ["run", "--bundle", ".."]]) {
  test(
    `${words.join(" ")} [the working directory was deleted, and a path is relative to it]`,
    limits,
    scoped("deleted", [], async (scope) => {
      const outcome = await scope.invoke([...words, scope.id()], { before: deleted(scope) });
      assert.equal(outcome.status, 1, describe(words, outcome));
      assert.match(
        outcome.stderr,
        /^bunker: Cannot find the working directory: ENOENT.*\n {2}because {4}it was deleted/,
      );
    }),
  );
}

test(
  "spec [the working directory was deleted: nothing is written elsewhere]",
  limits,
  scoped("deleted", [], async (scope) => {
    const outcome = await scope.invoke(["spec"], { before: deleted(scope) });
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /^bunker: .*ENOENT/);
  }),
);

for (const [name, asked, shown] of [
  ["stack", "16384:", /^Max stack size +16384 +unlimited /m],
  ["stack", "16384:9000000", /^Max stack size +16384 +9000000 /m],
  ["as", "1000000000:", /^Max address space +1000000000 +unlimited /m],
  ["as", "1000000000:9007199254740993", /^Max address space +1000000000 +9007199254740993 /m],
  ["data", "30000000:", /^Max data size +30000000 +unlimited /m],
] as const) {
  test(
    `run, exec [a soft limit that is too low for the engine: ${name} ${asked}]`,
    limits,
    scoped("soft", [], async (scope) => {
      const before = ["prlimit", `--${name}=${asked}`];
      const show = "cat /proc/self/limits; env";
      const run = await scope.succeed(["run", "--bundle", scope.bundle(show).path, scope.id()], { before });
      assert.match(run.stdout, shown);
      assert.doesNotMatch(run.stdout, /BUNKER/);
      const id = scope.id();
      await scope.succeed(["run", "--detach", "--bundle", scope.bundle("exec sleep 1000").path, id]);
      const exec = await scope.succeed(["exec", id, "/bin/sh", "-c", show], { before });
      assert.match(exec.stdout, shown);
    }),
  );
}

for (const [name, bytes, type] of [
  ["stack", 65536, "RLIMIT_STACK"],
  ["as", 1_000_000_000, "RLIMIT_AS"],
  ["data", 30_000_000, "RLIMIT_DATA"],
] as const) {
  test(
    `version [a hard limit that is too low for the engine: ${name} ${bytes}]`,
    limits,
    scoped("hard", [], async (scope) => {
      const outcome = await scope.invoke(["version"], { before: ["prlimit", `--${name}=${bytes}`] });
      assert.deepEqual([outcome.status, outcome.stdout], [1, ""], describe(["version"], outcome));
      const text = `^bunker: Cannot begin: ${type} is ${bytes}\n  because    [^\n]+ takes \\d+\n  try        [^\n]+\n$`;
      assert.match(outcome.stderr, new RegExp(text));
    }),
  );
}

test("version [memory may not become executable]", limits, async (t: TestContext) => {
  await needing(["compiler"], async () => {
    const scope = new Scope("mdwe");
    try {
      const outcome = await scope.invoke(["version"], { before: [native("mdwe")] });
      if (outcome.status === 97) return skip(t, "the kernel has no PR_SET_MDWE");
      assert.deepEqual([outcome.status, outcome.stdout], [1, ""], describe(["version"], outcome));
      assert.match(
        outcome.stderr,
        /^bunker: Cannot begin: memory that was written may not be executed\n {2}because {4}PR_SET_MDWE[^\n]*\n {2}try {8}[^\n]*\n$/,
      );
    } finally {
      await scope.dispose();
    }
  })(t);
});

test(
  "version, run, delete [no /proc]",
  limits,
  scoped("proc", [], async (scope) => {
    const before = afterMounting("umount -l /proc");
    for (const words of [
      ["version"],
      ["run", "--bundle", scope.bundle().path, scope.id()],
      ["delete", "--force", scope.id()],
    ]) {
      const outcome = await scope.invoke(words, { before });
      assert.deepEqual([outcome.status, outcome.stdout], [1, ""], describe(words, outcome));
      assert.match(
        outcome.stderr,
        /^bunker: Cannot begin: there is no \/proc\/self\/exe\n {2}because {4}\/proc is not mounted[^\n]*\n {2}try {8}[^\n]*\n$/,
      );
    }
  }),
);

test(
  "run [few descriptors: the message names the limit]",
  limits,
  scoped("few", [], async (scope) => {
    const words = ["run", "--bundle", scope.bundle().path, scope.id()];
    const outcome = await scope.invoke(words, { before: ["prlimit", "--nofile=16"] });
    assert.equal(outcome.status, 1, describe(words, outcome));
    assert.match(outcome.stderr, /EMFILE \(too many open files\)/);
    assert.match(outcome.stderr, /\n {2}because {4}RLIMIT_NOFILE lets the runtime have 16 descriptors/);
  }),
);
