/**
 * Text of the files in syscalls/generated/, from the lists in syscalls/ and the values in the kernel's headers.
 * Input: headers on this machine. Output: file name → text, and those files where they differ.
 * @module
 */
import { architectures, evaluate, type Architecture, type Question } from "./headers.ts";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { calls } from "../syscalls/calls.ts";
import { headers, newerNumbers, numbers } from "../syscalls/constants.ts";
import { expressions } from "../syscalls/expressions.ts";
import { newer, unexported } from "../syscalls/newer.ts";
import { events, forms, image, OP_BASE, ops, records, spawning } from "../syscalls/ops.ts";
import { structs, type StructSource } from "../syscalls/structs.ts";

const names = Object.keys(architectures) as Architecture[];

interface Field {
  offset: number;
  size: number;
  kind: string;
}

/** Everything known about one architecture. */
export interface Values {
  readonly nr: ReadonlyMap<string, number>;
  readonly constants: ReadonlyMap<string, number>;
  readonly layouts: Readonly<Record<string, { size: number; fields: Record<string, Field> }>>;
}

const words = (list: string): string[] => list.split(/\s+/).filter((word) => word !== "");

/** Names of all system calls that get a number, in order. */
export function callNames(): string[] {
  return [...new Set([...Object.keys(calls), ...words(numbers)])].toSorted();
}

/** Asks the headers of one architecture for everything in the lists; throws if a name is unknown to them. */
export function readValues(architecture: Architecture, directories: readonly string[]): Values {
  const callQuestions = callNames().map((name): Question => ({ key: `nr:${name}`, expression: `__NR_${name}` }));
  const constantQuestions = Object.values(headers)
    .flatMap(words)
    .map((name): Question => ({ key: `c:${name}`, expression: name }));
  const sources = Object.entries(structs() as Record<string, StructSource>);
  const declarations = sources.map(([name, { type }]) => `typedef ${type} T_${name};`);
  const structQuestions = sources.flatMap(([name, { fields }]) => [
    { key: `size:${name}`, expression: `sizeof(T_${name})` },
    ...Object.keys(fields).flatMap((field) => [
      { key: `at:${name}:${field}`, expression: `__builtin_offsetof(T_${name}, ${field})` },
      { key: `len:${name}:${field}`, expression: `sizeof(((T_${name} *)0)->${field})` },
    ]),
  ]);
  const includes = [
    ...new Set([
      "linux/types.h",
      "asm/unistd.h",
      ...Object.keys(headers),
      ...sources.map(([, source]) => source.header),
    ]),
  ];
  const values = evaluate(architecture, directories, includes, declarations, [
    ...callQuestions,
    ...constantQuestions,
    ...structQuestions,
  ]);

  const nr = new Map(callNames().map((name) => [name, values.get(`nr:${name}`)!]));
  for (const [name, { value }] of Object.entries(newerNumbers)) nr.set(name, value);
  const constants = new Map(constantQuestions.map(({ key, expression }) => [expression, values.get(key)!]));
  for (const [name, { value }] of Object.entries(newer)) add(constants, name, value);
  for (const [name, value] of Object.entries(unexported)) add(constants, name, value);
  const layouts = Object.fromEntries(
    sources.map(([name, { fields, size }]) => [
      name,
      {
        size: size ?? values.get(`size:${name}`)!,
        fields: Object.fromEntries(
          Object.entries(fields).map(([field, kind]): [string, Field] => [
            field,
            { offset: values.get(`at:${name}:${field}`)!, size: values.get(`len:${name}:${field}`)!, kind },
          ]),
        ),
      },
    ]),
  );
  return { nr, constants, layouts };
}

function add(constants: Map<string, number>, name: string, value: number): void {
  if (constants.has(name)) throw new Error(`${name} stands in two lists`);
  constants.set(name, value);
}

/** Families of names that the code puts together or walks through. */
const families = /^(E[A-Z0-9]+|SIG[A-Z0-9]+|CAP_\w+|RLIMIT_\w+)$/;

