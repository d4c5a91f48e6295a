/**
 * Bad input: one clear line that names the field or the option, the right exit code, and nothing left behind.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import type { Outcome } from "../support/execute.ts";
import { snapshot } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { type Bundle, type Scope, describe, scoped } from "../support/scope.ts";

/** A message is good: the first line says it, nothing of a stack trace or of the engine shows. */
function assertClear(outcome: Outcome, expected: RegExp, code = 1): void {
  const text = describe(["runtime"], outcome);
  assert.equal(outcome.timedOut, false, text);
  assert.equal(outcome.status, code, text);
  assert.equal(outcome.stdout, "", text);
  assert.match(outcome.stderr.split("\n")[0]!, /^bunker: /, text);
  assert.match(outcome.stderr.split("\n")[0]!, expected, text);
  assert.doesNotMatch(outcome.stderr, /\bat .*\.ts:\d|\$bunfs|TypeError|undefined|\[object/, text);
  assert.ok(outcome.stderr.length < 8192, "callers read 8 KiB of it");
}

/** Everything but the outcome must be as before; an empty state root may have been made. */
async function leavesNothing(scope: Scope, body: () => Promise<void>): Promise<void> {
  const before = snapshot(scope.tag, scope.directory, scope.root);
  await body();
  const after = snapshot(scope.tag, scope.directory, scope.root);
  assert.deepEqual({ ...after, state: [] }, { ...before, state: [] });
  assert.deepEqual(existsSync(scope.root) ? readdirSync(scope.root) : [], []);
}

type Change = (config: Config, bundle: Bundle) => void;

/** Edits of a parsed config.json and what the first line must name. */
const wrongConfigs: [string, Change, RegExp][] = [
  ["ociVersion missing", (c) => delete (c as Partial<Config>).ociVersion, /ociVersion/],
  ["ociVersion no version", (c) => (c.ociVersion = "one"), /ociVersion.*one/],
  ["ociVersion of the future", (c) => (c.ociVersion = "2.0.0"), /ociVersion.*2\.0\.0/],
  ["process.args a string", (c) => (c.process.args = "sh" as unknown as string[]), /\/process\/args/],
  ["process.args empty", (c) => (c.process.args = []), /\/process\/args/],
  ["process.cwd relative", (c) => (c.process.cwd = "tmp"), /\/process\/cwd.*tmp/],
  ["process.cwd missing", (c) => delete (c.process as Partial<Config["process"]>).cwd, /\/process\/cwd/],
  ["uid out of range", (c) => (c.process.user.uid = 4294967296), /\/process\/user\/uid.*4294967296/],
  ["uid negative", (c) => (c.process.user.uid = -1), /\/process\/user\/uid.*-1/],
  ["uid a fraction", (c) => (c.process.user.uid = 1.5), /\/process\/user\/uid.*1\.5/],
  ["gid a string", (c) => (c.process.user.gid = "0" as unknown as number), /\/process\/user\/gid/],
  ["additional gid out of range", (c) => (c.process.user.additionalGids = [1, 4294967296]), /additionalGids\/1/],
  ["umask out of range", (c) => (c.process.user.umask = 0o7777777), /\/process\/user\/umask/],
  ["unknown rlimit", (c) => (c.process.rlimits[0]!.type = "RLIMIT_NONSENSE"), /rlimits\/0.*RLIMIT_NONSENSE/],
  ["duplicate rlimit", (c) => c.process.rlimits.push(c.process.rlimits[0]!), /rlimits\/1.*RLIMIT_NOFILE/],
  ["rlimit soft over hard", (c) => (c.process.rlimits[0]!.soft = 4096), /rlimits\/0/],
  ["env without =", (c) => c.process.env.push("NOEQUALS"), /\/process\/env\/2.*NOEQUALS/],
  ["NUL in args", (c) => c.process.args.push("a\0b"), /\/process\/args\/1.*NUL/i],
  ["NUL in env", (c) => c.process.env.push("A=a\0b"), /\/process\/env\/2.*NUL/i],
  ["NUL in a mount source", (c) => (c.mounts[0]!.source = "a\0b"), /\/mounts\/0\/source.*NUL/i],
  ["NUL in hostname", (c) => (c.hostname = "a\0b"), /\/hostname.*NUL/i],
  ["hostname too long", (c) => (c.hostname = "x".repeat(65)), /\/hostname/],
  ["terminal a string", (c) => (c.process.terminal = "no" as unknown as boolean), /\/process\/terminal/],
  ["root missing", (c) => delete (c as Partial<Config>).root, /\/root/],
  ["root.path missing", (c) => delete (c.root as Partial<Config["root"]>).path, /\/root\/path/],
  ["root.path not there", (c) => (c.root.path = "not-there"), /root.*not-there/],
  ["root.path a file", (c) => (c.root.path = "config.json"), /root.*config\.json/],
  ["root.path empty", (c) => (c.root.path = ""), /\/root/],
  ["unknown namespace", (c) => c.linux.namespaces.push({ type: "moon" }), /\/linux\/namespaces\/6.*moon/],
  ["duplicate namespace", (c) => c.linux.namespaces.push({ type: "pid" }), /\/linux\/namespaces\/6.*pid/],
  ["namespace path relative", (c) => (c.linux.namespaces[0]!.path = "ns/pid"), /\/linux\/namespaces\/0/],
  ["namespace path not there", (c) => (c.linux.namespaces[1]!.path = "/not/there"), /namespaces\/1.*|\/not\/there/],
  [
    "namespace path of another type",
    (c) => (c.linux.namespaces[2]!.path = "/proc/self/ns/uts"),
    /namespaces\/2|\/proc\/self\/ns\/uts/,
  ],
  [
    "mount without destination",
    (c) => delete (c.mounts[0] as Partial<Config["mounts"][0]>).destination,
    /\/mounts\/0\/destination/,
  ],
  [
    "mount of unknown type",
    (c) => c.mounts.push({ destination: "/mnt/a", type: "nonsensefs", source: "x" }),
    /\/mounts\/7|mounts\[7\]/,
  ],
  [
    "mount with unknown tmpfs option",
    (c) => c.mounts.push({ destination: "/mnt/a", type: "tmpfs", source: "x", options: ["nonsense=1"] }),
    /mounts.7.*nonsense/,
  ],
  [
    "bind with file system option",
    (c) => c.mounts.push({ destination: "/mnt/a", source: "/tmp", options: ["bind", "size=1m"] }),
    /mounts.7.*size=1m/,
  ],
  ["mounts an object", (c) => (c.mounts = {} as Config["mounts"]), /\/mounts/],
  [
    "device of unknown type",
    (c) => (c.linux["devices"] = [{ type: "x", path: "/dev/x", major: 1, minor: 1 }]),
    /\/linux\/devices\/0\/type.*x/,
  ],
  [
    "device path relative",
    (c) => (c.linux["devices"] = [{ type: "c", path: "dev/x", major: 1, minor: 1 }]),
    /\/linux\/devices\/0\/path/,
  ],
  [
    "device mode out of range",
    (c) => (c.linux["devices"] = [{ type: "c", path: "/dev/x", major: 1, minor: 1, fileMode: 5e9 }]),
    /\/linux\/devices\/0\/fileMode/,
  ],
  ["propagation unknown", (c) => (c.linux["rootfsPropagation"] = "sideways"), /\/linux\/rootfsPropagation.*sideways/],
  ["personality unknown", (c) => (c.linux["personality"] = { domain: "VAX" }), /\/linux\/personality\/domain.*VAX/],
  [
    "personality flags",
    (c) => (c.linux["personality"] = { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] }),
    /\/linux\/personality\/flags/,
  ],
  ["OOM score out of range", (c) => (c.process["oomScoreAdj"] = 1001), /\/process\/oomScoreAdj.*1001/],
  ["masked path relative", (c) => (c.linux.maskedPaths = ["proc/kcore"]), /\/linux\/maskedPaths\/0/],
  [
    "sysctl of the machine",
    (c) => (c.linux["sysctl"] = { "kernel.core_pattern": "|/x" }),
    /sysctl.*kernel\.core_pattern/,
  ],
  ["sysctl hostname", (c) => (c.linux["sysctl"] = { "kernel.hostname": "x" }), /sysctl.*kernel\.hostname/],
  ["sysctl that climbs", (c) => (c.linux["sysctl"] = { "net/../vm/swappiness": "1" }), /sysctl/],
  ["hook path relative", (c) => (c.hooks = { poststop: [{ path: "bin/true" }] }), /\/hooks\/poststop\/0\/path/],
  [
    "hook timeout zero",
    (c) => (c.hooks = { poststop: [{ path: "/bin/true", timeout: 0 }] }),
    /\/hooks\/poststop\/0\/timeout/,
  ],
  ["hook not there", (c) => (c.hooks = { createRuntime: [{ path: "/not/there" }] }), /createRuntime|\/not\/there/],
  ["annotation no string", (c) => (c.annotations = { a: 1 as unknown as string }), /\/annotations\/a/],
  ["annotation key empty", (c) => (c.annotations = { "": "x" }), /\/annotations/],
  ["seccomp, wrong", (c) => (c.linux["seccomp"] = { defaultAction: "SCMP_ACT_NONSENSE" }), /\/linux\/seccomp/],
  [
    "user namespace mappings without one",
    (c) => (c.linux["uidMappings"] = [{ containerID: 0, hostID: 0, size: 1 }]),
    /uidMappings|user namespace/,
  ],
];

