/**
 * Executes classic BPF as the kernel does for seccomp(2). In: instructions, struct seccomp_data. Out: what the filter
 * returns, and after how many instructions.
 * Kernel: Documentation/networking/filter.rst, kernel/seccomp.c seccomp_check_filter
 * @module
 */
import assert from "node:assert/strict";

export interface SeccompData {
  readonly nr: number;
  readonly arch: number;
  readonly args: readonly bigint[];
}

export interface Verdict {
  readonly value: number;
  readonly steps: number;
}

/** Words of a filter out of the bytes of struct sock_filter[]. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(bytes.length / 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < words.length; i++) words[i] = view.getUint32(4 * i, true);
  return words;
}

/** One 32-bit word of struct seccomp_data; the instruction pointer is 0. */
function wordAt(data: SeccompData, offset: number): number {
  if (offset === 0) return data.nr >>> 0;
  if (offset === 4) return data.arch >>> 0;
  if (offset < 16) return 0;
  const value = data.args[(offset - 16) >> 3] ?? 0n;
  return Number((offset & 4) === 0 ? value & 0xffff_ffffn : (value >> 32n) & 0xffff_ffffn);
}

/** Runs a filter. @param isKernelConstant refuses what kernel/seccomp.c does not evaluate at load time */
export function runFilter(words: ArrayLike<number>, data: SeccompData, isKernelConstant = false): Verdict {
  let a = 0;
  const count = words.length / 2;
  for (let at = 0, steps = 1; at < count; at++, steps++) {
    const operation = words[2 * at]!;
    const k = words[2 * at + 1]! >>> 0;
    const onTrue = (operation >>> 16) & 0xff;
    const onFalse = operation >>> 24;
    switch (operation & 0xffff) {
      case 0x20:
        assert.ok(k % 4 === 0 && k < 64, `load at ${k}`);
        if (isKernelConstant) assert.ok(k <= 4, "the number alone does not decide");
        a = wordAt(data, k);
        break;
      case 0x54:
        a = (a & k) >>> 0;
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        at += a === k ? onTrue : onFalse;
        break;
      case 0x25:
        at += a > k ? onTrue : onFalse;
        break;
      case 0x35:
        at += a >= k ? onTrue : onFalse;
        break;
      case 0x45:
        at += (a & k) !== 0 ? onTrue : onFalse;
        break;
      case 0x06:
        return { value: k, steps };
      default:
        assert.fail(`instruction ${at} has code 0x${(operation & 0xffff).toString(16)}`);
    }
  }
  assert.fail("The filter runs out of instructions");
}

/** What the kernel checks before it takes a filter: jumps stay inside and go forwards, the end returns. */
export function checkFilter(words: ArrayLike<number>): void {
  const count = words.length / 2;
  assert.ok(count > 0 && count <= 4096, `${count} instructions`);
  for (let at = 0; at < count; at++) {
    const operation = words[2 * at]!;
    const code = operation & 0xffff;
    assert.ok([0x20, 0x54, 0x05, 0x15, 0x25, 0x35, 0x45, 0x06].includes(code), `instruction ${at}: code ${code}`);
    if (code === 0x05) assert.ok(at + 1 + words[2 * at + 1]! < count, `instruction ${at} jumps out`);
    else if ((code & 7) === 5) {
      assert.ok(at + 1 + ((operation >>> 16) & 0xff) < count, `instruction ${at} jumps out`);
      assert.ok(at + 1 + (operation >>> 24) < count, `instruction ${at} jumps out`);
    }
  }
  assert.equal(words[2 * count - 2]! & 0xffff, 6, "the last instruction returns");
}