/**
 * Words in src/ and test/. Only the names among them go into the TypeScript tables: each of the thousand others would
 * cost every start of the runtime a third of a microsecond.
 */
function namesInUse(): Set<string> {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const texts = ["src", "test"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      // Profiles name system calls that the runtime does not make.
      .filter((path) => path.endsWith(".ts") && !path.startsWith("seccomp/"))
      .map((path) => readFileSync(join(root, folder, path), "utf8")),
  );
  return new Set(texts.flatMap((text) => text.match(/\b\w+\b/g) ?? []));
}

/** All generated files by name. */
export function generate(): Map<string, string> {
  const values = Object.fromEntries(names.map((name) => [name, readValues(name, architectures[name])])) as Record<
    Architecture,
    Values
  >;
  const [first, ...others] = names.map((name) => values[name].constants) as [Values["constants"], Values["constants"]];
  const isShared = (name: string): boolean => others.every((other) => other.get(name) === first.get(name));
  const shared = [...first].filter(([name]) => isShared(name));
  const words = namesInUse();
  const isUsed = ([name]: readonly [string, number]): boolean => words.has(name) || families.test(name);
  const files = new Map<string, string>();
  files.set("constants.ts", constantsFile(shared.filter(isUsed)));
  for (const name of names) {
    const own = [...values[name].constants].filter(([constant]) => !isShared(constant));
    const nr = [...values[name].nr].filter(([call]) => call in calls || words.has(call));
    files.set(`numbers_${name}.ts`, numbersFile(name, nr, values[name], own));
  }
  files.set("program.h", headerFile(values, shared, isShared));
  return files;
}

/** Writes the files that differ; their names. With `dryRun` only the names. */
export function writeTables(dryRun = false): string[] {
  const directory = fileURLToPath(new URL("../syscalls/generated/", import.meta.url));
  mkdirSync(directory, { recursive: true });
  const different = [...generate()].filter(([name, text]) => {
    const file = join(directory, name);
    return !existsSync(file) || readFileSync(file, "utf8") !== text;
  });
  for (const [name, text] of dryRun ? [] : different) writeFileSync(join(directory, name), text);
  return different.map(([name]) => name);
}

const heading = (subject: string, comment: string): string =>
  [
    "/**",
    ` * ${subject}`,
    " * Generated by build/generate_tables.ts from the kernel's headers: do not edit.",
    comment,
    " */",
  ]
    .filter((line) => line !== "")
    .join("\n") + "\n";

const literal = (value: number): string => (value >= 1024 ? `0x${value.toString(16)}` : String(value));

/** Its literal is a function's, so that a start which needs none of it does not pay for it. */
const lateRecord = (name: string, entries: Iterable<readonly [string, number]>): string =>
  `let made: Readonly<Record<string, number>> | undefined;\n\n/** Made at first use. */\n` +
  `export const ${name} = (): Readonly<Record<string, number>> =>\n  (made ??= {\n` +
  [...entries].map(([key, value]) => `    ${key}: ${literal(value)},\n`).join("") +
  "  });\n";

const record = (name: string, entries: Iterable<readonly [string, number]>): string =>
  `export const ${name}: Readonly<Record<string, number>> = {\n` +
  [...entries].map(([key, value]) => `  ${key}: ${literal(value)},\n`).join("") +
  "};\n";

function constantsFile(shared: readonly (readonly [string, number])[]): string {
  return (
    heading(
      "Constants that src/ and test/ name and that are the same on every architecture; -1 stands for all bits set.",
      " * @module",
    ) + lateRecord("constants", shared)
  );
}

