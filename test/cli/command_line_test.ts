/**
 * The command line as callers see it: exit codes, first lines, the log file, help.
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { commands } from "../../src/cli/commands.ts";
import { bunker } from "./bunker.ts";

/** Runs the body with a directory of its own. */
function inDirectory(body: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "bunker-command-line-"));
  try {
    body(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const failures: readonly [words: string[], code: number, firstLine: string][] = [
  [["frobnicate"], 3, 'bunker: Unknown command "frobnicate"'],
  [["checkpoint", "--help"], 3, 'bunker: Unknown command "checkpoint"'],
  [["toString"], 3, 'bunker: Unknown command "toString"'],
  [["--root"], 1, "bunker: flag needs an argument: --root"],
  [["--nope", "list"], 1, "bunker: Unknown option: --nope"],
  [["list", "--nope"], 1, 'bunker: Unknown option of "list": --nope'],
  [["list", "-f", "xml"], 1, 'bunker: Invalid value "xml" for -f: table, json'],
  [["create"], 1, 'bunker: "create" requires an argument: ID'],
  [["state", "a", "b"], 1, 'bunker: Unexpected argument of "state": "b"'],
  [["kill", "web", "BANG"], 1, 'bunker: Unknown signal "BANG": a number from 0 to 64, or a name such as TERM'],
  [
    ["state", "no/such"],
    1,
    'bunker: Invalid container ID "no/such": only letters, digits and _ + - . are allowed, no dot first',
  ],
  [["state", "web"], 1, 'bunker: Container "web": container does not exist'],
  [["start", "web"], 1, 'bunker: Container "web": container does not exist'],
  [["kill", "web"], 1, 'bunker: Container "web": container does not exist'],
  [["delete", "web"], 1, 'bunker: Container "web": container does not exist'],
];

for (const [words, code, firstLine] of failures) {
  test(`bunker ${words.join(" ")} fails with one clear line`, () => {
    inDirectory((directory) => {
      const global = words[0] === "--root" ? [] : ["--root", directory];
      const outcome = bunker([...global, ...words]);
      assert.equal(outcome.stderr.split("\n")[0], firstLine);
      assert.equal(outcome.code, code);
      assert.equal(outcome.stdout, "");
    });
  });
}

test("bunker delete --force of an unknown id succeeds", () => {
  inDirectory((directory) =>
    assert.deepEqual(bunker(["--root", directory, "delete", "-f", "web"]), { code: 0, stdout: "", stderr: "" }),
  );
});

test("bunker list prints runc's header, [] as JSON, and nothing with --quiet", () => {
  inDirectory((directory) => {
    const table = bunker(["--root", `${directory}/none`, "list"]);
    assert.equal(table.stdout, "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
    assert.equal(bunker(["--root", directory, "list", "-f", "json"]).stdout, "[]\n");
    assert.equal(bunker(["--root", directory, "list", "-q"]).stdout, "");
  });
});

test("bunker --log-format json --log FILE leaves exactly one JSON object on failure, also of a usage error", () => {
  inDirectory((directory) => {
    for (const words of [["state", "web"], ["list", "--nope"], ["--nope"], ["frobnicate"]]) {
      const file = join(directory, `${words.join("")}.log`);
      const outcome = bunker(["--log-format=json", "--log", file, ...words]);
      const entry = JSON.parse(readFileSync(file, "utf8"));
      assert.deepEqual(Object.keys(entry), ["level", "msg", "time"]);
      assert.equal(entry.level, "error");
      const [first, ...detail] = outcome.stderr.trimEnd().split("\n");
      const hints = detail.map((line) =>
        line
          .trim()
          .replace(/^because +/, "because ")
          .replace(/^try +/, "try: "),
      );
      assert.equal([first, ...hints].join("; "), `bunker: ${entry.msg}`);
      assert.match(entry.msg, /; (because|try:) /);
      assert.match(entry.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.equal(statSync(file).mode & 0o777, 0o600);
    }
  });
});

test("bunker --log-format json without --log says it on standard error, as JSON alone", () => {
  inDirectory((directory) => {
    const outcome = bunker(["--root", directory, "--log-format", "json", "state", "web"]);
    assert.equal(
      JSON.parse(outcome.stderr).msg,
      `Container "web": container does not exist; because ${JSON.stringify(directory)} has no state of it`,
    );
  });
});

test("bunker --log refuses a file that cannot be opened", () => {
  const outcome = bunker(["--log", "/proc/nope/log", "list"]);
  assert.equal(outcome.stderr, 'bunker: Cannot open --log "/proc/nope/log": ENOENT (no such file or directory)\n');
  assert.equal(outcome.code, 1);
});

test("bunker --version starts with the words callers split on", () => {
  for (const words of [["--version"], ["-v"], ["version"]]) {
    assert.match(bunker(words).stdout, /^bunker version \S+\ncommit: \S+\nspec: \d+\.\d+\.\d+\n$/);
  }
});

test("bunker --help lists every command and global option", () => {
  const { stdout, code } = bunker(["--help"]);
  assert.equal(code, 0);
  for (const name of [...Object.keys(commands), "--root", "--log-format", "--systemd-cgroup", "--rootless"])
    assert.ok(stdout.includes(name), name);
  assert.equal(bunker([]).stdout, stdout);
  assert.equal(bunker(["help"]).stdout, stdout);
});

test("bunker COMMAND --help shows the command's options without doing anything", () => {
  for (const words of [
    ["run", "--help"],
    ["help", "run"],
    ["--help", "run"],
    ["run", "web", "-h"],
  ]) {
    const { stdout, stderr, code } = bunker(words);
    assert.equal(`${code}${stderr}`, "0");
    for (const option of [
      "--bundle",
      "--config",
      "--pid-file",
      "--console-socket",
      "--no-pivot",
      "--detach",
      "--keep",
    ]) {
      assert.ok(stdout.includes(option), option);
    }
  }
});

test("bunker features names what it can do, and nothing else", () => {
  const features = JSON.parse(bunker(["features"]).stdout);
  assert.equal(features.ociVersionMax, "1.3.0");
  assert.ok(features.mountOptions.includes("rro"));
  assert.ok(features.linux.capabilities.includes("CAP_CHECKPOINT_RESTORE"));
  assert.equal(features.linux.capabilities[0], "CAP_CHOWN");
  assert.equal(features.linux.seccomp.enabled, true);
  assert.ok(features.linux.seccomp.actions.includes("SCMP_ACT_KILL_PROCESS"));
  assert.ok(features.linux.seccomp.archs.includes("SCMP_ARCH_X32"));
});

test("bunker spec writes config.json once", () => {
  inDirectory((directory) => {
    assert.equal(bunker(["spec"], { cwd: directory }).stderr, "");
    assert.equal(JSON.parse(readFileSync(join(directory, "config.json"), "utf8")).root.path, "rootfs");
    const again = bunker(["spec", "--bundle", directory]);
    assert.equal(again.stderr.split("\n")[0], `bunker: File "${directory}/config.json" exists`);
    assert.equal(again.code, 1);
  });
});
