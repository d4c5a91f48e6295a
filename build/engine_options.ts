/**
 * Sets options of the engine that it takes from the environment only: a function of ours (syscalls/engine.c) runs before the
 * engine's own, and adds them there.
 * Input: the executable's bytes, aligned (build/align.ts). Output: the same bytes with that function in the room before
 * the code, which is mapped with its first page, and its address in .init_array.
 * @module
 */
import { codeSegment, readElf } from "./elf.ts";

const PAGE = 4096;
const SHT_INIT_ARRAY = 14;

/** The compiled function: dist/native/host.ts. */
export interface EngineStart {
  readonly code: Uint8Array;
  /** Offset of engine_start() in it. */
  readonly start: number;
  /** Offset of its struct of two addresses. */
  readonly links: number;
}

/** Changes the bytes in place. Why it could not, or undefined. */
export function setEngineOptions(bytes: Buffer, { code, start, links }: EngineStart): string | undefined {
  const elf = readElf(bytes);
  const text = codeSegment(elf);
  const functions = elf.sections.find(({ type }) => type === SHT_INIT_ARRAY);
  const environment = elf.symbols.find(({ name }) => name === "environ")?.value ?? 0;
  if (text === undefined || functions === undefined) return "it has no functions that run before the engine";
  if (environment === 0) return "it has no environ of its own";
  const room = text.address % PAGE;
  const at = text.offset - room;
  if (code.length > room || at < 0) return `there is room for ${room} bytes before its code, not for ${code.length}`;
  if (bytes.subarray(at, text.offset).some((byte) => byte !== 0)) return "something is before its code";
  const first = bytes.readBigUInt64LE(functions.offset);
  if (first < text.address || first >= text.address + text.fileSize) return "its first function is not in its code";
  bytes.set(code, at);
  bytes.writeBigUInt64LE(first, at + links);
  bytes.writeBigUInt64LE(BigInt(environment), at + links + 8);
  bytes.writeBigUInt64LE(BigInt(text.address - room + start), functions.offset);
  return undefined;
}
