/**
 * What cannot be done without calls of newer kernels says so and why; what takes more than one older call is right.
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { afterMounting } from "../support/own_mounts.ts";
import { type Bundle, describe, type Scope, scoped } from "../support/scope.ts";
import { usualUser } from "../support/user.ts";
import { everything, nothing, type Without } from "../support/without.ts";

/** Runs without everything, which must fail and leave nothing; what it says. */
async function refused(scope: Scope, bundle: Bundle, without = everything): Promise<string> {
  bundle.save();
  const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()], { without });
  assert.equal(outcome.status, 1, describe(["run"], outcome));
  assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
  return outcome.stderr;
}

for (const [option, expected] of [
  ["rshared", /\/mounts\/7\/source: a bind mount shared with the host takes open_tree: open_tree/],
  ["idmap=uids=0-1-1;gids=0-1-1", /\/mounts\/7\/options\/1: id-mapped mounts take mount_setattr: /],
] as const) {
  test(
    `run [without calls of newer kernels: ${option.slice(0, 7)} is refused by name]`,
    limits,
    scoped(
      "missing",
      [],
      async (scope) => {
        const bundle = scope.bundle();
        mkdirSync(`${bundle.path}/tree`);
        bundle.config.mounts.push({ destination: "/mnt/x", source: "tree", options: ["rbind", option] });
        assert.match(await refused(scope, bundle), expected);
      },
      "root",
    ),
  );
}

test(
  "run [without calls of newer kernels: attributes of a whole tree]",
  limits,
  scoped(
    "missing",
    [],
    async (scope) => {
      const bundle = scope.bundle(
        "grep ' /mnt/x' /proc/self/mountinfo | cut -d' ' -f5,6 | sort; cd /mnt/x; touch a b/c/d 'with space/e'",
      );
      for (const name of ["b/c", "with space"]) mkdirSync(`${bundle.path}/tree/${name}`, { recursive: true });
      bundle.config.mounts.push({ destination: "/mnt/x", source: "tree", options: ["rbind", "rro", "rnosuid"] });
      bundle.save();
      const mounts = ["b", "b/c", "with space"].map(
        (name) =>
          `mkdir -p '${bundle.path}/tree/${name}' && mount -t tmpfs -o nodev tmpfs '${bundle.path}/tree/${name}'`,
      );
      const before = afterMounting(mounts.join(" && "));
      for (const without of [nothing, everything]) {
        const words = ["run", "--bundle", bundle.path, scope.id()];
        const { stdout, stderr } = await scope.invoke(words, { before, without });
        const flags = "ro,nosuid,nodev,relatime";
        assert.equal(
          stdout,
          `/mnt/x ro,nosuid,relatime\n/mnt/x/b ${flags}\n/mnt/x/b/c ${flags}\n/mnt/x/with\\040space ${flags}\n`,
          stderr,
        );
        assert.equal(stderr.match(/Read-only file system/g)?.length, 3, stderr);
      }
    },
    "root",
  ),
);

test(
  "run [without clone3: a new time namespace is refused by name]",
  limits,
  scoped(
    "missing",
    [],
    async (scope) => {
      const bundle = scope.bundle("true", (config) => config.linux.namespaces.push({ type: "time" }));
      const text = await refused(scope, bundle, { error: "ENOSYS", calls: ["clone3"] });
      assert.match(text, /a new time namespace takes clone3: clone3 is missing here/);
    },
    "root",
  ),
);

test(
  "run [without open_tree: a source that the container's root cannot reach]",
  limits,
  scoped(
    "missing",
    ["userNamespaces"],
    async (scope) => {
      const bundle = scope.bundle("cat /mnt/x/word", () => {}, { ids: mappedIds });
      mkdirSync(`${scope.directory}/closed/inner`, { recursive: true });
      writeFileSync(`${scope.directory}/closed/inner/word`, "word\n");
      const source = `${scope.directory}/closed/inner`;
      bundle.config.mounts.push({ destination: "/mnt/x", source, options: ["bind"] });
      bundle.save();
      const words = ["run", "--bundle", bundle.path, scope.id()];
      const onlyOpenTree = { error: "EPERM", calls: ["open_tree"] } as const;
      chmodSync(`${scope.directory}/closed`, 0o700);
      // root's own: opened before the stage takes other ids
      for (const without of [nothing, onlyOpenTree]) {
        assert.equal((await scope.succeed(words, { without })).stdout, "word\n");
      }
      chownSync(`${scope.directory}/closed`, 12_345, 12_345);
      assert.equal((await scope.succeed(words, { without: nothing })).stdout, "word\n");
      const text = await refused(scope, bundle, onlyOpenTree);
      assert.match(text, /mounts\[7\] "\/mnt\/x": Cannot open bind source ".*\/closed\/inner": EACCES/);
      assert.match(text, /because +in a user namespace the way there is closed.*open_tree is missing here/);
      assert.match(text, /asked by +config\.json \/mounts\/7\/source/);
    },
    "root",
  ),
);

