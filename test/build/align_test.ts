import assert from "node:assert/strict";
import { test } from "node:test";
import { alignCode } from "../../build/align.ts";
import { readElf } from "../../build/elf.ts";

const HUGE = 0x20_0000;

/** An executable of three segments and three sections, by elf(5); what each holds is its letter. */
function executable(codeOffset: number): Buffer {
  const bytes = Buffer.alloc(0x3000);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const u16 = (at: number, value: number): unknown => bytes.writeUInt16LE(value, at);
  const u64 = (at: number, value: number): unknown => bytes.writeBigUInt64LE(BigInt(value), at);
  u64(32, 64); // e_phoff
  u64(40, 0x2800); // e_shoff
  for (const [at, value] of [
    [54, 56],
    [56, 3],
    [58, 64],
    [60, 4],
    [62, 3],
  ] as const)
    u16(at, value);
  const segments = [
    { flags: 4, offset: 0, address: 0x20_0000, size: 0x900 },
    { flags: 5, offset: codeOffset, address: 0x40_0000 + codeOffset + 0x5000, size: 0x200 },
    { flags: 6, offset: 0x2000, address: 0x80_0000, size: 0x100 },
  ];
  for (const [index, { flags, offset, address, size }] of segments.entries()) {
    const at = 64 + 56 * index;
    bytes.writeUInt32LE(1, at);
    bytes.writeUInt32LE(flags, at + 4);
    u64(at + 8, offset);
    u64(at + 16, address);
    u64(at + 32, size);
    u64(at + 40, size);
  }
  for (const [index, offset] of [0x800, codeOffset, 0x2000, 0x2100].entries()) {
    u64(0x2800 + 64 * index + 24, offset);
    u64(0x2800 + 64 * index + 32, 0x10);
  }
  bytes.write("A", 0x800);
  bytes.write("C", codeOffset);
  bytes.write("D", 0x2000);
  return bytes;
}

test("alignCode() puts the code where file and memory have the same place in 2 MB, and moves nothing in memory", () => {
  const before = executable(0x1000);
  const aligned = alignCode(before);
  const [old, now] = [readElf(before), readElf(aligned)];
  const code = now.segments[1]!;
  assert.equal(code.address % HUGE, code.offset % HUGE);
  assert.deepEqual(
    now.segments.map(({ address, fileSize, flags }) => ({ address, fileSize, flags })),
    old.segments.map(({ address, fileSize, flags }) => ({ address, fileSize, flags })),
  );
  assert.equal(aligned.length, before.length + 0x5000);
});

test("alignCode() takes along every segment, section and header that lies behind", () => {
  const aligned = alignCode(executable(0x1000));
  const { segments, sections } = readElf(aligned);
  const letterAt = (offset: number): string => aligned.toString("latin1", offset, offset + 1);
  assert.deepEqual(
    segments.map(({ offset }) => letterAt(offset)),
    ["\x7f", "C", "D"],
  );
  assert.deepEqual(
    sections.map(({ offset }) => offset),
    [0x800, 0x6000, 0x7000, 0x7100],
  );
});

test("alignCode() leaves alone what is in place", () => {
  const aligned = alignCode(executable(0x1000));
  assert.deepEqual(alignCode(aligned), aligned);
});

test("alignCode() refuses a file without code", () => {
  const bytes = executable(0x1000);
  bytes.writeUInt32LE(4, 64 + 56 + 4);
  assert.throws(() => alignCode(bytes), /no code segment/);
  assert.throws(() => alignCode(Buffer.alloc(100)), /Not a 64-bit ELF/);
});
