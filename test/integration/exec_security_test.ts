/**
 * `exec` into a container that attacks: what its processes can get hold of while a new one enters, and what the new
 * process brings along. CVE-2016-9962, CVE-2019-5736, CVE-2024-21626.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { execute, until } from "../support/execute.ts";
import { limits, type Need } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { bunker } from "../support/runtime.ts";
import { type BundleOptions, type Scope, scoped } from "../support/scope.ts";
import { startSpy, withEverything } from "../support/spy.ts";
import { type OrdinaryUser, usualUser } from "../support/user.ts";

const rounds = 40;

/** What the hostile first process told after many processes had come and gone. */
async function spied(scope: Scope, change: (config: Config) => void, options: BundleOptions = {}): Promise<string[]> {
  const spy = await startSpy(scope, change, options);
  const calls = Array.from({ length: rounds }, (_, n) => n);
  const lane = async (lanes: number, mine: number): Promise<void> => {
    for (const n of calls) {
      if (n % lanes !== mine) continue;
      const outcome = await scope.invoke(["exec", spy.id, "/bin/sleep", "0.02"]);
      assert.equal(outcome.status, 0, outcome.stderr);
    }
  };
  await Promise.all([lane(2, 0), lane(2, 1)]);
  const lines = await spy.end();
  assert.ok(lines.includes("root /"), "it saw processes come");
  return lines;
}

/** Links that tell nothing of the host; standard input and output are the caller's and meant to be passed on. */
const harmless =
  /^(root|cwd) \/$|^exe \/bin\/(busybox|true)$|^fd (\/|\/dev\/null|\/etc\/passwd|\/tmp\/.*\/outputs\/.*|pipe:.*|socket:.*|anon_inode:.*)$/;

const surroundings: readonly [
  name: string,
  needs: readonly Need[],
  change: (config: Config) => void,
  options: BundleOptions,
  user?: OrdinaryUser,
][] = [
  ["an ordinary container", [], () => {}, {}],
  ["root of a user namespace with every capability", ["userNamespaces"], withEverything, { ids: mappedIds }],
];

for (const [name, needs, change, options, user] of surroundings) {
  test(
    `exec [watched by ${name}]`,
    limits,
    scoped(
      "spied",
      ["compiler", ...needs],
      async (scope) => {
        const lines = await spied(scope, change, options);
        const isProgram = (line: string): boolean => /^traced (\/bin\/(busybox|true)|unknown)$/.test(line);
        const seen = lines.filter((line) => !harmless.test(line) && !isProgram(line));
        assert.deepEqual(seen, [], seen.join("\n"));
      },
      user,
    ),
  );
}

// The stage is the user's own there, so it can be traced; what it holds is what is asserted.
test(
  "exec [watched by root of the user's own namespace with every capability] (rootless)",
  limits,
  scoped(
    "spied",
    ["compiler", "ordinaryUser"],
    async (scope) => {
      const lines = await spied(scope, withEverything);
      const mayBe = /^exe \/memfd:bunker-stage|^fd \/memfd:bunker-stage|^traced /;
      const seen = lines.filter((line) => !harmless.test(line) && !mayBe.test(line));
      assert.deepEqual(seen, [], seen.join("\n"));
    },
    usualUser,
  ),
);

// CVE-2019-5736: an interpreter that is the runtime itself, as the container would see it.
test(
  "exec [a program that names its own executable as interpreter]",
  limits,
  scoped("interpreter", [], async (scope) => {
    const hash = (): string => createHash("sha256").update(readFileSync(bunker().path)).digest("hex");
    const before = hash();
    const bundle = scope.bundle("exec sleep 1000");
    writeFileSync(`${bundle.rootfs}/bin/evil`, "#!/proc/self/exe\n", { mode: 0o755 });
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    const outcome = await scope.invoke(["exec", id, "/bin/evil"]);
    assert.notEqual(outcome.status, 0);
    assert.doesNotMatch(outcome.stdout + outcome.stderr, /bunker \d|Usage/i);
    assert.equal(hash(), before);
  }),
);

// CVE-2025-52881's class: what stands at /proc in the container is not believed.
test(
  "exec [a container that covered its /proc]",
  limits,
  scoped("covered", [], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000", (config) => {
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/proc");
      delete config.linux.maskedPaths;
      delete config.linux.readonlyPaths;
    });
    mkdirSync(`${bundle.rootfs}/proc/self`, { recursive: true });
    for (const name of ["oom_score_adj", "status"]) writeFileSync(`${bundle.rootfs}/proc/self/${name}`, "decoy");
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    const file = `${scope.directory}/process.json`;
    const process = { cwd: "/", args: ["/bin/cat", "/proc/self/oom_score_adj"], oomScoreAdj: 600 };
    writeFileSync(file, JSON.stringify(process));
    const outcome = await scope.succeed(["exec", "--process", file, id]);
    assert.equal(outcome.stdout, "decoy", "the decoy is not written");
  }),
);

test(
  "exec [nothing of the runtime's environment and descriptors, and never its working directory]",
  limits,
  scoped("brought", [], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000");
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    const script = "tr '\\0' '\\n' < /proc/$$/environ; ls -l /proc/$$/fd /proc/$$/cwd /proc/$$/root";
    const outcome = await scope.invoke(["exec", id, "/bin/sh", "-c", script], {
      cwd: scope.directory,
      env: { SECRET: "shown" },
      before: ["/bin/sh", "-c", 'exec 7</etc 8</; exec "$@"', "sh"],
    });
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.doesNotMatch(outcome.stdout, /SECRET|-> \/etc|-> \/tmp\/(?!.*\/outputs\/)/);
    assert.match(outcome.stdout, /cwd -> \/$/m);
    assert.match(outcome.stdout, /root -> \/$/m);
    const status = (await scope.succeed(["exec", id, "/bin/cat", "/proc/self/status"])).stdout;
    assert.match(status, /SigIgn:\t0{16}/);
    assert.match(status, /SigBlk:\t0{16}/);
  }),
);

// Orphans of an exec whose runtime was killed: the command goes on, nothing of the runtime is left beside it.
test(
  "exec [the runtime is killed at any moment]",
  limits,
  scoped("killed", [], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000");
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    for (let ms = 0; ms < 30; ms += 2) {
      const running = scope.launch(["exec", id, "/bin/true"]);
      await new Promise((resolve) => setTimeout(resolve, ms));
      if (existsSync(`/proc/${running.pid}`)) await execute(["kill", "-KILL", String(running.pid)]);
      await running.done;
    }
    const left = async (): Promise<string> => (await scope.succeed(["exec", id, "/bin/ps", "-o", "comm"])).stdout;
    await until("the end of all", async () => !/true|stage|bunker/.test(await left()), 10_000);
    assert.equal((await scope.succeed(["exec", id, "/bin/echo", "still"])).stdout, "still\n");
  }),
);