function numbersFile(
  architecture: Architecture,
  nr: readonly (readonly [string, number])[],
  { layouts: structLayouts, constants }: Values,
  own: readonly (readonly [string, number])[],
): string {
  const layouts = Object.entries(structLayouts).map(([name, { size, fields }]) => {
    const lines = Object.entries(fields).map(([field, { offset, size: bytes, kind }]) => {
      const key = /^\w+$/.test(field) ? field : JSON.stringify(field);
      return `      ${key}: { offset: ${offset}, size: ${bytes}, kind: "${kind}" },\n`;
    });
    return `  ${name}: () => ({\n    size: ${size},\n    fields: {\n${lines.join("")}    },\n  }),\n`;
  });
  return (
    heading(
      `Numbers of system calls, constants and structure layouts (sizes and offsets in bytes) of ${architecture}.`,
      " * @module",
    ) +
    'import type { StructLayout } from "../layout.ts";\n\n' +
    record("nr", nr) +
    "\n/** Values of the expressions of syscalls/expressions.ts. */\n" +
    record(
      "expressions",
      expressions.map((expression) => [JSON.stringify(expression), valueOf(constants, expression)] as const),
    ) +
    "\n" +
    lateRecord("archConstants", own) +
    `\n/** Each is made when it is asked for: see structLayout(). */\n` +
    `export const structLayouts: Readonly<Record<string, () => StructLayout>> = {\n${layouts.join("")}};\n`
  );
}

function valueOf(constants: Values["constants"], expression: string): number {
  let value = 0n;
  for (const part of expression.split("|")) {
    const octal = /^0[0-7]+$/.test(part) ? Number.parseInt(part, 8) : Number(part);
    const known = constants.get(part) ?? (Number.isNaN(octal) ? undefined : octal);
    if (known === undefined) throw new Error(`No constant "${part}": see syscalls/expressions.ts`);
    value |= BigInt(known);
  }
  return Number(value);
}

/** A number as a C literal whose type holds it without a warning. */
function cLiteral(value: number): string {
  if (value < 0) return `(${value})`;
  if (value > 0xffff_ffff) return `0x${value.toString(16)}ULL`;
  if (value > 0x7fff_ffff) return `0x${value.toString(16)}U`;
  return literal(value);
}

const defines = (prefix: string, entries: Iterable<readonly [string, number]>): string =>
  [...entries].map(([name, value]) => `#define ${prefix}${name} ${cLiteral(value)}\n`).join("");

function headerFile(
  values: Record<Architecture, Values>,
  shared: readonly (readonly [string, number])[],
  isShared: (name: string) => boolean,
): string {
  const numbersOf = (members: Readonly<Record<string, number>>, prefix = ""): string =>
    `enum {\n${Object.entries(members)
      .map(([member, value]) => `  ${prefix}${member} = ${literal(value)},\n`)
      .join("")}};\n`;
  const enums = [
    numbersOf({ OP_BASE, ...ops }),
    numbersOf(events, "EVENT_"),
    numbersOf(records),
    numbersOf(forms),
    numbersOf(spawning),
    numbersOf(image),
  ];
  const perArchitecture = names.map((name, index) => {
    const { nr, constants, layouts } = values[name];
    const sizes = Object.entries(layouts).flatMap(([struct, { size, fields }]): [string, number][] => [
      [`SIZEOF_${struct}`, size],
      ...Object.entries(fields).map(([field, { offset }]): [string, number] => [
        `OFFSETOF_${struct}_${field.replaceAll(".", "_")}`,
        offset,
      ]),
    ]);
    return (
      `#${index === 0 ? "if" : "elif"} defined(__${name}__)\n` +
      defines("NR_", nr) +
      defines(
        "",
        [...constants].filter(([constant]) => !isShared(constant)),
      ) +
      defines("", sizes)
    );
  });
  return (
    heading(
      "Numbers the C side shares with the encoder, numbers of system calls (NR_), constants, structure layouts.",
      "",
    ) +
    "#ifndef BUNKER_PROGRAM_H\n#define BUNKER_PROGRAM_H\n\n" +
    enums.join("\n") +
    "\n" +
    perArchitecture.join("\n") +
    '\n#else\n#error "No tables for this architecture"\n#endif\n\n' +
    defines("", shared) +
    "\n#endif\n"
  );
}
