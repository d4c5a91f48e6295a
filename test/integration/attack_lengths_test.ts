/**
 * Texts and lists of 70 KB and more wherever config.json and the command line have room for them: the right result or one
 * clear error, never another one's length. CVE-2021-43784.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type Config, withUserNamespace } from "../support/config.ts";
import { detached } from "../support/containers.ts";
import type { Outcome } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { describe, type Scope, scoped } from "../support/scope.ts";

/** Longer than 16 bits count, and than any page. */
const long = 70_000;
const text = "x".repeat(long);
const list = (count: number, of: (index: number) => string): string[] => Array.from({ length: count }, (_, n) => of(n));

/** Nothing of the engine or of a mistaken length shows: one line that names what is too long, and no container. */
function assertRefused(outcome: Outcome, expected: RegExp): void {
  const said = describe(["runtime"], outcome).slice(0, 4000);
  assert.equal(outcome.status, 1, said);
  assert.equal(outcome.timedOut, false, said);
  assert.match(outcome.stderr.split("\n")[0]!, /^bunker: /, said);
  assert.match(outcome.stderr, expected, said);
  assert.doesNotMatch(outcome.stderr, /TypeError|RangeError|\$bunfs|internal error/, said);
  assert.ok(outcome.stderr.length < 16_384, `${outcome.stderr.length} bytes of message`);
}

/** What no kernel takes: asked for, and what the error names. */
const refused: readonly [name: string, ask: (config: Config) => void, expected: RegExp][] = [
  [
    "mappings of a user namespace",
    (config) =>
      withUserNamespace(
        config,
        Array.from({ length: 3000 }, (_, n) => ({ containerID: n * 2, hostID: 200_000 + n * 2, size: 1 })),
      ),
    /uid_?[mM]ap/,
  ],
  [
    "the path of a namespace",
    (config) => (config.linux.namespaces.find(({ type }) => type === "network")!.path = `/${text}`),
    /namespaces\/1|network namespace/,
  ],
  [
    "the path of a user namespace",
    (config) => config.linux.namespaces.push({ type: "user", path: `/${text}` }),
    /namespaces\/6|user namespace/,
  ],
  ["the root's path", (config) => (config.root.path = text), /root/],
  [
    "a mount's source",
    (config) => config.mounts.push({ destination: "/mnt", source: `/${text}`, options: ["bind"] }),
    /mounts\/7|mounts\[7\]/,
  ],
  [
    "a mount's destination",
    (config) => config.mounts.push({ destination: `/${text}`, type: "tmpfs", source: "tmpfs" }),
    /mounts\/7|mounts\[7\]/,
  ],
  [
    "a mount's option",
    (config) => config.mounts.push({ destination: "/mnt", type: "tmpfs", source: "x", options: [`size=${text}`] }),
    /mounts\/7|mounts\[7\]/,
  ],
  ["a masked path", (config) => (config.linux.maskedPaths = [`/${text}`]), /maskedPaths\/0/],
  ["the working directory", (config) => (config.process.cwd = `/${text}`), /process\/cwd|working directory/],
  ["the program's name", (config) => (config.process.args = [`/${text}`]), /exec:|args/],
  ["an argument beyond the kernel's limit", (config) => config.process.args.push("x".repeat(200_000)), /argument list too long/],
  ["the host's name", (config) => (config.hostname = text), /hostname/],
  ["a kernel parameter", (config) => (config.linux["sysctl"] = { "kernel.msgmax": text }), /sysctl/],
  ["a kernel parameter's name", (config) => (config.linux["sysctl"] = { [`net.${text}`]: "1" }), /sysctl/],
  [
    "a device's path",
    (config) => (config.linux["devices"] = [{ type: "c", path: `/dev/${text}`, major: 1, minor: 3 }]),
    /devices\/0/,
  ],
  ["the path of its cgroup", (config) => (config.linux.cgroupsPath = `/${text}`), /cgroup/],
  [
    "a hook's path",
    (config) => (config.hooks = { createRuntime: [{ path: `/${text}` }] }),
    /createRuntime/,
  ],
  ["additional groups", (config) => (config.process.user.additionalGids = list(70_000, String).map(Number)), /additionalGids/],
]; // prettier-ignore

