/**
 * Compiles device rules into an eBPF program for a v2 cgroup.
 * In: rules in order. Out: instructions as hexadecimal text, and how many.
 * Kernel: bpf(2) BPF_PROG_TYPE_CGROUP_DEVICE; the context is struct bpf_cgroup_dev_ctx
 *   {u32 access_type; u32 major; u32 minor}, access_type = access << 16 | type.
 * The instruction set is one on every architecture (RFC 9669), so its numbers stand here.
 * @module
 */

/** One rule: whether processes may access devices of a type and numbers. */
export interface DeviceAccess {
  readonly allow: boolean;
  /** "a": both. */
  readonly type: "a" | "b" | "c";
  /** A number or `anyNumber`. */
  readonly major: number;
  readonly minor: number;
  /** Some of "r", "w", "m". */
  readonly access: string;
}

/** Every number, in major and minor. */
export const anyNumber = -1;

/** BPF_DEVCG_DEV_*, BPF_DEVCG_ACC_*. */
const typeBits = { b: 1, c: 2 } as const;
const accessBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const everyAccess = 7;

/** Registers: result, context, type, access not yet decided, numbers, scratch. */
const [R0, CONTEXT, TYPE, ACCESS, MAJOR, MINOR, SCRATCH] = [0, 1, 2, 3, 4, 5, 6];

const LOAD_WORD = 0x61;
const MOVE = 0xb7;
const MOVE_REGISTER = 0xbf;
const AND = 0x57;
const SHIFT_RIGHT = 0x77;
/** 32-bit comparison, since Linux 5.1: device numbers are unsigned. */
const JUMP32_UNEQUAL = 0x56;
const JUMP32_EQUAL = 0x16;
const EXIT = 0x95;

type Instruction = readonly [code: number, destination: number, source: number, offset: number, immediate: number];

/** The last rule that says something about a request decides, so the rules are tested from the last one on. */
export function compileDeviceRules(rules: readonly DeviceAccess[]): { insns: string; count: number } {
  const code: Instruction[] = [
    [LOAD_WORD, TYPE, CONTEXT, 0, 0],
    [MOVE_REGISTER, ACCESS, TYPE, 0, 0],
    [SHIFT_RIGHT, ACCESS, 0, 0, 16],
    [AND, TYPE, 0, 0, 0xffff],
    [LOAD_WORD, MAJOR, CONTEXT, 4, 0],
    [LOAD_WORD, MINOR, CONTEXT, 8, 0],
  ];
  let isDecided = false;
  for (let i = rules.length - 1; i >= 0 && !isDecided; i--) isDecided = appendRule(code, rules[i]!);
  // The verifier refuses instructions that nothing reaches.
  if (!isDecided) code.push([MOVE, R0, 0, 0, 0], [EXIT, 0, 0, 0, 0]);
  return { insns: hex(code), count: code.length };
}

/** Appends one rule; true if it decides about every request. */
function appendRule(code: Instruction[], rule: DeviceAccess): boolean {
  let access = 0;
  for (const letter of rule.access) access |= accessBits[letter] ?? 0;
  const isNumber = (value: number): boolean => value === anyNumber || (value >= 0 && value <= 0xffff_ffff);
  if (access === 0 || !isNumber(rule.major) || !isNumber(rule.minor)) return false;
  const verdict: Instruction[] = [];
  if (access !== everyAccess && rule.allow) {
    // What it allows needs no other rule; the rest of the request does.
    verdict.push([AND, ACCESS, 0, 0, everyAccess & ~access], [JUMP32_UNEQUAL, ACCESS, 0, 2, 0]);
  } else if (access !== everyAccess) {
    verdict.push(
      [MOVE_REGISTER, SCRATCH, ACCESS, 0, 0],
      [AND, SCRATCH, 0, 0, access],
      [JUMP32_EQUAL, SCRATCH, 0, 2, 0],
    );
  }
  verdict.push([MOVE, R0, 0, 0, rule.allow ? 1 : 0], [EXIT, 0, 0, 0, 0]);
  const tests: (readonly [register: number, value: number])[] = [];
  if (rule.type !== "a") tests.push([TYPE, typeBits[rule.type]]);
  if (rule.major !== anyNumber) tests.push([MAJOR, rule.major]);
  if (rule.minor !== anyNumber) tests.push([MINOR, rule.minor]);
  tests.forEach(([register, value], index) => {
    code.push([JUMP32_UNEQUAL, register, 0, tests.length - 1 - index + verdict.length, value]);
  });
  code.push(...verdict);
  return tests.length === 0 && access === everyAccess;
}

/** struct bpf_insn, little-endian as on both architectures. */
function hex(code: readonly Instruction[]): string {
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < code.length; i++) {
    const [operation, destination, source, offset, immediate] = code[i]!;
    bytes[i * 8] = operation;
    bytes[i * 8 + 1] = destination | (source << 4);
    view.setInt16(i * 8 + 2, offset, true);
    view.setInt32(i * 8 + 4, immediate, true);
  }
  return bytes.toHex();
}
