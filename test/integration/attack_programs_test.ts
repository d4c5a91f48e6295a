/**
 * Programs and working directories named by descriptors: `/proc/self/fd/N/…` and its kin lead to whatever the runtime's
 * process still holds when the path is looked up. CVE-2024-21626 and CVE-2019-5736, for args[0] too.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import test from "node:test";
import { detached, stateOf, stopped } from "../support/containers.ts";
import { until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { busyboxPath } from "../support/rootfs.ts";
import { bunker } from "../support/runtime.ts";
import { type Bundle, type Scope, scoped } from "../support/scope.ts";

const numbers = Array.from({ length: 24 }, (_, number) => number);

/** Ways from a directory of the host's, should one be held, to the planted file beside the bundle. */
const climbs = ["", "/..", "/../..", "/../../.."];

/**
 * A program of the host's, which says its name; whoever runs it has escaped. No script: its interpreter would open it again
 * once what it was found by is closed.
 */
function plant(scope: Scope): void {
  copyFileSync(busyboxPath!, `${scope.directory}/planted`);
  chmodSync(`${scope.directory}/planted`, 0o755);
  chmodSync(scope.directory, 0o755);
  mkdirSync(`${scope.directory}/held`, { recursive: true });
}

/** Everything by which a process might be named a place outside. */
const programs = (): string[] => [
  ...numbers.flatMap((number) => climbs.map((climb) => `/proc/self/fd/${number}${climb}/planted`)),
  ...numbers.map((number) => `/proc/self/fd/${number}`),
  ...["cwd", "root"].flatMap((link) => climbs.map((climb) => `/proc/self/${link}${climb}/planted`)),
  "/proc/self/exe",
  "/proc/1/exe",
  "/proc/thread-self/exe",
];

/** The caller's own descriptors lead outside as well: directories and the planted file, all meant for nobody. */
const holding = (scope: Scope): string[] => [
  "/bin/sh",
  "-c",
  `exec 3<"$0" 4<"$0/planted" 5<"$0/held" 6<"$0/held" 7<"$0" 8<"$0" 9<"$0/planted"; exec "$@"`,
  scope.directory,
];

const hashOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** Nothing of the host's ran: neither what was planted nor the runtime itself with another name. */
function assertInside(outcome: { stdout: string; stderr: string }, what: string): void {
  // By its own name, or by the number of a descriptor; the container's own busybox is never called so.
  assert.doesNotMatch(outcome.stdout + outcome.stderr, /(planted|\b\d+): applet not found/, what);
  assert.doesNotMatch(outcome.stdout, /Usage|COMMANDS|An OCI container runtime/i, what);
}

const batches = (words: readonly string[], size: number): string[][] =>
  Array.from({ length: Math.ceil(words.length / size) }, (_, at) => words.slice(at * size, (at + 1) * size));

test(
  "exec [args[0] by a descriptor of the runtime's or the caller's]",
  limits,
  scoped("execargs", [], async (scope) => {
    plant(scope);
    const before = hashOf(bunker().path);
    const { id } = await detached(scope, scope.bundle("exec sleep 1000"));
    for (const batch of batches(programs(), 4)) {
      const outcomes = await Promise.all(
        batch.map((program) =>
          scope.invoke(["exec", id, program, "--version"], { before: holding(scope), cwd: scope.directory }),
        ),
      );
      for (const [index, outcome] of outcomes.entries()) assertInside(outcome, `exec ${batch[index]}`);
    }
    assert.equal(hashOf(bunker().path), before);
  }),
);

/** `create`, `start` and what the program says, which comes with the output of `create`. */
async function createdOutput(scope: Scope, bundle: Bundle): Promise<{ stdout: string; stderr: string }> {
  const id = scope.id();
  const running = scope.launch(["create", "--bundle", bundle.path, id], {
    before: holding(scope),
    cwd: scope.directory,
  });
  const created = await running.done;
  if (created.status !== 0) return created;
  const started = await scope.invoke(["start", id]);
  // The program ends by itself; what it had to say is awaited.
  if (started.status === 0) await stopped(scope, id);
  await scope.invoke(["delete", "--force", id]);
  return { stdout: running.output(), stderr: running.errors() + started.stderr };
}

