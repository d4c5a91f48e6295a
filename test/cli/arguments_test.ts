/**
 * The option parser: what it accepts, and what it says of everything else.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asksForHelp,
  parseCommandLine,
  parseLeadingOptions,
  type OptionTable,
  type Values,
} from "../../src/cli/arguments.ts";
import { createOptions, createOptionsOf } from "../../src/cli/create_options.ts";
import { globalOptions, globalsOf, parseGlobals } from "../../src/cli/globals.ts";

const table = {
  id: { type: "positional" },
  detach: { type: "boolean", alias: "d" },
  ...createOptions,
} as const satisfies OptionTable;
const parse = (...words: string[]) => parseCommandLine("run", table, words, globalOptions);

test("parseCommandLine() takes a value as the next word or after =, with one dash or two", () => {
  for (const words of [
    ["--bundle", "/b"],
    ["--bundle=/b"],
    ["-bundle", "/b"],
    ["-bundle=/b"],
    ["-b", "/b"],
    ["-b=/b"],
  ]) {
    assert.equal(parse(...words, "web").bundle, "/b", words.join(" "));
  }
});

test("parseCommandLine() reads --no-pivot as an option of that name", () => {
  assert.equal(parse("--no-pivot", "web")["no-pivot"], true);
  assert.equal(parse("-no-subreaper", "web")["no-subreaper"], true);
  assert.equal(parse("web")["no-pivot"], false);
});

test("parseCommandLine() takes options behind the argument, and none behind --", () => {
  assert.equal(parse("web", "-d").detach, true);
  assert.equal(parse("--", "-d").id, "-d");
});

test("parseCommandLine() lets the last of a repeated option count", () => {
  assert.equal(parse("-b", "/a", "-b", "/b", "-d", "-d", "web").bundle, "/b");
  assert.equal(parse("--detach", "--detach=false", "web").detach, false);
});

test("parseCommandLine() takes a value that looks like an option", () => {
  assert.equal(parse("--bundle", "--detach", "web").bundle, "--detach");
});

const bad: readonly [words: string[], message: RegExp][] = [
  [[], /^"run" requires an argument: ID$/],
  [["a", "b"], /^Unexpected argument of "run": "b"$/],
  [["--nope", "web"], /^Unknown option of "run": --nope$/],
  [["--nope=1", "web"], /^Unknown option of "run": --nope$/],
  [["--constructor", "web"], /^Unknown option of "run": --constructor$/],
  [["-x", "web"], /^Unknown option of "run": -x$/],
  [["--id", "web"], /^Unknown option of "run": --id$/],
  [["---bundle", "x", "web"], /^Unknown option of "run": ---bundle$/],
  [["web", "--bundle"], /^flag needs an argument: --bundle$/],
  [["web", "-b"], /^flag needs an argument: -b$/],
  [["--bundle=", "web"], /^Empty value for --bundle$/],
  [["--detach=maybe", "web"], /^Invalid boolean value "maybe" for --detach: true or false$/],
];

for (const [words, message] of bad) {
  test(`parseCommandLine() refuses: ${words.join(" ") || "nothing"}`, () => {
    assert.throws(() => parse(...words), { name: "UsageError", message });
  });
}

test("parseCommandLine() says where a global option belongs", () => {
  assert.throws(
    () => parse("web", "--root", "/x"),
    (error: Error & { detail: string[] }) => error.detail[0]!.includes("before the command"),
  );
});

for (const text of ["-1", "x", "1.5", "0x10", "99999999999", "65537", " 1"]) {
  test(`createOptionsOf() refuses --preserve-fds=${text}`, () => {
    assert.throws(
      () => createOptionsOf("web", parse(`--preserve-fds=${text}`, "web")),
      /Invalid value ".*" for --preserve-fds/,
    );
  });
}

test("createOptionsOf() leaves out what was not given", () => {
  assert.deepEqual(createOptionsOf("web", parse("web")), {
    id: "web",
    bundle: ".",
    noPivot: false,
    noNewKeyring: false,
    preserveFds: 0,
  });
});

const globals = (...words: string[]) => {
  const values: Values = {};
  const at = parseGlobals(words, values);
  return { ...globalsOf(values), rest: words.slice(at) };
};

test("parseGlobals() stops at the command", () => {
  assert.deepEqual(globals("--root", "/r", "create", "--root", "/x").rest, ["create", "--root", "/x"]);
});

test("parseGlobals() takes --rootless with and without a value", () => {
  assert.deepEqual(globals("--rootless", "list").rest, ["list"]);
  assert.deepEqual(globals("--rootless=true", "list").rest, ["list"]);
  assert.throws(() => globals("--rootless=perhaps"), /Invalid value "perhaps" for --rootless: auto, true, false/);
});

test("globalsOf() puts --cgroup-manager above --systemd-cgroup", () => {
  assert.equal(globals("--systemd-cgroup").cgroupManager, "systemd");
  assert.equal(globals("--systemd-cgroup", "--cgroup-manager", "disabled").cgroupManager, "disabled");
  assert.equal(globals().cgroupManager, "cgroupfs");
});

test("parseGlobals() refuses unknown options, values and a missing value", () => {
  assert.throws(() => globals("--nope"), /^UsageError: Unknown option: --nope$/);
  assert.throws(() => globals("--log-format", "xml"), /Invalid value "xml" for --log-format: text, json/);
  assert.throws(() => globals("--root"), /flag needs an argument: --root/);
});

test("parseLeadingOptions() keeps what it read before an error, so that --log is honoured", () => {
  const values: Values = {};
  assert.throws(() => parseLeadingOptions(globalOptions, ["--log=/l", "--log-format=json", "--nope"], values));
  assert.equal(globalsOf(values).log, "/l");
  assert.equal(globalsOf(values).logFormat, "json");
});

test("asksForHelp() finds --help, but not as a value and not behind --", () => {
  assert.equal(asksForHelp(table, ["web", "--help"]), true);
  assert.equal(asksForHelp(table, ["-h"]), true);
  assert.equal(asksForHelp(table, ["--bundle", "--help", "web"]), false);
  assert.equal(asksForHelp(table, ["--", "--help"]), false);
});

const program = {
  id: { type: "positional" },
  command: { type: "positional", required: false, rest: true },
  detach: { type: "boolean", alias: "d" },
  env: { type: "string", alias: "e", repeats: true },
  label: { type: "string", mayBeEmpty: true },
} as const satisfies OptionTable;
const parseProgram = (...words: string[]) => parseCommandLine("exec", program, words, globalOptions);

test("parseCommandLine() leaves another program's words alone", () => {
  const values = parseProgram("-d", "web", "ls", "-l", "--", "-d");
  assert.equal(values.id, "web");
  assert.deepEqual(values.command, ["ls", "-l", "--", "-d"]);
  assert.deepEqual(parseProgram("web", "--", "ls", "-d").command, ["ls", "-d"]);
  assert.equal(parseProgram("web", "--", "ls", "-d").detach, false);
  assert.deepEqual(parseProgram("--", "web", "-d").command, ["-d"]);
  assert.deepEqual(parseProgram("web").command, []);
});

test("parseCommandLine() collects the values of an option that repeats", () => {
  assert.deepEqual(parseProgram("-e", "A=1", "--env=B=2", "web").env, ["A=1", "B=2"]);
  assert.equal(parseProgram("web").env, undefined);
});

test("parseCommandLine() takes an empty value only where it means something", () => {
  assert.equal(parseProgram("--label", "", "web").label, "");
  assert.throws(() => parseProgram("--env", "", "web"), /Empty value for --env/);
});

test("asksForHelp() does not look into another program's words", () => {
  assert.equal(asksForHelp(program, ["web", "ls", "--help"]), false);
  assert.equal(asksForHelp(program, ["-e", "A=1", "--help", "web"]), true);
});
