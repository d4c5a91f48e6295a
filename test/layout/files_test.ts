/**
 * How every file looks: length, header comment, name, exports, and nothing of the machine it was written on.
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { isC, isScript, root, sources } from "./sources.ts";

/** Lines; ours. */
const maxLines = 400;
const maxLinesOfC = 700;

const code = sources((path) => isScript(path) || isC(path));

test("files are short enough to be read at once", () => {
  const long = code
    .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ path, lines }) => lines > (isC(path) ? maxLinesOfC : maxLines));
  assert.deepEqual(long, []);
});

test("files start with a comment that says what they are for", () => {
  // Of a test the names of the tests say it.
  const bare = code
    .filter(({ path, text }) => !path.endsWith("_test.ts") && !/^(#!.*\n)?\/\*/.test(text))
    .map(({ path }) => path);
  assert.deepEqual(bare, []);
});

test("files are named in snake_case and never utils", () => {
  const wrong = code
    .map(({ path }) => path)
    .filter((path) => {
      const name = path.split("/").at(-1)!;
      return !/^[a-z0-9_]+\.(ts|mjs|c|h)$/.test(name) || /^(utils?|helpers?|common|misc)\./.test(name);
    });
  assert.deepEqual(wrong, []);
});

test("modules have no default export", () => {
  const wrong = code.filter(({ text }) => /^export default\b/m.test(text)).map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test("no file names the machine or the directory it was written in", () => {
  const top = ["package.json", "package-lock.json", ".npmrc", "deno.json", "tsconfig.json", ".gitignore", ".ci/run"];
  const texts = [
    ...sources(() => true),
    ...top.map((path) => ({ path, text: readFileSync(join(root, path), "utf8") })),
  ];
  // One component alone ("/build") may well be meant otherwise.
  const places = [root, dirname(root)].filter((place) => place.split("/").length > 2);
  const patterns = places.map((place) => new RegExp(`(^|[\\s"'\`(=:])${RegExp.escape(place)}(/|\\b)`, "m"));
  if (hostname().length > 5 && hostname() !== "localhost")
    patterns.push(new RegExp(`\\b${RegExp.escape(hostname())}\\b`));
  const wrong = texts.filter(({ text }) => patterns.some((pattern) => pattern.test(text))).map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test("package-lock.json names no registry but npm's own", () => {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  const hosts = [...lock.matchAll(/"resolved": "https?:\/\/([^/"]+)/g)].map((match) => match[1]);
  assert.deepEqual(
    [...new Set(hosts)].filter((host) => host !== "registry.npmjs.org"),
    [],
  );
});

test("package-lock.json asks no newer node than ours of packages for one platform", () => {
  // npm leaves such a package out where node is older, and the tools run by bun would miss their native part.
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { optional?: boolean; engines?: { node?: string } }>;
  };
  const wrong = Object.entries(packages)
    .filter(([, { optional, engines }]) => optional === true && /(^|[^.\d])(19|2\d)\b/.test(engines?.node ?? ""))
    .map(([path]) => path);
  assert.deepEqual(wrong, [], "remove their engines from package-lock.json");
});
