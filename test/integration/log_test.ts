/**
 * `--log` and `--log-format`: callers parse the whole file as one JSON object.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { describe, scoped } from "../support/scope.ts";

// One object, whatever the failure: callers parse the whole file as one
test(
  "--log-format json --log [exactly one object on failure]",
  limits,
  scoped("log", [], async (scope) => {
    const bundle = scope.bundle("true", (config) => {
      config.process.capabilities = { bounding: ["CAP_NONSENSE"] }; // a warning that must not get in
      config.process.args = ["/bin/not-there"];
    });
    const cases: [string[], RegExp][] = [
      [["create", "--bundle", bundle.path, scope.id()], /no such file or directory/i],
      [["create", "--bundle", "/not/there", scope.id()], /\/not\/there/],
      [["state", scope.id()], /does not exist/],
      [["start", scope.id()], /does not exist/],
      [["create"], /ID/i],
      [["run", "--bundle", bundle.path, scope.id()], /no such file or directory/i],
    ];
    for (const [index, [words, expected]] of cases.entries()) {
      const file = `${scope.directory}/log${index}`;
      const outcome = await scope.invoke(words, { global: ["--log-format", "json", "--log", file] });
      assert.equal(outcome.status, 1, describe(words, outcome));
      const entry = JSON.parse(readFileSync(file, "utf8")) as { level: string; msg: string; time: string };
      assert.equal(entry.level, "error");
      assert.match(entry.msg, expected);
      assert.match(entry.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
      assert.match(outcome.stderr, expected, "standard error says it too");
    }
  }),
);

// Engines show the log's text and nothing else.
test(
  "--log, --log-format [because and try stand in the message, in each form, once]",
  limits,
  scoped("logcause", [], async (scope) => {
    const bundle = scope.bundle(["/bin/tool"]);
    writeFileSync(`${bundle.rootfs}/bin/tool`, "#!/bin/sh\n", { mode: 0o644 });
    const whole =
      /^exec: "\/bin\/tool": permission denied; because nobody may execute it: mode 0644, owner \d+:\d+; try: chmod \+x, in the image$/;
    const words = ["run", "--bundle", bundle.path];
    const text = `${scope.directory}/text`;
    const withText = await scope.invoke([...words, scope.id()], { global: ["--log", text] });
    assert.equal(withText.status, 1);
    const [, quoted = "null"] = /^time="[^"]*" level=error msg=(".*")\n$/.exec(readFileSync(text, "utf8")) ?? [];
    assert.match(String(JSON.parse(quoted)), whole);
    assert.match(withText.stderr, /^ {2}because .*\n {2}try /m, "people read the lines");
    const json = `${scope.directory}/json`;
    await scope.invoke([...words, scope.id()], { global: ["--log-format=json", "--log", json] });
    assert.match((JSON.parse(readFileSync(json, "utf8")) as { msg: string }).msg, whole);
    const onStderr = await scope.invoke([...words, scope.id()], { global: ["--log-format=json"] });
    const entry = JSON.parse(onStderr.stderr) as { level: string; msg: string };
    assert.equal(entry.level, "error");
    assert.match(entry.msg, whole);
  }),
);

test(
  "--log [nothing on success; unwritable file is an error]",
  limits,
  scoped("logok", [], async (scope) => {
    const bundle = scope.bundle("true");
    const file = `${scope.directory}/log`;
    const global = ["--log-format=json", "--log", file];
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { global });
    assert.equal(existsSync(file) ? readFileSync(file, "utf8") : "", "");
    const outcome = await scope.invoke(["list"], { global: ["--log", "/not/there/log"] });
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /^bunker: .*\/not\/there\/log/);
  }),
);

// Callers take what comes first for the error.
test(
  "run [warnings stand behind the error, and are not lost where there is none]",
  limits,
  scoped("logorder", [], async (scope) => {
    const withWarning = (program: string) =>
      scope.bundle([program], (config) => {
        config.process.capabilities = { bounding: ["CAP_NONSENSE"] };
      });
    const failed = await scope.invoke(["run", "--bundle", withWarning("/bin/not-there").path, scope.id()]);
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, /^bunker: .*not-there[^]*CAP_NONSENSE/);
    const ran = await scope.invoke(["run", "--bundle", withWarning("/bin/true").path, scope.id()]);
    assert.equal(ran.status, 0);
    assert.match(ran.stderr, /CAP_NONSENSE/);
  }),
);