for (const [name, ask, expected] of refused) {
  test(
    `run [70 KB of ${name}: an error that names it]`,
    limits,
    scoped("long", [], async (scope) => {
      const bundle = scope.bundle(["/bin/true"], ask);
      assertRefused(await scope.invoke(["run", "--bundle", bundle.path, scope.id()]), expected);
    }),
  );
}

/** What the kernel takes: what is asked for, the program, what it prints. */
const granted: readonly [name: string, ask: (config: Config, scope: Scope) => void, script: string, printed: string][] =
  [
    [
      "arguments",
      (config) => config.process.args.push("sh", text, ...list(3000, (n) => `${"a".repeat(30)}${n}`)),
      "echo ${#1} $#; shift 3000; echo $1",
      `${long} 3001\n${"a".repeat(30)}2999\n`,
    ],
    [
      "environment",
      (config) => config.process.env.push(`LONG=${text}`, ...list(3000, (n) => `V${n}=${"a".repeat(30)}${n}`)),
      "echo ${#LONG} $V0 $V2999",
      `${long} ${"a".repeat(30)}0 ${"a".repeat(30)}2999\n`,
    ],
    [
      "groups",
      (config) => (config.process.user.additionalGids = list(60_000, (n) => String(n + 1)).map(Number)),
      "awk '/^Groups/ {print NF - 1, $2, $NF}' /proc/self/status",
      "60000 1 60000\n",
    ],
    [
      "mounts",
      (config) => {
        for (let n = 0; n < 600; n++) {
          config.mounts.push({
            destination: `/run/${"m".repeat(100)}${n}`,
            type: "tmpfs",
            source: `s${n}`,
            options: [`mode=7${n % 8}0`],
          });
        }
      },
      "grep -c ' /run/m' /proc/self/mountinfo; awk '$5 ~ /m599$/ {print $(NF-1)}' /proc/self/mountinfo",
      "600\ns599\n",
    ],
    [
      "masked and read-only paths",
      (config, scope) => {
        config.linux.maskedPaths = list(700, (n) => `/mnt/${"p".repeat(90)}${n}`);
        config.linux.readonlyPaths = list(700, (n) => `/mnt/${"q".repeat(90)}${n}`);
        mkdirSync(`${scope.directory}/many`);
        for (const path of [...config.linux.maskedPaths, ...config.linux.readonlyPaths]) {
          writeFileSync(`${scope.directory}/many/${path.slice("/mnt/".length)}`, "secret\n", { mode: 0o666 });
        }
        config.mounts.push({ destination: "/mnt", source: `${scope.directory}/many`, options: ["bind"] });
      },
      "cat /mnt/p* | wc -c; for f in /mnt/q*; do { : >> $f; } 2>/dev/null && echo writable; done | uniq -c; true",
      "0\n",
    ],
    [
      "annotations that a hook is told",
      (config, scope) => {
        config.annotations = { long: text };
        const path = scope.script("hook", `wc -c > ${scope.directory}/told`);
        config.hooks = { createRuntime: [{ path, args: ["hook", text] }] };
      },
      "echo ran",
      "ran\n",
    ],
  ];

for (const [name, ask, script, printed] of granted) {
  test(
    `run [70 KB of ${name}: all of them as asked for]`,
    limits,
    scoped("longgranted", [], async (scope) => {
      const bundle = scope.bundle(script, (config) => ask(config, scope));
      const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.stdout, printed);
    }),
  );
}

test(
  "exec [70 KB of an argument and of a variable as asked for, of a directory, a user and a cgroup refused]",
  limits,
  scoped("longexec", [], async (scope) => {
    const { id } = await detached(scope, scope.bundle("exec sleep 1000"));
    const words = ["exec", "--env", `LONG=${text}`, id, "/bin/sh", "-c", "echo ${#LONG} ${#1}", "sh", text];
    assert.equal((await scope.succeed(words)).stdout, `${long} ${long}\n`);
    for (const option of ["--cwd", "--cgroup", "--user", "--cap", "--process"]) {
      const outcome = await scope.invoke(["exec", option, option === "--cwd" ? `/${text}` : text, id, "/bin/true"]);
      if (option === "--cap" && outcome.status === 0) continue;
      assert.equal(outcome.status, 255, `${option}: ${outcome.stderr.slice(0, 300)}`);
      assert.doesNotMatch(outcome.stderr, /TypeError|RangeError|\$bunfs|internal error/);
    }
  }),
);
