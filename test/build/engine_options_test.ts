import assert from "node:assert/strict";
import { test } from "node:test";
import { setEngineOptions } from "../../build/engine_options.ts";

const CODE = { code: Uint8Array.from([1, 2, 3, 4, ...Array<number>(28).fill(0)]), start: 2, links: 16 };
const TEXT = { offset: 0x1d00, address: 0x40_0d00 };
const ENVIRON = 0x80_0010;
const FUNCTIONS = 0x2000;

/** An executable with a code segment, .init_array of one function, and environ, by elf(5). */
function executable(): Buffer {
  const bytes = Buffer.alloc(0x3000);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const u16 = (at: number, value: number): unknown => bytes.writeUInt16LE(value, at);
  const u64 = (at: number, value: number): unknown => bytes.writeBigUInt64LE(BigInt(value), at);
  u64(32, 64); // e_phoff
  u64(40, 0x2800); // e_shoff
  for (const [at, value] of [
    [54, 56],
    [56, 1],
    [58, 64],
    [60, 4],
    [62, 3],
  ] as const)
    u16(at, value);
  bytes.writeUInt32LE(1, 64);
  bytes.writeUInt32LE(5, 68);
  u64(72, TEXT.offset);
  u64(80, TEXT.address);
  u64(96, 0x100);
  u64(FUNCTIONS, TEXT.address + 0x10);
  const sections = [
    { type: 14, offset: FUNCTIONS, size: 8, link: 0 },
    { type: 2, offset: 0x2100, size: 24, link: 2 },
    { type: 3, offset: 0x2200, size: 32, link: 0 },
    { type: 3, offset: 0x2300, size: 32, link: 0 },
  ];
  for (const [index, { type, offset, size, link }] of sections.entries()) {
    const at = 0x2800 + 64 * index;
    bytes.writeUInt32LE(type, at + 4);
    u64(at + 24, offset);
    u64(at + 32, size);
    bytes.writeUInt32LE(link, at + 40);
  }
  bytes.writeUInt32LE(1, 0x2100);
  u64(0x2108, ENVIRON);
  bytes.write("environ", 0x2201);
  return bytes;
}

test("setEngineOptions() puts the function before the code, in the place of the first that is called", () => {
  const bytes = executable();
  assert.equal(setEngineOptions(bytes, CODE), undefined);
  const at = TEXT.offset - 0xd00;
  assert.deepEqual([...bytes.subarray(at, at + 4)], [1, 2, 3, 4]);
  assert.equal(bytes.readBigUInt64LE(at + CODE.links), BigInt(TEXT.address + 0x10));
  assert.equal(bytes.readBigUInt64LE(at + CODE.links + 8), BigInt(ENVIRON));
  assert.equal(bytes.readBigUInt64LE(FUNCTIONS), BigInt(TEXT.address - 0xd00 + CODE.start));
});

test("setEngineOptions() says why it leaves an executable as it is", () => {
  const cases: readonly [RegExp, (bytes: Buffer) => void][] = [
    [/no functions that run before/, (bytes) => bytes.writeUInt32LE(1, 0x2800 + 4)],
    [/no environ/, (bytes) => bytes.write("another", 0x2201)],
    [/something is before its code/, (bytes) => bytes.writeUInt8(1, TEXT.offset - 1)],
    [/first function is not in its code/, (bytes) => bytes.writeBigUInt64LE(0n, FUNCTIONS)],
    [/room for 16 bytes/, (bytes) => bytes.writeBigUInt64LE(BigInt(0x40_0010), 80)],
  ];
  for (const [reason, change] of cases) {
    const bytes = executable();
    change(bytes);
    const before = Buffer.from(bytes);
    assert.match(setEngineOptions(bytes, CODE) ?? "", reason);
    assert.deepEqual(bytes, before);
  }
});