// CVE-2019-5736: whoever keeps the executable of a process that came from outside may write to it once it is free.
test(
  "create, start [what ran in the container before the program is a file of its own, sealed]",
  limits,
  scoped("sealed", [], async (scope) => {
    const before = hashOf(bunker().path);
    const id = scope.id();
    await scope.succeed(["create", "--bundle", scope.bundle("exec sleep 1000").path, id]);
    const { pid } = await stateOf(scope, id);
    assert.notEqual(hashOf(`/proc/${pid}/exe`), before);
    const kept = openSync(`/proc/${pid}/exe`, "r");
    try {
      const bytes = readFileSync(`/proc/self/fd/${kept}`);
      await scope.succeed(["start", id]);
      await until("the program", () => readFileSync(`/proc/${pid}/comm`, "utf8") === "sleep\n");
      assert.throws(() => writeFileSync(`/proc/self/fd/${kept}`, "#!/evil\n", { flag: "r+" }), { code: "EPERM" });
      assert.throws(() => truncateSync(`/proc/self/fd/${kept}`, 0), { code: "EPERM" });
      assert.deepEqual(readFileSync(`/proc/self/fd/${kept}`), bytes);
    } finally {
      closeSync(kept);
    }
    assert.equal(hashOf(bunker().path), before);
  }),
);

for (const verb of ["run", "create and start"] as const) {
  test(
    `${verb} [args[0] by a descriptor of the runtime's or the caller's]`,
    limits,
    scoped("runargs", [], async (scope) => {
      plant(scope);
      const before = hashOf(bunker().path);
      const bundle = scope.bundle("true");
      for (const program of programs()) {
        bundle.config.process.args = [program, "--version"];
        bundle.save();
        const outcome =
          verb === "run"
            ? await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
                before: holding(scope),
                cwd: scope.directory,
              })
            : await createdOutput(scope, bundle);
        assertInside(outcome, `${verb} ${program}`);
      }
      assert.equal(hashOf(bunker().path), before);
    }),
  );

  test(
    `${verb} [working directory by a descriptor, a program beside it]`,
    limits,
    scoped("runcwd", [], async (scope) => {
      plant(scope);
      const bundle = scope.bundle("true");
      const places = numbers.flatMap((number) => climbs.map((climb) => `/proc/self/fd/${number}${climb}`));
      for (const place of [...places, "/proc/self/cwd", "/proc/self/cwd/../.."]) {
        bundle.config.process.cwd = place;
        bundle.config.process.args = ["./planted"];
        bundle.save();
        const outcome =
          verb === "run"
            ? await scope.invoke(["run", "--bundle", bundle.path, scope.id()], {
                before: holding(scope),
                cwd: scope.directory,
              })
            : await createdOutput(scope, bundle);
        assertInside(outcome, `${verb} in ${place}`);
      }
    }),
  );
}

test(
  "exec [working directory by a descriptor, a program beside it]",
  limits,
  scoped("execcwd", [], async (scope) => {
    plant(scope);
    const { id } = await detached(scope, scope.bundle("exec sleep 1000"));
    const places = numbers.flatMap((number) => climbs.map((climb) => `/proc/self/fd/${number}${climb}`));
    for (const batch of batches([...places, "/proc/self/cwd"], 4)) {
      const outcomes = await Promise.all(
        batch.map((place) =>
          scope.invoke(["exec", "--cwd", place, id, "./planted"], { before: holding(scope), cwd: scope.directory }),
        ),
      );
      for (const [index, outcome] of outcomes.entries()) assertInside(outcome, `exec in ${batch[index]}`);
    }
  }),
);