for (const [name, change, expected] of wrongConfigs) {
  test(
    `create [config.json: ${name}]`,
    limits,
    scoped("bad", [], async (scope) => {
      const bundle = scope.bundle();
      change(bundle.config, bundle);
      bundle.save();
      await leavesNothing(scope, async () => {
        assertClear(await scope.invoke(["create", "--bundle", bundle.path, scope.id()]), expected);
      });
    }),
  );
}

/** config.json by its bytes. */
const wrongTexts: [string, () => string | Uint8Array, RegExp][] = [
  ["empty", () => "", /config\.json/],
  ["cut off", () => '{\n  "ociVersion": "1.0.2",\n  "process": {', /config\.json.*line 3/],
  ["a word too much", () => '{\n  "ociVersion": oops\n}\n', /config\.json.*line 2,? column 17/],
  ["text after the end", () => '{"ociVersion": "1.0.2"} more', /config\.json.*line 1/],
  ["no object", () => "[1]", /config\.json/],
  ["null", () => "null", /config\.json/],
  ["not UTF-8", () => Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), /config\.json/],
  ["5 MB of brackets", () => "[".repeat(5_000_000), /config\.json/],
  ["5 MB of objects", () => `${'{"a":'.repeat(1_000_000)}1${"}".repeat(1_000_000)}`, /config\.json/],
  [
    "nested where a value is read",
    () => `{"ociVersion":"1.0.2","annotations":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    /config\.json/,
  ],
];

for (const [name, text, expected] of wrongTexts) {
  test(
    `create [config.json: ${name}]`,
    limits,
    scoped("badtext", [], async (scope) => {
      const bundle = scope.bundle();
      writeFileSync(`${bundle.path}/config.json`, text());
      await leavesNothing(scope, async () => {
        assertClear(await scope.invoke(["create", "--bundle", bundle.path, scope.id()]), expected);
      });
    }),
  );
}

test(
  "create [no config.json, no bundle, a directory for config.json]",
  limits,
  scoped("nobundle", [], async (scope) => {
    const bundle = scope.bundle();
    rmSync(`${bundle.path}/config.json`);
    await leavesNothing(scope, async () => {
      assertClear(await scope.invoke(["create", "--bundle", bundle.path, scope.id()]), /config\.json/);
      assertClear(await scope.invoke(["create", "--bundle", "/not/there", scope.id()]), /\/not\/there/);
      mkdirSync(`${bundle.path}/config.json`);
      assertClear(await scope.invoke(["create", "--bundle", bundle.path, scope.id()]), /config\.json/);
    });
  }),
);

// The command line: words, what the first line names, exit code (runc's)
const wrongLines: [string[], RegExp, number][] = [
  [["nonsense"], /nonsense/, 3],
  [["create"], /create|ID/i, 1],
  [["create", "--nonsense", "x"], /--nonsense/, 1],
  [["create", "--bundle"], /--bundle/, 1],
  [["create", "--preserve-fds", "many", "x"], /many.*--preserve-fds/, 1],
  [["create", "--preserve-fds", "-1", "x"], /--preserve-fds/, 1],
  [["state"], /ID/i, 1],
  [["state", "a", "b"], /b/, 1],
  [["kill", "x", "NONSENSE"], /NONSENSE|does not exist/, 1],
  [["list", "--format", "xml"], /xml/, 1],
  [["--log-format", "xml", "list"], /xml/, 1],
  [["--cgroup-manager", "nonsense", "list"], /nonsense/, 1],
  [["--nonsense", "list"], /--nonsense/, 1],
];
for (const [words, expected, code] of wrongLines) {
  test(
    `${words.join(" ")} [wrong command line]`,
    limits,
    scoped("badline", [], async (scope) => {
      await leavesNothing(scope, async () => assertClear(await scope.invoke(words), expected, code));
    }),
  );
}

// MUST runtime.md#create: an invalid id
for (const id of ["..", ".", "a/b", "/abs", "", "a b", "a\nb", "é", ".hidden", "x".repeat(2000), "a\u0001b"]) {
  test(
    `create [id ${JSON.stringify(id.slice(0, 20))}]`,
    limits,
    scoped("badid", [], async (scope) => {
      const bundle = scope.bundle();
      await leavesNothing(scope, async () => {
        const outcome = await scope.invoke(["create", "--bundle", bundle.path, "--", id]);
        assert.equal(outcome.status, 1, describe(["create"], outcome));
        assert.match(outcome.stderr.split("\n")[0]!, /ID/i);
      });
    }),
  );
}

test(
  "create [state root: a file, below a file, a link to elsewhere]",
  limits,
  scoped("badroot", [], async (scope) => {
    const bundle = scope.bundle();
    writeFileSync(`${scope.directory}/file`, "");
    symlinkSync("/proc", `${scope.directory}/proc`);
    for (const root of ["file", "file/below", "proc"].map((name) => `${scope.directory}/${name}`)) {
      const outcome = await scope.invoke(["--root", root, "create", "--bundle", bundle.path, scope.id()], {
        ownRoot: true,
      });
      assertClear(outcome, new RegExp(root));
    }
  }),
);
