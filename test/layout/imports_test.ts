/**
 * The import rule: rooms of src/ import only rooms below them, pure rooms no runtime, nothing imports node:*.
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { isScript, type Source, sources } from "./sources.ts";

/** Rooms from the highest to the lowest; those in one line are neighbours and do not know each other. */
const order = [
  ["main"],
  ["cli"],
  ["lifecycle"],
  ["cgroup"], // ends processes and reads directories by means of state
  ["state", "host"],
  ["stage"],
  ["program"],
  ["plan"],
  ["seccomp"],
  ["spec"],
  ["syscalls", "errors", "log", "dist"],
];
const pureRooms = ["spec", "seccomp", "plan", "program"];

const level = (room: string): number => order.findIndex((rooms) => rooms.includes(room));

/** "src/plan/mounts.ts" → "plan", "src/errors.ts" → "errors", "syscalls/calls.ts" → "syscalls" */
function roomOf(path: string): string {
  const [top, second] = path.split("/");
  return top === "src" ? second!.replace(/\.ts$/, "") : top!;
}

function importsOf({ text }: Source): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const pattern = /(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g;
  return [...code.matchAll(pattern)].map((match) => match[1]!);
}

const modules = sources((path) => path.startsWith("src/") && isScript(path));

test("src/ imports point downwards", () => {
  const wrong: string[] = [];
  for (const source of modules) {
    const own = roomOf(source.path);
    if (level(own) < 0) wrong.push(`${source.path}: room "${own}" has no place in the order`);
    for (const specifier of importsOf(source)) {
      if (!specifier.startsWith(".")) continue;
      const target = roomOf(join(dirname(source.path), specifier));
      if (target === own || level(target) > level(own)) continue;
      wrong.push(`${source.path} imports ${specifier}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("src/ imports name their file with its extension", () => {
  const wrong = modules.flatMap((source) =>
    importsOf(source)
      .filter((specifier) => specifier.startsWith(".") && !specifier.endsWith(".ts"))
      .map((specifier) => `${source.path} imports ${specifier}`),
  );
  assert.deepEqual(wrong, []);
});

test("src/ imports nothing of node:*, each module of which costs a millisecond at start", () => {
  const wrong = modules.flatMap((source) =>
    importsOf(source)
      .filter((specifier) => specifier.startsWith("node:"))
      .map((specifier) => `${source.path} imports ${specifier}`),
  );
  assert.deepEqual(wrong, []);
});

test("pure rooms use no runtime", () => {
  const wrong: string[] = [];
  for (const source of modules.filter(({ path }) => pureRooms.includes(roomOf(path)))) {
    const code = source.text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/\/\/.*$/gm, "");
    for (const [use] of code.matchAll(
      /\b(?:Bun|Deno)\.\w+|\bprocess\.(?:argv|exit|arch|platform|getuid)\b|"bun(?::\w+)?"|\b(?:Date\.now|Math\.random)\b/g,
    )) {
      wrong.push(`${source.path} uses ${use}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("build/ and syscalls/ do not import src/", () => {
  const wrong = sources((path) => /^(build|syscalls)\//.test(path) && isScript(path)).flatMap((source) =>
    importsOf(source)
      .filter((specifier) => specifier.startsWith(".") && join(dirname(source.path), specifier).startsWith("src/"))
      .map((specifier) => `${source.path} imports ${specifier}`),
  );
  assert.deepEqual(wrong, []);
});