// S1, S3, S4, S7
for (const without of [nothing, everything]) {
  test(
    `run [locked flags of a source, ${without.calls.length === 0 ? "with" : "without"} calls of newer kernels] (rootless)`,
    limits,
    scoped(
      "locked",
      [],
      async (scope) => {
        const make = (...options: string[]): Bundle => {
          const bundle = scope.bundle("grep ' /mnt/x ' /proc/self/mountinfo | cut -d' ' -f6");
          bundle.config.mounts.push({ destination: "/mnt/x", source: `${scope.directory}/shm`, options });
          bundle.save();
          return bundle;
        };
        mkdirSync(`${scope.directory}/shm`);
        const mounted = afterMounting(
          `mount -t tmpfs -o nosuid,nodev,noexec,noatime,mode=777 tmpfs ${scope.directory}/shm`,
        );
        const run = (bundle: Bundle) =>
          scope.invoke(["run", "--bundle", bundle.path, scope.id()], { before: mounted, without });
        for (const options of [["bind"], ["rbind"], ["bind", "ro"], ["rbind", "ro", "nosuid", "nodev"]]) {
          const { stdout, stderr } = await run(make(...options));
          const first = options.includes("ro") ? "ro" : "rw";
          assert.equal(stdout, `${first},nosuid,nodev,noexec,noatime\n`, stderr);
        }
        for (const [option, flag] of [
          ["exec", "noexec"],
          ["suid", "nosuid"],
          ["dev", "nodev"],
          ["relatime", "noatime"],
        ] as const) {
          const { status, stderr } = await run(make("bind", "ro", option));
          assert.equal(status, 1);
          assert.match(stderr, /mounts\[7\] "\/mnt\/x": .*EPERM/, option);
          assert.match(stderr, new RegExp(`because +the mount of the source is ${flag}, which is locked`), option);
        }
      },
      usualUser,
    ),
  );
}

test(
  "explain [says which way is taken, and why]",
  limits,
  scoped(
    "missing",
    [],
    async (scope) => {
      const bundle = scope.bundle();
      const explain = async (without: Without): Promise<string> =>
        (await scope.succeed(["explain", bundle.path], { without })).stdout;
      assert.doesNotMatch(await explain(nothing), /^# note/m);
      const text = await explain({ error: "EPERM", calls: ["fsopen", "openat2"] });
      assert.match(text, /^# note mounts by mount\(2\): fsopen is missing here or forbidden by a seccomp filter$/m);
      assert.match(text, /^# note paths are resolved step by step: openat2 is missing here/m);
      assert.doesNotMatch(text, / (openat2|fsopen|fsmount|move_mount|open_tree|mount_setattr)\(/);
      const debug = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], {
        without: everything,
        global: ["--debug"],
      });
      for (const word of ["mounts by mount(2)", "step by step", "by clone(2)", "closed one by one"]) {
        assert.ok(debug.stderr.includes(word), debug.stderr);
      }
    },
    "root",
  ),
);

test(
  "run [clone3 forbidden by EPERM: the reason is said] (rootless)",
  limits,
  scoped(
    "missing",
    [],
    async (scope) => {
      const text = await refused(scope, scope.bundle(), { error: "EPERM", calls: ["clone3"] });
      assert.match(text, /^bunker: Cannot run here: a seccomp filter answers clone3 with EPERM/);
      assert.match(text, /try +a seccomp profile that allows clone3, or answers it with ENOSYS/);
    },
    usualUser,
  ),
);
