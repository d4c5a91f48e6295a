/**
 * Compiles the shim, the stage and what runs before the engine for every architecture and writes them as dist/native/<architecture>.ts.
 * Input: syscalls/*.c, *.h, *.ld. Output: modules with base64 texts, the same bytes for the same sources; nothing is
 * done when the sources, the flags and the compiler are those of the last time.
 * @module
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { image as imageNumbers } from "../syscalls/ops.ts";
import { type Elf, readElf } from "./elf.ts";
import { architectures, type Architecture } from "./headers.ts";
import { zig } from "./zig.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const ownSources = join(root, "syscalls");

const flags = [
  "-std=c11",
  "-Os",
  "-g0",
  "-ffreestanding",
  "-nostdlib",
  "-fno-builtin",
  "-fvisibility=hidden",
  "-fno-sanitize=all",
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
  "-fno-unwind-tables",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-Wconversion",
];

/** Relocations that hold wherever the blob lies, as long as it starts on a page: distances, and offsets in a page. */
const relativeRelocations: Record<Architecture, ReadonlySet<number>> = {
  // R_X86_64_PC32, R_X86_64_PLT32
  x86_64: new Set([2, 4]),
  // R_AARCH64_PREL64/32/16, ADR_PREL_*, ADD_ABS_LO12_NC, LDST*_ABS_LO12_NC, TSTBR14, CONDBR19, JUMP26, CALL26
  aarch64: new Set([260, 261, 262, 273, 274, 275, 276, 277, 278, 279, 280, 282, 283, 284, 285, 286, 299]),
};

/** What one architecture's module exports. */
export interface Native {
  readonly shim: Uint8Array;
  readonly shimEntries: Readonly<Record<string, number>>;
  readonly stage: Uint8Array;
  readonly stageProgramOffset: number;
  readonly stageProgramHeader: number;
  /** What runs before the engine, as a flat image like the shim. */
  readonly engineStart: Uint8Array;
  readonly engineEntries: Readonly<Record<string, number>>;
}

interface FlatImage {
  readonly bytes: Uint8Array;
  /** Where its functions and data are. */
  readonly symbols: Elf["symbols"];
}

