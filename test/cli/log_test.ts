/**
 * The log: which lines are written where, and in which form.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger, type LogOptions } from "../../src/log.ts";

const now = () => new Date("2026-01-02T03:04:05.678Z");

function logged(options: Partial<LogOptions>): string[] {
  const lines: string[] = [];
  const log = createLogger({
    format: "text",
    debug: false,
    file: false,
    now,
    write: (text) => lines.push(text),
    ...options,
  });
  log.debug("d");
  log.warn("w");
  log.error('e "q"\nx');
  log.flush();
  return lines;
}

test("createLogger() writes to a file the error only, as one JSON object on one line", () => {
  const lines = logged({ format: "json", file: true });
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^[^\n]*\n$/);
  assert.deepEqual(JSON.parse(lines[0]!), { level: "error", msg: 'e "q"\nx', time: "2026-01-02T03:04:05.678Z" });
});

test("createLogger() writes everything to a file with debug", () => {
  assert.deepEqual(
    logged({ format: "json", file: true, debug: true }).map((line) => JSON.parse(line).level),
    ["debug", "warning", "error"],
  );
});

test("createLogger() writes text to a file as runc does", () => {
  assert.deepEqual(logged({ file: true }), ['time="2026-01-02T03:04:05.678Z" level=error msg="e \\"q\\"\\nx"\n']);
});

test("createLogger() tells people of warnings, after the error", () => {
  assert.deepEqual(logged({}), ['bunker: e "q"\nx\n', "bunker: warning: w\n"]);
});

test("createLogger() tells people of everything at once with debug", () => {
  assert.deepEqual(logged({ debug: true }), ["bunker: debug: d\n", "bunker: warning: w\n", 'bunker: e "q"\nx\n']);
});

test("createLogger() hands waiting warnings out once", () => {
  const log = createLogger({ format: "text", debug: false, file: false, write: assert.fail });
  log.warn("a");
  log.warn("b");
  assert.equal(log.takeWaiting(), "bunker: warning: a\nbunker: warning: b\n");
  assert.equal(log.takeWaiting(), "");
  log.flush();
});

test("createLogger() holds no repeated line back", () => {
  const lines: string[] = [];
  const log = createLogger({ format: "text", debug: true, file: false, write: (text) => lines.push(text) });
  for (let i = 0; i < 20; i++) log.debug("same");
  assert.equal(lines.length, 20);
});