function compiler(architecture: Architecture, ...args: string[]): void {
  const result = spawnSync(zig().path, ["cc", "-target", `${architecture}-linux-none`, ...args], { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`zig cc for ${architecture} failed:\n${result.stderr}`);
  if (result.stderr !== "") throw new Error(`zig cc for ${architecture} warned:\n${result.stderr}`);
}

/** One C file as a flat image that works wherever it lies, as long as it starts on a page. */
function compileFlat(
  name: string,
  entry: string,
  architecture: Architecture,
  sources: string,
  directory: string,
): FlatImage {
  const object = join(directory, `${name}.o`);
  compiler(architecture, ...flags, "-fPIC", "-c", "-o", object, join(sources, `${name}.c`));
  const allowed = relativeRelocations[architecture];
  const absolute = readElf(readFileSync(object)).relocations.filter(({ type }) => !allowed.has(type));
  if (absolute.length > 0) {
    const list = absolute.map(({ section, type, offset }) => `${section}+0x${offset.toString(16)}: type ${type}`);
    throw new Error(`The ${name} for ${architecture} has relocations that bind it to an address:\n${list.join("\n")}`);
  }

  const linked = join(directory, name);
  const script = join(sources, "shim.ld");
  compiler(architecture, "-nostdlib", "-static", `-Wl,-T,${script}`, `-Wl,-e,${entry}`, "-o", linked, object);
  const bytes = readFileSync(linked);
  const elf = readElf(bytes);
  const loaded = elf.segments.filter(({ type, memorySize }) => type === 1 && memorySize > 0);
  const [image] = loaded;
  if (image === undefined || loaded.length > 1 || image.address !== 0 || image.fileSize !== image.memorySize) {
    const list = elf.sections
      .filter((section) => (section.flags & 2) !== 0)
      .map((section) => `${section.name} (${section.size})`);
    throw new Error(`The ${name} for ${architecture} is not one flat image: ${list.join(", ")}`);
  }
  return { bytes: bytes.subarray(image.offset, image.offset + image.fileSize), symbols: elf.symbols };
}

/** The shim, and where its exported functions start. */
function compileShim(
  architecture: Architecture,
  sources: string,
  directory: string,
): Pick<Native, "shim" | "shimEntries"> {
  const { bytes, symbols } = compileFlat("shim", "shim_call", architecture, sources, directory);
  const data = symbols.find(({ name }) => name === "shim_data")?.value;
  if (data !== imageNumbers.SHIM_DATA)
    throw new Error(`syscalls/shim.ld puts shim_data at ${data}, not at SHIM_DATA of ops.ts`);
  const entries = symbols.filter(({ isExported, isFunction }) => isExported && isFunction);
  return { shim: bytes, shimEntries: Object.fromEntries(entries.map(({ name, value }) => [name, value])) };
}

/** What runs before the engine; see build/engine_options.ts. */
function compileEngineStart(
  architecture: Architecture,
  sources: string,
  directory: string,
): Pick<Native, "engineStart" | "engineEntries"> {
  const { bytes, symbols } = compileFlat("engine", "engine_start", architecture, sources, directory);
  const entries = symbols.filter(({ name }) => name === "engine_start" || name === "engine_links");
  return { engineStart: bytes, engineEntries: Object.fromEntries(entries.map(({ name, value }) => [name, value])) };
}

/**
 * The stage as an executable that ends with its code: the runtime writes the program image at `stageProgramOffset` of
 * the file and sets p_filesz and p_memsz of the program header at `stageProgramHeader`.
 */
function compileStage(
  architecture: Architecture,
  sources: string,
  directory: string,
): Pick<Native, "stage" | "stageProgramOffset" | "stageProgramHeader"> {
  const linked = join(directory, "stage");
  compiler(
    architecture,
    ...flags,
    "-static",
    `-Wl,-T,${join(sources, "stage.ld")}`,
    "-Wl,-s",
    "-o",
    linked,
    join(sources, "stage.c"),
  );
  const bytes = readFileSync(linked);
  const elf = readElf(bytes);
  const [text, program, ...others] = elf.segments.filter(({ type }) => type === 1);
  if (text === undefined || program === undefined || others.length > 0 || program.offset < text.fileSize) {
    throw new Error(`The stage for ${architecture} needs two segments, text and program: see syscalls/stage.ld`);
  }
  const stage = bytes.slice(0, text.fileSize);
  // The section table lay behind: e_shoff, e_shnum, e_shstrndx.
  stage.fill(0, 40, 48);
  stage.fill(0, 60, 64);
  return { stage, stageProgramOffset: program.offset, stageProgramHeader: program.header };
}

/** Compiles everything for one architecture; `sources` is the directory of shim.c, stage.c and their linker scripts. */
export function compileNative(architecture: Architecture, sources: string = ownSources): Native {
  const directory = mkdtempSync(join(tmpdir(), "bunker-c-"));
  try {
    return {
      ...compileShim(architecture, sources, directory),
      ...compileStage(architecture, sources, directory),
      ...compileEngineStart(architecture, sources, directory),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Text of dist/native/<architecture>.ts. */
export function nativeModule(architecture: Architecture, native: Native, hash: string): string {
  const base64 = (bytes: Uint8Array): string => Uint8Array.from(bytes).toBase64();
  return `// ${hash}
/**
 * The C of syscalls/ compiled for ${architecture}. Generated by build/compile_c.ts: do not edit.
 * @module
 */

/** Flat position-independent image (base64), to be copied to the start of a page. */
export const shim = "${base64(native.shim)}";
/** Offset of each function in it. */
export const shimEntries = ${JSON.stringify(native.shimEntries)} as const;
/** Static executable (base64) without its program image. */
export const stage = "${base64(native.stage)}";
/** Offset in the file where the program image belongs; zeros lie between. */
export const stageProgramOffset = ${native.stageProgramOffset};
/** Offset in it of the Elf64_Phdr whose p_filesz (+32) and p_memsz (+40) are to be set to the image's size. */
export const stageProgramHeader = ${native.stageProgramHeader};
/** Flat position-independent image (base64) that the build puts into the executable. */
export const engineStart = "${base64(native.engineStart)}";
/** Offsets in it. */
export const engineEntries = ${JSON.stringify(native.engineEntries)};
`;
}

function sourceHash(): string {
  const hash = createHash("sha256");
  const files = [
    ...readdirSync(ownSources)
      .filter((name) => /\.(c|h|ld)$/.test(name))
      .toSorted()
      .map((name) => join(ownSources, name)),
    join(ownSources, "generated/program.h"),
    fileURLToPath(import.meta.url),
  ];
  hash.update(zig().version);
  for (const file of files)
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(readFileSync(file))
      .update("\0");
  return hash.digest("hex");
}

/** The architecture of this machine. */
export function hostArchitecture(): Architecture {
  if (process.arch === "x64") return "x86_64";
  if (process.arch === "arm64") return "aarch64";
  throw new Error(`bunker has no code for the architecture "${process.arch}"`);
}

/** Brings dist/native/ up to date; dist/native/host.ts then stands for the wanted architecture. Says what it compiled. */
export function compileC(wanted: Architecture = hostArchitecture()): string[] {
  const target = join(root, "dist/native");
  mkdirSync(target, { recursive: true });
  const hash = sourceHash();
  const compiled: string[] = [];
  for (const architecture of Object.keys(architectures) as Architecture[]) {
    const file = join(target, `${architecture}.ts`);
    if (existsSync(file) && readFileSync(file, "utf8").startsWith(`// ${hash}\n`)) continue;
    const native = compileNative(architecture);
    writeWhereDifferent(file, nativeModule(architecture, native, hash));
    compiled.push(`${architecture}: shim ${native.shim.length} bytes, stage ${native.stage.length} bytes`);
  }
  writeWhereDifferent(
    join(target, "host.ts"),
    `/** The architecture that is built for. Generated by build/compile_c.ts: do not edit. @module */
export const arch = "${wanted}" as const;
export * from "./${wanted}.ts";
import { archConstants, expressions, nr, structLayouts } from "../../syscalls/generated/numbers_${wanted}.ts";
/** A plain object: a namespace would call a getter for each look-up. */
export const numbers = { archConstants, expressions, nr, structLayouts };
`,
  );
  return compiled;
}

function writeWhereDifferent(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

if (import.meta.main) console.log(compileC().join("\n") || "dist/native/ is up to date");
